"""What the database holds, to see that nothing changed, or that nothing of somebody is left."""

from django.apps import apps


def rows_of(*labels: str) -> dict[str, list[dict[str, object]]]:
    """Return every row of each table of the apps called `labels`, or of all apps where none is named."""
    models = [model for model in apps.get_models() if not labels or model._meta.app_label in labels]
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in models}

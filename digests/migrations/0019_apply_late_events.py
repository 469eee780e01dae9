from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def apply_late_events(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let events that were put aside for their age be applied. Those of Mailgun may be forged, and stay aside."""
    late = apps.get_model("digests", "ProviderEvent").objects.filter(put_aside="replay")
    late.exclude(provider="Mailgun").update(put_aside="", applied_at=None)
    late.update(put_aside="refused")


class Migration(migrations.Migration):
    dependencies = [("digests", "0018_provider_stops")]

    operations = [migrations.RunPython(apply_late_events, migrations.RunPython.noop, elidable=True)]

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def apply_late_events(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Have events that were put aside for their age applied, unless only a time signed by Mailgun says that they are old."""
    late = apps.get_model("digests", "ProviderEvent").objects.filter(put_aside="replay")
    late.exclude(provider="Mailgun").update(put_aside="", applied_at=None)
    late.update(put_aside="refused")


class Migration(migrations.Migration):
    dependencies = [("digests", "0018_provider_stops")]

    operations = [migrations.RunPython(apply_late_events, migrations.RunPython.noop, elidable=True)]

"""Have the papers of the last days tagged anew, because the shipped words of fields changed."""

from django.db import migrations
from django.utils import timezone


def ask_to_retag(apps, schema_editor):
    apps.get_model("papers", "Topic").objects.filter(retired_into=None).update(retag_asked_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('papers', '0016_fit_beside_neighbours'),
    ]

    operations = [migrations.RunPython(ask_to_retag, migrations.RunPython.noop)]

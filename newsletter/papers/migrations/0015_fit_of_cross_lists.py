"""Have the papers of the last days tagged anew, because a cross-list alone makes a weak fit."""

from django.db import migrations
from django.utils import timezone


def ask_to_retag(apps, schema_editor):
    apps.get_model("papers", "Topic").objects.filter(retired_into=None).update(retag_asked_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('papers', '0014_fit_of_lone_phrases'),
    ]

    operations = [migrations.RunPython(ask_to_retag, migrations.RunPython.noop)]

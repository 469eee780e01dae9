import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("digests", "0005_batch_provider"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="digest",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["made_at"], name="digest_made_at"),
        ),
    ]

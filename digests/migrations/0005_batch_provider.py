from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("digests", "0004_open_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="finished_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="batch",
            name="provider",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="batch",
            name="started_at",
            field=models.DateTimeField(null=True),
        ),
    ]

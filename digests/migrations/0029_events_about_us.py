from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Index refusals of our mail, while events come in. Run again, it begins anew where it was broken off."""

    atomic = False

    dependencies = [
        ("digests", "0028_provider_lookups"),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS event_about_us", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="providerevent",
            index=models.Index(condition=models.Q(("blame", "us")), fields=["received_at"], name="event_about_us"),
        ),
    ]

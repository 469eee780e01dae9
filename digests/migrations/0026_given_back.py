from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Index what is given back, while workers go on writing. Run again, it begins anew where it was broken off."""

    atomic = False

    dependencies = [
        ("digests", "0025_alerts_of_refusals"),
        ("subscribers", "0017_refusals"),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS delivery_abandoned", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("settled_by", None), ("status", "abandoned")),
                fields=["subscriber", "slot"],
                name="delivery_abandoned",
            ),
        ),
    ]

import django.contrib.postgres.fields
import django.db.models.deletion
import newsletter.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("issues", "0001_initial"),
        ("subscribers", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lane", models.CharField(default="single", max_length=10)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("leased", "Leased"),
                            ("submitting", "Submitting"),
                            ("done", "Done"),
                            ("dropped", "Dropped"),
                        ],
                        default="planned",
                        max_length=10,
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("not_before", models.DateTimeField(null=True)),
                ("made_at", models.DateTimeField(default=newsletter.clock.now)),
            ],
            options={
                "verbose_name_plural": "batches",
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ("done", "dropped")), _negated=True),
                        fields=["id"],
                        name="batch_unfinished",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Digest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("content_key", models.UUIDField(unique=True)),
                (
                    "card_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("is_fallback", models.BooleanField(default=False)),
                ("subject", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField(default=newsletter.clock.now)),
                (
                    "issue",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="digests",
                        to="issues.issue",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Frame",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("html", models.TextField()),
                ("text", models.TextField()),
                (
                    "issue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="frame", to="issues.issue"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Card",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=500)),
                ("html", models.TextField(blank=True, default="")),
                ("text", models.TextField(blank=True, default="")),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="cards", to="issues.issueentry"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("entry", "reason"), name="card_once_a_reason")],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slot", models.DateTimeField()),
                ("call_no", models.PositiveIntegerField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("skipped", "Skipped"),
                            ("rejected", "Rejected"),
                            ("uncertain", "Uncertain"),
                            ("sent", "Sent"),
                            ("abandoned", "Abandoned"),
                        ],
                        max_length=9,
                        null=True,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("no_issue", "no issue was published since the last digest"),
                            ("nothing_matched", "none of the papers matched"),
                            ("all_had", "every matching paper had been sent before"),
                            ("expired", "too late for its hour; its papers come with the next digest"),
                            ("unsubscribed", "the reader left before it was sent"),
                            ("suppressed", "the address is suppressed"),
                            ("withdrawn", "the issue was withdrawn"),
                        ],
                        default="",
                        max_length=15,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("covered_from", models.DateTimeField(null=True)),
                ("covered_to", models.DateTimeField(null=True)),
                ("provider_id", models.CharField(blank=True, default="", max_length=200)),
                ("made_at", models.DateTimeField(default=newsletter.clock.now)),
                ("expires_at", models.DateTimeField()),
                (
                    "batch",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="digests.batch",
                    ),
                ),
                (
                    "preferences",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="subscribers.preferences",
                    ),
                ),
                (
                    "subscriber",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="deliveries",
                        to="subscribers.subscriber",
                    ),
                ),
                (
                    "digest",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="digests.digest",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "constraints": [models.UniqueConstraint(fields=("subscriber", "slot"), name="delivery_once_a_slot")],
            },
        ),
    ]

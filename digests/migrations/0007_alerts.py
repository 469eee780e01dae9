import django.contrib.postgres.fields
import django.db.models.deletion
import newsletter.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("digests", "0006_digest_made_at"),
        ("issues", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("paused", "Sending paused itself"),
                            ("held", "Maybe a restored database"),
                            ("breaker", "A provider fails"),
                            ("source", "A source brings nothing"),
                            ("uncertain", "Deliveries stay uncertain"),
                            ("letters", "Letters are stuck"),
                        ],
                        max_length=9,
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=100)),
                ("since", models.DateTimeField(default=newsletter.clock.now)),
                ("gone_at", models.DateTimeField(null=True)),
                ("over_at", models.DateTimeField(null=True)),
                ("over_words", models.CharField(max_length=300)),
                ("url", models.CharField(max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("not_before", models.DateTimeField(default=newsletter.clock.now)),
                ("pinged_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=300)),
                ("text", models.TextField()),
                ("url", models.CharField(max_length=500)),
                ("made_at", models.DateTimeField(default=newsletter.clock.now)),
                ("not_before", models.DateTimeField(default=newsletter.clock.now)),
                (
                    "to_mail",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=320), size=None),
                ),
                ("is_to_post", models.BooleanField()),
                ("told_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("over_at", None)), fields=("kind", "key"), name="trouble_open_once"
            ),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="issue",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="heartbeat", to="issues.issue"
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(condition=models.Q(("told_at", None)), fields=["id"], name="notice_untold"),
        ),
    ]

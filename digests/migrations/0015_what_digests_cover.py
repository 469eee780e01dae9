from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("digests", "0014_lists"),
    ]

    operations = [
        # Stored frames have no slot for what a digest covers; they are rendered again when they are needed.
        migrations.RunSQL("DELETE FROM digests_frame", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="digest",
            name="fallback_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("no_choice", "nothing was chosen"),
                    ("no_paper", "no paper matched"),
                    ("muted", "every matching paper was muted"),
                    ("low_score", "every matching paper was below the minimum score"),
                    ("weak", "the papers fit the topics only weakly"),
                ],
                db_default="",
                default="",
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name="digest",
            name="first_day",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="digest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("day", "One issue"),
                    ("days", "Several issues"),
                    ("week", "A weekly reader’s issues"),
                    ("welcome", "A reader’s first digest"),
                ],
                db_default="day",
                default="day",
                max_length=7,
            ),
        ),
    ]

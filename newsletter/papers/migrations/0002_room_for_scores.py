from django.db import migrations


class Migration(migrations.Migration):
    """Leave room on each page of papers: a new score then stays beside its paper and touches no index."""

    dependencies = [
        ('papers', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(
            'ALTER TABLE papers_paper SET (fillfactor = 70)', 'ALTER TABLE papers_paper RESET (fillfactor)'
        ),
    ]

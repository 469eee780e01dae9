from django.db import migrations

CLEAN = r"""
UPDATE {table} SET {column} = btrim(regexp_replace({column}, '[\u0001-\u0020\u007f-\u009f\u2028\u2029]+', ' ', 'g'))
WHERE {column} ~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]'
"""


class Migration(migrations.Migration):
    """A line break in a subject kept every mail of the issue from leaving."""

    dependencies = [("issues", "0006_plain_labels")]

    operations = [
        migrations.RunSQL(CLEAN.format(table=table, column=column), migrations.RunSQL.noop)
        for table, column in (("issues_issue", "subject"), ("issues_issueentry", "free_title"))
    ]

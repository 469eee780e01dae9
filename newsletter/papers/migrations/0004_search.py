from django.db import migrations

# Letters without their accents, in the title and the authors' names. The cost keeps the planner from working the words
# of many papers out where the index has them. An expression, not a column: a new score then touches no index.
PLAIN = """
CREATE FUNCTION papers_plain(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT regexp_replace(normalize($1, NFKD), U&'[\\0300-\\036F]+', '', 'g')
$$
"""
WORDS = """
CREATE FUNCTION papers_words(title text, authors text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
COST 10000 AS $$
  SELECT to_tsvector('pg_catalog.simple', public.papers_plain(title || ' ' || array_to_string(authors, ' ')))
$$
"""
INDEX = "CREATE INDEX papers_by_words ON papers_paper USING gin (papers_words(title, authors))"


class Migration(migrations.Migration):
    """Find papers by words of their titles and names of their authors, without an extension."""

    dependencies = [
        ('papers', '0003_retired_at'),
    ]

    operations = [
        migrations.RunSQL(PLAIN, 'DROP FUNCTION papers_plain(text)'),
        migrations.RunSQL(WORDS, 'DROP FUNCTION papers_words(text, text[])'),
        migrations.RunSQL(INDEX, 'DROP INDEX papers_by_words'),
    ]

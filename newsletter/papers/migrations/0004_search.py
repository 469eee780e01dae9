import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

# Letters without their accents, in the title and the authors' names.
PLAIN = """
CREATE FUNCTION papers_plain(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT regexp_replace(normalize($1, NFKD), U&'[\\0300-\\036F]+', '', 'g')
$$
"""
WORDS = """
CREATE FUNCTION papers_words(title text, authors text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_tsvector('pg_catalog.simple', public.papers_plain(title || ' ' || array_to_string(authors, ' ')))
$$
"""
KEEP = """
CREATE FUNCTION papers_keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO papers_paperwords (paper_id, words) VALUES (NEW.id, papers_words(NEW.title, NEW.authors))
  ON CONFLICT (paper_id) DO UPDATE SET words = excluded.words;
  RETURN NULL;
END $$;
CREATE TRIGGER papers_words_of_new AFTER INSERT ON papers_paper
FOR EACH ROW EXECUTE FUNCTION papers_keep_words();
CREATE TRIGGER papers_words_of_changed AFTER UPDATE OF title, authors ON papers_paper
FOR EACH ROW WHEN ((OLD.title, OLD.authors) IS DISTINCT FROM (NEW.title, NEW.authors))
EXECUTE FUNCTION papers_keep_words();
INSERT INTO papers_paperwords (paper_id, words) SELECT id, papers_words(title, authors) FROM papers_paper;
"""
FORGET = """
DROP TRIGGER papers_words_of_new ON papers_paper;
DROP TRIGGER papers_words_of_changed ON papers_paper;
DROP FUNCTION papers_keep_words();
"""


class Migration(migrations.Migration):
    """Find papers by words of their titles and names of their authors, without an extension."""

    dependencies = [
        ('papers', '0003_retired_at'),
    ]

    operations = [
        migrations.RunSQL(PLAIN, 'DROP FUNCTION papers_plain(text)'),
        migrations.RunSQL(WORDS, 'DROP FUNCTION papers_words(text, text[])'),
        migrations.CreateModel(
            name='PaperWords',
            fields=[
                ('paper', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='words', serialize=False, to='papers.paper')),
                ('words', django.contrib.postgres.search.SearchVectorField()),
            ],
            options={
                'verbose_name_plural': 'paper words',
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['words'], name='papers_by_words')],
            },
        ),
        migrations.RunSQL(KEEP, FORGET),
    ]

import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import newsletter.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='RankedDay',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('ranked_at', models.DateTimeField()),
                ('parameters', models.JSONField()),
            ],
            options={
                'ordering': ('-day',),
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('kind', models.CharField(choices=[('hf_daily', 'Hugging Face daily papers'), ('arxiv', 'arXiv listing of a category (RSS or Atom)'), ('arxiv_api', 'arXiv API (fills in what is known of a paper)'), ('feed', 'Feed that mentions papers (RSS, Atom, JSON Feed)'), ('readers', 'Readers of this publication'), ('editors', 'Editors of this publication'), ('sample', 'Sample that ships with the product')], max_length=10)),
                ('url', models.URLField(max_length=500, unique=True, verbose_name='address')),
                ('weight', models.FloatField(default=1.0, help_text='How much one vote or mention here counts when papers are ranked.')),
                ('every', models.DurationField(default=datetime.timedelta(seconds=3600), help_text='How long to wait between two visits.')),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=newsletter.clock.now, editable=False)),
                ('validators', models.JSONField(default=dict, editable=False)),
                ('last_tried_at', models.DateTimeField(editable=False, null=True)),
                ('last_success_at', models.DateTimeField(editable=False, null=True)),
                ('last_error', models.TextField(blank=True, editable=False)),
                ('failure_count', models.PositiveIntegerField(default=0, editable=False, verbose_name='failures in a row')),
                ('fresh_on', models.DateField(editable=False, null=True, verbose_name='newest listing')),
                ('listing_size', models.PositiveIntegerField(default=0, editable=False, verbose_name='papers in it')),
                ('usual_size', models.FloatField(default=0.0, editable=False, verbose_name='papers usually')),
                ('is_empty', models.BooleanField(default=False, editable=False, verbose_name='its last answer listed nothing')),
                ('new_count', models.PositiveIntegerField(default=0, editable=False, verbose_name='new at the last visit')),
                ('reported_at', models.DateTimeField(editable=False, null=True)),
                ('next_try_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'ordering': ('kind', 'name'),
            },
        ),
        migrations.CreateModel(
            name='Paper',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='arxiv:2605.00658, doi:… or url:…', max_length=500, unique=True)),
                ('version', models.PositiveSmallIntegerField(default=0)),
                ('title', models.CharField(max_length=500)),
                ('abstract', models.TextField(blank=True)),
                ('authors', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), blank=True, default=list, size=None)),
                ('primary_category', models.CharField(blank=True, max_length=30)),
                ('url', models.URLField(max_length=500, verbose_name='page')),
                ('code_url', models.URLField(blank=True, max_length=500, verbose_name='code')),
                ('project_url', models.URLField(blank=True, max_length=500, verbose_name='project')),
                ('proposed_by', models.CharField(blank=True, max_length=100)),
                ('first_seen_at', models.DateTimeField(default=newsletter.clock.now)),
                ('listed_on', models.DateField(db_index=True)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('stands_alone', models.BooleanField(default=False, editable=False)),
                ('origins', models.JSONField(default=dict, editable=False)),
                ('own', models.JSONField(editable=False, null=True)),
                ('votes', models.PositiveIntegerField(default=0, editable=False)),
                ('comments', models.PositiveIntegerField(default=0, editable=False)),
                ('score', models.FloatField(default=0.0, editable=False)),
                ('merged_into', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='twins', to='papers.paper')),
            ],
            options={
                'ordering': ('-listed_on', '-score', 'key'),
            },
        ),
        migrations.CreateModel(
            name='Alias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=500, unique=True)),
                ('paper', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='papers.paper')),
            ],
            options={
                'verbose_name_plural': 'aliases',
            },
        ),
        migrations.CreateModel(
            name='Topic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=60, unique=True)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), blank=True, default=list, help_text='arXiv categories that give a paper this topic by themselves, separated by commas.', size=None)),
                ('phrases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, help_text='Words that give a paper this topic where its title or abstract holds them, separated by commas.', size=None)),
                ('weak_phrases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, help_text='Words of which one alone is not enough.', size=None)),
                ('exclusions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, help_text='Words that take the topic away where only phrases gave it.', size=None)),
                ('retag_asked_at', models.DateTimeField(editable=False, null=True)),
                ('retired_into', models.ForeignKey(blank=True, editable=False, help_text='The topic that took over the readers of this one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='heir_of', to='papers.topic')),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='RefusedTopic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('came_as', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='papers.paper')),
                ('paper', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refused_topics', to='papers.paper')),
                ('topic', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refused_topics', to='papers.topic')),
            ],
        ),
        migrations.CreateModel(
            name='PaperTopic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('origin', models.CharField(choices=[('rule', 'by the topic’s rule'), ('curator', 'by an editor')], default='rule', max_length=7)),
                ('evidence', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('came_as', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='papers.paper')),
                ('paper', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='paper_topics', to='papers.paper')),
                ('topic', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='paper_topics', to='papers.topic')),
            ],
        ),
        migrations.AddField(
            model_name='paper',
            name='topics',
            field=models.ManyToManyField(related_name='papers', through='papers.PaperTopic', through_fields=('paper', 'topic'), to='papers.topic'),
        ),
        migrations.CreateModel(
            name='DayRank',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.PositiveIntegerField()),
                ('score', models.FloatField()),
                ('votes', models.PositiveIntegerField()),
                ('new_votes', models.PositiveIntegerField()),
                ('comments', models.PositiveIntegerField()),
                ('stars_gained', models.PositiveIntegerField()),
                ('sources', models.PositiveIntegerField()),
                ('picks', models.PositiveIntegerField()),
                ('heard_votes', models.FloatField()),
                ('heard_new_votes', models.FloatField()),
                ('heard_comments', models.FloatField()),
                ('heard_sources', models.FloatField()),
                ('listed_days', models.PositiveIntegerField()),
                ('age_hours', models.PositiveIntegerField()),
                ('paper', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ranks', to='papers.paper')),
                ('day', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='ranks', to='papers.rankedday')),
            ],
            options={
                'ordering': ('-day', 'place'),
                'constraints': [models.UniqueConstraint(fields=('day', 'place'), name='place_once_a_day'), models.UniqueConstraint(fields=('day', 'paper'), name='paper_ranked_once_a_day')],
            },
        ),
        migrations.CreateModel(
            name='Sighting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seen_at', models.DateTimeField()),
                ('votes', models.PositiveIntegerField(null=True)),
                ('comments', models.PositiveIntegerField(null=True)),
                ('stars', models.PositiveIntegerField(null=True)),
                ('rank', models.PositiveIntegerField(null=True)),
                ('came_as', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='papers.paper')),
                ('paper', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sightings', to='papers.paper')),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sightings', to='papers.source')),
            ],
            options={
                'indexes': [models.Index(fields=['seen_at'], name='sighting_by_time'), models.Index(condition=models.Q(('came_as__isnull', False)), fields=['came_as'], name='sighting_by_merged_paper')],
                'constraints': [models.UniqueConstraint(fields=('paper', 'source', 'seen_at'), include=('votes', 'comments', 'stars'), name='paper_seen_once_a_moment')],
            },
        ),
        migrations.AddConstraint(
            model_name='topic',
            constraint=models.CheckConstraint(condition=models.Q(('retired_into', models.F('id')), _negated=True), name='topic_retires_into_another'),
        ),
        migrations.AddConstraint(
            model_name='refusedtopic',
            constraint=models.UniqueConstraint(fields=('paper', 'topic'), name='topic_refused_once_a_paper'),
        ),
        migrations.AddConstraint(
            model_name='papertopic',
            constraint=models.UniqueConstraint(fields=('paper', 'topic'), name='topic_once_a_paper'),
        ),
    ]

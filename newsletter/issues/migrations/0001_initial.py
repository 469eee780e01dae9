import django.db.models.deletion
import newsletter.issues.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('papers', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Issue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField(unique=True)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('held', 'Held'), ('published', 'Published'), ('withdrawn', 'Withdrawn')], default='draft', editable=False, max_length=9)),
                ('subject', models.CharField(blank=True, help_text='Left empty, each digest’s subject is its first paper’s title.', max_length=150)),
                ('intro', models.TextField(blank=True, help_text='The editor’s words above the papers.', max_length=2000)),
                ('cutoff_at', models.DateTimeField(help_text='When the draft is published by itself, unless it is held.')),
                ('published_at', models.DateTimeField(blank=True, db_index=True, editable=False, null=True)),
                ('arranged_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('front_size', models.PositiveSmallIntegerField(default=newsletter.issues.models.default_front_size, help_text='How many papers the front is filled up to.')),
                ('listings', models.CharField(blank=True, editable=False, max_length=2000)),
                ('is_sample', models.BooleanField(default=False, editable=False)),
                ('curated_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-date',),
            },
        ),
        migrations.CreateModel(
            name='IssueEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('shelf', models.CharField(choices=[('front', 'Front'), ('shelf', 'Shelf')], default='front', max_length=5)),
                ('position', models.PositiveIntegerField(default=0)),
                ('is_pick', models.BooleanField(default=False, help_text='Goes to every reader, whatever their topics.', verbose_name='pick')),
                ('note', models.CharField(blank=True, help_text='A line of yours below the summary.', max_length=500)),
                ('dropped_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('snapshot', models.JSONField(default=dict, editable=False)),
                ('came_as', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='papers.paper')),
                ('issue', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='issues.issue')),
                ('paper', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='papers.paper')),
            ],
            options={
                'verbose_name_plural': 'entries',
                'ordering': ('shelf', 'position', 'id'),
            },
        ),
        migrations.AddConstraint(
            model_name='issue',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('draft', 'held')), ('published_at__isnull', False), _connector='OR'), name='published_issue_knows_when'),
        ),
        migrations.AddConstraint(
            model_name='issueentry',
            constraint=models.UniqueConstraint(fields=('issue', 'paper'), name='paper_once_an_issue'),
        ),
        migrations.AddConstraint(
            model_name='issueentry',
            constraint=models.UniqueConstraint(condition=models.Q(('dropped_at', None), ('shelf', 'front')), fields=('paper',), name='paper_once_among_fronts'),
        ),
        migrations.AddConstraint(
            model_name='issueentry',
            constraint=models.UniqueConstraint(condition=models.Q(('shelf', 'shelf')), fields=('paper',), name='paper_once_on_a_shelf'),
        ),
    ]

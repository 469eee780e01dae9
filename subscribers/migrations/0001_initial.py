import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import newsletter.clock
import timezone_field.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('papers', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Preferences',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(editable=False, max_length=64, unique=True)),
                ('followed_phrases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None)),
                ('followed_authors', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None)),
                ('muted_phrases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None)),
                ('muted_authors', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None)),
                ('max_papers', models.PositiveSmallIntegerField(default=10)),
                ('minimum_score', models.FloatField(default=0.0)),
            ],
            options={
                'verbose_name_plural': 'preferences',
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address_hash', models.CharField(max_length=64, unique=True)),
                ('reason', models.CharField(choices=[('bounce', 'The address bounced'), ('complaint', 'The reader called it spam'), ('manual', 'Put here by an operator')], max_length=9)),
                ('at', models.DateTimeField(default=newsletter.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name='PreferencesTopic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('preferences', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chosen', to='subscribers.preferences')),
                ('topic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='papers.topic')),
            ],
        ),
        migrations.AddField(
            model_name='preferences',
            name='topics',
            field=models.ManyToManyField(related_name='+', through='subscribers.PreferencesTopic', to='papers.topic'),
        ),
        migrations.CreateModel(
            name='Subscriber',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(help_text='As it was typed.', max_length=320)),
                ('canonical', models.CharField(editable=False, max_length=320, unique=True)),
                ('address_hash', models.CharField(db_index=True, editable=False, max_length=64)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('active', 'Active'), ('unsubscribed', 'Unsubscribed')], default='pending', editable=False, max_length=12)),
                ('frequency', models.CharField(choices=[('daily', 'Every day'), ('weekdays', 'Weekdays'), ('weekly', 'Once a week')], default='weekdays', max_length=8)),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], default=0)),
                ('send_time', models.TimeField(default=datetime.time(7, 0))),
                ('timezone', timezone_field.fields.TimeZoneField(default='UTC')),
                ('covered_through', models.DateTimeField(editable=False, null=True)),
                ('next_digest_at', models.DateTimeField(editable=False, null=True)),
                ('paused_until', models.DateField(blank=True, null=True)),
                ('token_epoch', models.PositiveIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(default=newsletter.clock.now, editable=False)),
                ('confirmed_at', models.DateTimeField(editable=False, null=True)),
                ('unsubscribed_at', models.DateTimeField(editable=False, null=True)),
                ('preferences', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscribers', to='subscribers.preferences')),
            ],
        ),
        migrations.CreateModel(
            name='Letter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('confirm', 'Confirm the address'), ('preferences', 'Link to the preferences')], max_length=11)),
                ('status', models.CharField(choices=[('planned', 'Planned'), ('sending', 'Sending'), ('sent', 'Sent'), ('failed', 'Failed'), ('skipped', 'Skipped')], default='planned', max_length=8)),
                ('created_at', models.DateTimeField(default=newsletter.clock.now)),
                ('sent_at', models.DateTimeField(null=True)),
                ('token_hash', models.CharField(blank=True, db_index=True, max_length=64)),
                ('used_at', models.DateTimeField(null=True)),
                ('not_before', models.DateTimeField(null=True)),
                ('provider_id', models.CharField(blank=True, max_length=200)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('subscriber', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='letters', to='subscribers.subscriber')),
            ],
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('act', models.CharField(choices=[('asked', 'asked to subscribe'), ('confirmed', 'confirmed the address'), ('unsubscribed', 'unsubscribed')], max_length=12)),
                ('at', models.DateTimeField(default=newsletter.clock.now)),
                ('ip', models.GenericIPAddressField(null=True)),
                ('text_version', models.CharField(max_length=20)),
                ('subscriber', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='subscribers.subscriber')),
            ],
        ),
        migrations.AddConstraint(
            model_name='preferencestopic',
            constraint=models.UniqueConstraint(fields=('preferences', 'topic'), name='topic_once_among_preferences'),
        ),
        migrations.AddIndex(
            model_name='subscriber',
            index=models.Index(condition=models.Q(('status', 'active')), fields=['next_digest_at'], name='subscriber_due'),
        ),
        migrations.AddConstraint(
            model_name='subscriber',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'active'), _negated=True), ('next_digest_at__isnull', False), _connector='OR'), name='active_subscriber_has_a_next_digest'),
        ),
        migrations.AddIndex(
            model_name='letter',
            index=models.Index(condition=models.Q(('status', 'planned')), fields=['id'], name='letter_planned'),
        ),
    ]

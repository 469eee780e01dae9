from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0007_subjects_on_one_line'),
    ]

    operations = [
        migrations.AlterField(
            model_name='issue',
            name='subject',
            field=models.CharField(blank=True, help_text='If empty, each digest takes the title of its best-fitting paper.', max_length=150),
        ),
    ]

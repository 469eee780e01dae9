from typing import Any

from django.db import migrations, models

SHIPPED = {
    "Language and agents": ("language", "agents", "reasoning", "retrieval"),
    "Images, video and sound": ("vision", "multimodal", "image-generation", "video", "3d", "graphics", "audio"),
    "Learning methods": ("reinforcement", "training", "inference", "architectures", "graphs"),
    "Trust and evaluation": ("safety", "security", "interpretability", "evaluation", "datasets"),
    "Systems and software": ("hardware", "distributed", "databases", "software"),
    "Robotics and signals": ("robotics", "signals", "timeseries", "optimization"),
    "Science and mathematics": ("medicine", "biology", "physics", "mathematics", "theory"),
    "People and society": ("people", "society", "economics"),
}


def group_shipped_topics(apps: Any, schema_editor: Any) -> None:
    """Put the topics that came with the product into groups; topics that editors added stay without one."""
    topics = apps.get_model("papers", "Topic").objects
    for group, slugs in SHIPPED.items():
        topics.filter(slug__in=slugs).update(group=group)


class Migration(migrations.Migration):
    dependencies = [
        ("papers", "0006_forecast"),
    ]

    operations = [
        migrations.AddField(
            model_name="topic",
            name="group",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The heading under which readers find this topic. Topics without one stand last.",
                max_length=40,
            ),
        ),
        migrations.RunPython(group_shipped_topics, migrations.RunPython.noop),
    ]

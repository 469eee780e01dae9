"""The admin's list of topics, with the number of readers of each."""

from typing import Any

from django.contrib import admin
from unfold.decorators import display

from newsletter.papers.admin.topics import TopicAdmin
from newsletter.papers.models import Topic
from subscribers import topic_popularity

admin.site.unregister(Topic)


@admin.register(Topic)
class TopicDesk(TopicAdmin):
    list_display = ("name", "group", "slug", "description", "new_papers", "readers", "state")

    def add_facts(self, rows: list[Topic]) -> None:
        super().add_facts(rows)
        readers = topic_popularity.readers_of_topics(topic.pk for topic in rows)
        for topic in rows:
            topic.readers = readers[topic.pk]  # type: ignore[attr-defined]

    @display(description="Readers")
    def readers(self, topic: Any) -> str:
        return str(topic.readers)

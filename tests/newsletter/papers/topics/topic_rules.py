import tomllib

from newsletter.papers.topics.phrase_matching import TopicRule


def rules_from_toml(text: str) -> tuple[TopicRule, ...]:
    """Read the rules of a file of topics, shaped as `data/topics.toml` is."""
    lists = ("categories", "phrases", "weak_phrases", "exclusions")
    return tuple(
        TopicRule(slug=topic["slug"], **{name: tuple(topic.get(name, ())) for name in lists})
        for topic in tomllib.loads(text)["topic"]
    )

"""Editors' words as HTML: a safe subset of Markdown."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS = {"p", "br", "em", "strong", "code", "a", "ul", "ol", "li"}
MARKDOWN = MarkdownIt("zero", {"breaks": True}).enable(
    ["emphasis", "link", "autolink", "backticks", "list", "newline"]
)


def to_html(text: str) -> SafeString:
    """Return emphasis, links to http and https, code and lists as HTML; whatever else stands there, as plain text."""
    html = nh3.clean(
        MARKDOWN.render(text),
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel="noopener",
    )
    return mark_safe(html.strip())

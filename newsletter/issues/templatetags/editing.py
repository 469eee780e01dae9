"""Filters that show what editors wrote in Markdown, on a page and in a plain mail."""

import re
import textwrap

from django import template
from django.utils.safestring import SafeString

from newsletter.excerpt import LINE
from newsletter.issues.markdown import to_html, to_text

register = template.Library()
HANGING = re.compile(r" *(?:- |\d+\. )?")  # what the lines behind the first of a list's item are indented by


@register.filter
def markdown(text: str) -> SafeString:
    return to_html(text)


@register.filter
def markdown_lines(text: str, before: str = "") -> str:
    """Return Markdown in lines for a plain mail, `before` the first; the others are indented as that is."""
    margin = before[: len(before) - len(before.lstrip())]
    lines = to_text(text).split("\n")
    return "\n".join([hung(before + lines[0], margin), *(hung(margin + line, margin) for line in lines[1:])]).rstrip()


def hung(line: str, margin: str) -> str:
    """Wrap one line; what does not fit stands below its first word."""
    found = HANGING.match(line)
    behind = " " * len(found[0]) if found else margin
    wrapped = textwrap.wrap(line, LINE, subsequent_indent=behind, break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrapped)

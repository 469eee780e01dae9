"""Template filters for editors' Markdown on pages and in plain-text mails."""

import re

from django import template
from django.utils.safestring import SafeString

from newsletter.excerpt import wrap_lines
from newsletter.issues.markdown import to_html, to_text

register = template.Library()
HANGING = re.compile(r" *(?:- |\d+\. )?")  # the list marker, whose width indents the following lines


@register.filter
def markdown(text: str) -> SafeString:
    return to_html(text)


@register.filter
def markdown_lines(text: str, before: str = "") -> str:
    """Wrap Markdown for a plain-text mail; `before` prefixes the first line, its indentation all others."""
    margin = before[: len(before) - len(before.lstrip())]
    lines = to_text(text).split("\n")
    return "\n".join(
        [wrap_line(before + lines[0], margin), *(wrap_line(margin + line, margin) for line in lines[1:])]
    ).rstrip()


def wrap_line(line: str, margin: str) -> str:
    """Wrap one line; continuation lines align with the text after a list marker."""
    found = HANGING.match(line)
    behind = " " * len(found[0]) if found else margin
    return "\n".join(wrap_lines(line, behind))

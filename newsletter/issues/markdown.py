"""Render editors' Markdown as HTML and as plain text.

Supports emphasis, code, lists and web links; everything else is shown as typed.
"""

import re
from functools import cache, lru_cache
from textwrap import indent

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

SYNTAX = ("emphasis", "backticks", "link", "autolink", "list", "escape", "newline")
TAGS = {"p", "br", "em", "strong", "code", "a", "ul", "ol", "li"}
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
SCHEMES = {"http", "https"}
WEB = re.compile(r"https?://[^/?#]", re.IGNORECASE)


@lru_cache(maxsize=1_000)
def to_html(text: str) -> SafeString:
    """Render as HTML that is safe on pages and in mails: only TAGS and ATTRIBUTES."""
    html = parser().render(text)
    clean = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, url_relative="deny", link_rel=None)
    return mark_safe(clean.strip())


def to_text(text: str) -> str:
    """Render as plain text; link targets follow the link text in parentheses."""
    tree = SyntaxTreeNode(parser().parse(text))
    return "\n\n".join(filter(None, map(block_text, tree.children))).strip()


@cache
def parser() -> MarkdownIt:
    parser = MarkdownIt("zero", {"breaks": True}).enable(SYNTAX)
    parser.validateLink = lambda url: bool(WEB.match(url))  # type: ignore[method-assign]
    return parser


def block_text(node: SyntaxTreeNode) -> str:
    if node.type == "ordered_list":
        first = int(node.attrs.get("start", 1))
        return "\n".join(item_text(item, f"{number}. ") for number, item in enumerate(node.children, start=first))
    if node.type == "bullet_list":
        return "\n".join(item_text(item, "- ") for item in node.children)
    return "".join(map(inline_text, node.children))


def item_text(item: SyntaxTreeNode, mark: str) -> str:
    text = "\n".join(map(block_text, item.children))
    return mark + indent(text, " " * len(mark)).lstrip()


def inline_text(node: SyntaxTreeNode) -> str:
    if node.type in ("softbreak", "hardbreak"):
        return "\n"
    if node.type in ("text", "code_inline"):
        return node.content
    words = "".join(map(inline_text, node.children))
    if node.type == "link" and node.markup != "autolink":
        return f"{words} ({node.attrs['href']})"
    return words

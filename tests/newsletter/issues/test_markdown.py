from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues import markdown
from newsletter.issues.templatetags.editing import markdown_lines


class Reader(HTMLParser):
    """Notes what a browser would see: each tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("Plain words.", "<p>Plain words.</p>"),
        ("*one* and **two**", "<p><em>one</em> and <strong>two</strong></p>"),
        ("`x < y`", "<p><code>x &lt; y</code></p>"),
        (
            "[the code](https://example.org/a_b?c=1&d=2)",
            '<p><a href="https://example.org/a_b?c=1&amp;d=2">the code</a></p>',
        ),
        ("<https://example.org/>", '<p><a href="https://example.org/">https://example.org/</a></p>'),
        ("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>"),
        ("One\ntwo", "<p>One<br>\ntwo</p>"),
        ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>"),
        ("3. one\n4. two", '<ol start="3">\n<li>one</li>\n<li>two</li>\n</ol>'),
        ("# no heading", "<p># no heading</p>"),
        ("a <b>bold</b> claim & more", "<p>a &lt;b&gt;bold&lt;/b&gt; claim &amp; more</p>"),
        ("![a picture](https://example.org/a.png)", '<p>!<a href="https://example.org/a.png">a picture</a></p>'),
        ("[no](javascript:alert(1))", "<p>[no](javascript:alert(1))</p>"),
        ("[no](//example.org/)", "<p>[no](//example.org/)</p>"),
        ("[no](mailto:me@example.org)", "<p>[no](mailto:me@example.org)</p>"),
        ("", ""),
    ],
)
def test_the_subset_is_rendered_and_all_else_stands_as_typed(typed: str, html: str) -> None:
    assert markdown.to_html(typed) == html


LIVELY = st.lists(
    st.sampled_from(
        ["<", ">", '"', "'", "`", "*", "_", "[", "]", "(", ")", "!", "\\", "\n", "\n\n", " ", "- ", "1. ", "# ", "&",
         "javascript:", "JaVaScRiPt:", "data:text/html,", "http://", "https://e.org", "<script>", "</script>",
         "&#106;", "<a href=", "onerror=", "<img src=x ", "<svg/onload=", "style=", "\t", "\x00", "word", "[x]: "]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(st.one_of(LIVELY, st.text(max_size=200)))
def test_whatever_is_typed_no_tag_or_address_outside_the_subset_comes_out(typed: str) -> None:
    for tag, attributes in Reader(markdown.to_html(typed)).tags:
        assert tag in markdown.TAGS
        assert attributes.keys() <= markdown.ATTRIBUTES.get(tag, set())
        if tag == "a":
            assert (attributes["href"] or "").lower().startswith(("http://", "https://"))
        if tag == "ol":
            assert (attributes.get("start") or "1").isdigit()


@given(st.one_of(LIVELY, st.text(max_size=200)))
def test_the_plain_text_has_every_word_that_the_page_has(typed: str) -> None:
    words = Reader(markdown.to_html(typed)).text.split()
    text = markdown.to_text(typed)
    assert all(word in text for word in words)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("*one* and **two** with `code`", "one and two with code"),
        ("See [the code](https://example.org/code).", "See the code (https://example.org/code)."),
        ("<https://example.org/>", "https://example.org/"),
        ("One.\n\nTwo\nthree.", "One.\n\nTwo\nthree."),
        ("Why:\n\n- one\n- two\n  1. inner\n  2. other", "Why:\n\n- one\n- two\n  1. inner\n  2. other"),
        ("a <b>bold</b> claim", "a <b>bold</b> claim"),
    ],
)
def test_plain_text_loses_the_signs_and_keeps_the_addresses(typed: str, text: str) -> None:
    assert markdown.to_text(typed) == text


def test_lines_of_a_plain_mail_are_wrapped_and_lists_hang() -> None:
    typed = "First " + "word " * 20 + "\n\n- item " + "word " * 20
    lines = markdown_lines(typed, "    Editor: ").splitlines()
    assert max(map(len, lines)) <= 72
    assert lines[0].startswith("    Editor: First")
    assert lines[1].startswith("    word")
    assert any(line.startswith("    - item") for line in lines)
    assert lines[-1].startswith("      word")

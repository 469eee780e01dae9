import pytest

from newsletter.issues.desk.actions import AddItem


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://user:secret@example.org/", "it holds a user name"),
        ("http://10.0.0.5/", "not on the public internet"),
        ("http://127.0.0.1/", "not on the public internet"),
        ("ftp://example.org/", "Enter a link that begins with http:// or https://."),
    ],
)
def test_a_free_items_link_that_can_never_be_fetched_is_refused(url: str, words: str) -> None:
    form = AddItem({"seen": 1, "title": "A meeting", "url": url})
    assert not form.is_valid()
    assert words in str(form.errors["url"])


@pytest.mark.parametrize("url", ["", "https://example.org/", "https://example.org:8443/programme"])
def test_a_free_item_may_link_to_any_page_of_the_web(url: str) -> None:
    assert AddItem({"seen": 1, "title": "A meeting", "url": url}).is_valid()

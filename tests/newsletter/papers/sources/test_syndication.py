import pytest

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.syndication import read_feed

FEED = '<rss version="2.0"><channel><title>&a;</title></channel></rss>'
DECLARED = '<!DOCTYPE feed [\n<!ENTITY a "aaaa">\n]>'


@pytest.mark.parametrize(
    "body",
    [
        f'<?xml version="1.0"?>{DECLARED}{FEED}'.encode(),
        f'<?xml version="1.0"?>\n{DECLARED}{FEED}'.encode("utf-8-sig"),
        f'<?xml version="1.0" encoding="utf-16"?>{DECLARED}{FEED}'.encode("utf-16"),
        f'<?xml version="1.0" encoding="utf-16"?>{DECLARED}{FEED}'.encode("utf-16-be"),
        f'<?xml version="1.0" encoding="utf-32"?>{DECLARED}{FEED}'.encode("utf-32"),
        f'<?xml version="1.0" encoding="cp037"?>{DECLARED}{FEED}'.encode("cp037"),
        f'<?xml version="1.0" encoding="utf-7"?>{DECLARED}{FEED}'.replace("<!D", "+ADwAIQ-D").encode(),
        f"<!-- <a> --><?pi <a>?>{DECLARED}{FEED}".encode(),
        f"{DECLARED.lower()}{FEED}".encode(),
        f"junk {DECLARED}{FEED}".encode(),
        f'<!ENTITY a "aaaa">{FEED}'.encode(),
        f'<!DOCTYPE rss SYSTEM "file:///etc/passwd">{FEED}'.encode(),
    ],
)
def test_a_document_type_is_refused_in_every_disguise(body: bytes) -> None:
    with pytest.raises(SourceError, match=r"DOCTYPE|not a feed"):
        read_feed(body)


def test_words_about_document_types_are_no_declaration() -> None:
    title = '<![CDATA[Why <!DOCTYPE html> and <!ENTITY a "b"> matter]]>'

    feed = read_feed(f'<rss version="2.0"><channel><title>{title}</title></channel></rss>'.encode())

    assert feed.title.startswith("Why <!DOCTYPE html>")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "koi8-r"])
def test_declared_encodings_are_honoured(encoding: str) -> None:
    word = "Дерево" if encoding == "koi8-r" else "Bäume"
    body = f'<?xml version="1.0" encoding="{encoding}"?>{FEED.replace("&a;", word)}'.encode(encoding)

    feed = read_feed(body)

    assert feed.title == word
    assert feed.is_whole

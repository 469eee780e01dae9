"""The merge lane: the provider fills the slots of a body for each reader.

A call has one body for all readers of the same digest. Where the provider lets a reader's part of the call bring a
body of its own, readers of other digests share the call.
"""

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from digests.providers.base import METADATA, UNSUBSCRIBE_SLOT
from digests.providers.byte_template import (
    ByteTemplate,
    address_hole,
    fill_with_lists,
    fill_with_templates,
    hole,
    json_inner,
)
from digests.providers.http_lane import HttpLane, message_with_holes
from digests.providers.interface import Copy, Mail, SharedBody, Words, without_seams, word_slots
from newsletter.mail.provider_answer import SendOutcome

SIGN = "sign"  # the merge field that carries the first character of the syntax itself


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a provider writes merge fields, and how a text that looks like one arrives letter by letter."""

    before: str
    after: str
    sign: str
    live: re.Pattern[str]  # each sign that could begin a field, also with what comes after the text

    def field(self, name: str) -> str:
        return self.before + name + self.after

    def escape_html(self, text: str) -> str:
        return self.live.sub(f"&#{ord(self.sign)};", text)

    def escape_text(self, text: str) -> str:
        """Write each live sign as a merge field that holds it: in plain text nothing else shows as the sign."""
        return self.live.sub(self.field(SIGN), text)


class Frame(NamedTuple):
    """A call as Anymail would make it, cut: the request, its body with a hole for all readers, and one reader."""

    params: dict[str, Any]
    body: ByteTemplate
    reader: ByteTemplate


class Encoded(NamedTuple):
    """A digest's texts with merge fields, as they stand in a call, and its frame."""

    frame: Frame
    texts: Mapping[bytes, ByteTemplate]


class MergeLane(HttpLane):
    lane = "merge"
    shares_content = True
    syntax: Syntax
    beside: tuple[str, ...] = ()  # who else is in the message that Anymail is shown
    encode_text: Callable[[str], bytes] = staticmethod(json_inner)

    def build(self, mails: Sequence[Mail]) -> tuple[dict[str, Any], list[SendOutcome | None]]:
        """Build the call around the digest that most of its readers get."""
        encoded = {content.key: self.kept(content) for content, _ in self.one_of_each(mails)}
        main = Counter([content.key for content, _ in mails]).most_common(1)[0][0]
        own = {key: self.own_texts(texts) for key, (_, texts) in encoded.items() if key != main}
        readers, taken, faults = list[bytes](), dict[str, None](), list[SendOutcome | None]()
        for content, copy in mails:
            reader, fault = self.item(encoded[content.key].frame.reader, copy)
            if copy.to in taken:
                fault = SendOutcome("not_accepted", reason="This address is in the call already.", code="twice")
            elif fault is None:
                taken[copy.to] = None
                readers += (b",", reader) if content.key == main else (b",{", own[content.key], reader[1:])
            faults.append(fault)
        if readers:
            readers[0] = readers[0][1:]
        frame, texts = encoded[main]
        values: dict[bytes, Sequence[bytes]] = {name: [text] for name, text in self.values(taken).items()}
        values[b"readers"] = readers
        return frame.params | {"data": fill_with_lists(fill_with_templates(frame.body, texts), values)}, faults

    def one_of_each(self, mails: Sequence[Mail]) -> Iterable[Mail]:
        """Return a mail of each digest."""
        return {each.content.key: each for each in mails}.values()

    def own_texts(self, texts: Mapping[bytes, ByteTemplate]) -> bytes:
        """Return what a reader's part of the call begins with where it does not get the digest of the call's body."""
        raise AssertionError("a call holds one content")

    def values(self, addresses: Collection[str]) -> dict[bytes, bytes]:
        """Return what else a body has holes for."""
        return {}

    def encode(self, content: SharedBody) -> Encoded:
        subject = self.syntax.escape_text(" ".join(content.subject.split()))
        texts = {
            b"subject": (self.encode_text(subject),),
            b"html": (self.encode_text(self.with_fields(content.html, self.syntax.escape_html)),),
            b"text": (self.encode_text(self.with_fields(content.text, self.syntax.escape_text)),),
        }
        return Encoded(self.frame_of(content), texts)

    def with_fields(self, parts: Sequence[str], escape: Callable[[str], str]) -> str:
        whole = without_seams(parts)  # since a field could begin before a seam and end after it
        return "".join(self.syntax.field(part) if at % 2 else escape(part) for at, part in enumerate(whole))

    def cut_frame(self, tag: str, headers: Mapping[str, str], slots: Sequence[str]) -> Frame:
        message = message_with_holes(tag, headers, {})
        message.to += self.beside
        message.merge_metadata = {address_hole(): {METADATA: hole("delivery")}}
        message.merge_headers = {address_hole(): self.own_headers(headers)}
        message.merge_data = {address_hole(): {name: hole(name) for name in slots} | {SIGN: self.syntax.sign}}
        return self.cut_params(self.params_of(message))

    def own_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"List-Unsubscribe": f"<{hole(UNSUBSCRIBE_SLOT)}>"}

    @abstractmethod
    def cut_params(self, params: dict[str, Any]) -> Frame: ...


class MixedMergeLane(MergeLane):
    """A merge lane whose calls hold readers of several digests, as JSON with an object a reader."""

    lane = "mixed"
    shares_content = False
    text_names: Mapping[bytes, bytes]  # of a reader's own subject, HTML and text
    most_value_bytes = 0  # of all readers' values in a call, 0 for no limit

    def split(self, mails: Sequence[Mail]) -> list[Sequence[Mail]]:
        """Cut `mails` into calls. What stands once in a call, tag and headers, is the same for all its mails."""
        calls, first, total, before = list[Sequence[Mail]](), 0, 0, mails[0].content
        for at, (content, copy) in enumerate(mails):
            size = value_bytes(copy)
            is_full = at - first == self.most or 0 < self.most_value_bytes < total + size
            if is_full or (content is not before and once_in_a_call(content) != once_in_a_call(before)):
                calls.append(mails[first:at])
                first, total = at, 0
            total, before = total + size, content
        return [*calls, mails[first:]]

    def own_texts(self, texts: Mapping[bytes, ByteTemplate]) -> bytes:
        return b"".join([b'"%s":"%s",' % (name, texts[which][0]) for which, name in self.text_names.items()])


def once_in_a_call(content: SharedBody) -> tuple[str, Mapping[str, str]]:
    return content.tag, content.headers


def value_bytes(copy: Copy) -> int:
    """Return how many bytes a reader's values take in JSON, at most."""
    links = sum([len(name) + len(link) + 6 for name, link in copy.links.items()])
    return links + bytes_of_words(copy.words) + len(f'{{"{SIGN}":"{{"}}')


@lru_cache(maxsize=10_000)
def bytes_of_words(words: Words) -> int:
    return sum(len(name) + len(json_inner(line)) + 6 for name, line in word_slots(words).items())

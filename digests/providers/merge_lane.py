"""The merge lane: one body for many readers of the same digest; the provider fills the slots."""

import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from digests.providers.base import METADATA, UNSUBSCRIBE_SLOT
from digests.providers.byte_template import ByteTemplate, address_hole, fill, fill_with_templates, hole, json_inner
from digests.providers.http_lane import HttpLane, message_with_holes
from digests.providers.interface import Mail, SharedBody, without_seams
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


class MergeLane(HttpLane):
    lane = "merge"
    most = 1000
    shares_content = True
    syntax: Syntax
    beside: tuple[str, ...] = ()  # who else is in the message that Anymail is shown
    encode_text: Callable[[str], bytes] = staticmethod(json_inner)

    def build(self, mails: Sequence[Mail]) -> tuple[dict[str, Any], list[SendOutcome | None]]:
        assert all(each.content.key == mails[0].content.key for each in mails), "a call holds one content"
        frame, body = self.kept(mails[0].content)
        readers, faults = dict[str, bytes](), list[SendOutcome | None]()
        for _, copy in mails:
            reader, fault = self.item(frame.reader, copy)
            if copy.to in readers:
                fault = SendOutcome("not_accepted", reason="This address is in the call already.", code="twice")
            elif fault is None:
                readers[copy.to] = reader
            faults.append(fault)
        values = {b"readers": b",".join(readers.values())} | self.values(readers)
        return frame.params | {"data": fill(body, values)}, faults

    def values(self, addresses: Collection[str]) -> dict[bytes, bytes]:
        """Return what else a body has holes for."""
        return {}

    def encode(self, content: SharedBody) -> tuple[Frame, ByteTemplate]:
        frame = self.frame_of(content)
        subject = self.syntax.escape_text(" ".join(content.subject.split()))
        inner = {
            b"subject": (self.encode_text(subject),),
            b"html": (self.encode_text(self.with_fields(content.html, self.syntax.escape_html)),),
            b"text": (self.encode_text(self.with_fields(content.text, self.syntax.escape_text)),),
        }
        return frame, fill_with_templates(frame.body, inner)

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

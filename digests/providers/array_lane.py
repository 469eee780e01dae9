"""The array lane: many different messages a call, each as Anymail would send it alone."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urljoin

import orjson

from digests.providers.base import METADATA, UNSUBSCRIBE_SLOT
from digests.providers.byte_template import (
    ByteTemplate,
    cut,
    encode_parts,
    fill_with_templates,
    hole,
    json_card,
    json_inner,
)
from digests.providers.http_lane import HttpLane, message_with_holes
from digests.providers.interface import Mail, SharedBody
from newsletter.mail.provider_answer import SendOutcome


class Frame(NamedTuple):
    """Anymail's call with one message, cut: the request without its body, and the message with its holes."""

    params: dict[str, Any]
    message: ByteTemplate


class ArrayLane(HttpLane):
    lane = "array"
    endpoint: str

    def build(self, mails: Sequence[Mail]) -> tuple[dict[str, Any], list[SendOutcome | None]]:
        items = [self.item(self.kept(content)[1], copy) for content, copy in mails]
        parts = [part for data, fault in items if fault is None for part in (b",", data)]
        params = self.kept(mails[0].content)[0].params
        return params | {"data": b"".join((b"[", *parts[1:], b"]"))}, [fault for _, fault in items]

    def encode(self, content: SharedBody) -> tuple[Frame, ByteTemplate]:
        frame = self.frame_of(content)
        inner = {
            b"subject": (json_inner(" ".join(content.subject.split())),),
            b"html": encode_parts(content.html, json_card),
            b"text": encode_parts(content.text, json_card),
        }
        return frame, fill_with_templates(frame.message, inner)

    def cut_frame(self, tag: str, headers: Mapping[str, str], slots: Sequence[str]) -> Frame:
        own = {**headers, "List-Unsubscribe": f"<{hole(UNSUBSCRIBE_SLOT)}>"}
        params = self.params_of(message_with_holes(tag, own, {METADATA: hole("delivery")}))
        message = orjson.dumps(orjson.loads(params.pop("data")))
        url = urljoin(self.backend.api_url, self.endpoint)
        return Frame(params | {"url": url, "headers": params["headers"] | self.request_headers()}, cut(message))

    def request_headers(self) -> dict[str, str]:
        return {}

    @abstractmethod
    def read(self, response: Any, request: Any, mails: Sequence[Mail]) -> list[SendOutcome]:
        """Return one outcome a message, in the order of `mails`."""

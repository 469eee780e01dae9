"""Mailgun: a form, sent as multipart because urlencoding takes a hundred times as long."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any

import orjson
from anymail.backends.mailgun import EmailBackend

from digests.providers.byte_template import cut, hole
from digests.providers.merge_lane import Frame, MergeLane, Syntax
from newsletter.mail.provider_limits import LIMITS

BOUNDARY = f"paper-round-{token_hex(16)}"
LIVE = r"%(?=recipient|unsubscribe|mailing_list|tag_unsubscribe|\Z)"


class Mailgun(MergeLane):
    most = LIMITS["mailgun"].mails
    syntax = Syntax("%recipient.", "%", "%", re.compile(LIVE, re.IGNORECASE))
    mark = b'"h:List-Unsubscribe":"'
    encode_text = staticmethod(str.encode)

    def __init__(self) -> None:
        super().__init__(EmailBackend())

    def cut_frame(self, tag: str, headers: Mapping[str, str], slots: Sequence[str]) -> Frame:
        # Mailgun fills fields in headers too.
        escaped = {name: self.syntax.escape_text(value) for name, value in headers.items()}
        return super().cut_frame(tag, escaped, slots)

    def cut_params(self, params: dict[str, Any]) -> Frame:
        fields = params.pop("data")
        fields.pop("to")
        reader = orjson.dumps(orjson.loads(fields.pop("recipient-variables")))
        shared = b"".join(form_part(name, value) for name, values in fields.items() for value in as_texts(values))
        end = form_part("recipient-variables", "{" + hole("readers") + "}") + f"--{BOUNDARY}--\r\n".encode()
        headers = (params["headers"] or {}) | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return Frame(params | {"headers": headers}, cut(shared + hole("addresses").encode() + end), cut(reader[1:-1]))

    def values(self, addresses: Collection[str]) -> dict[bytes, bytes]:
        return {b"addresses": b"".join(form_part("to", address) for address in addresses)}


def form_part(name: str, value: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def as_texts(values: Any) -> Iterator[str]:
    yield from map(str, values if isinstance(values, list) else [values])

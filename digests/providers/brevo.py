"""Brevo: JSON, one message version a reader, which may bring a subject and bodies of its own.

It fills fields in bodies and subject, not in headers.
"""

import re
from typing import Any

import orjson
from anymail.backends.brevo import EmailBackend

from digests.providers.byte_template import cut, hole, unquote_hole
from digests.providers.merge_lane import Frame, MixedMergeLane, Syntax
from newsletter.mail.provider_limits import LIMITS


class Brevo(MixedMergeLane):
    most = LIMITS["brevo"].mails
    most_value_bytes = LIMITS["brevo"].value_bytes
    text_names = {b"subject": b"subject", b"html": b"htmlContent", b"text": b"textContent"}
    syntax = Syntax("{{params.", "}}", "{", re.compile(r"\{(?=[{%#]|\Z)"))
    mark = b'"List-Unsubscribe":"'

    def __init__(self) -> None:
        super().__init__(EmailBackend())

    def cut_params(self, params: dict[str, Any]) -> Frame:
        data = orjson.loads(params.pop("data"))
        (version,) = data["messageVersions"]
        body = orjson.dumps(data | {"messageVersions": [hole("readers")]})
        return Frame(params, cut(unquote_hole(body, "readers")), cut(orjson.dumps(version)))

"""Brevo: JSON, one message version a reader. It fills fields in bodies and subject, not in headers."""

import re
from typing import Any

import orjson
from anymail.backends.brevo import EmailBackend

from digests.providers.byte_template import cut, hole, unquote_hole
from digests.providers.merge_lane import Frame, MergeLane, Syntax


class Brevo(MergeLane):
    syntax = Syntax("{{params.", "}}", "{", re.compile(r"\{(?=[{%#]|\Z)"))
    mark = b'"List-Unsubscribe":"'

    def __init__(self) -> None:
        super().__init__(EmailBackend())

    def cut_params(self, params: dict[str, Any]) -> Frame:
        data = orjson.loads(params.pop("data"))
        (version,) = data["messageVersions"]
        body = orjson.dumps(data | {"messageVersions": [hole("readers")]})
        return Frame(params, cut(unquote_hole(body, "readers")), cut(orjson.dumps(version)))

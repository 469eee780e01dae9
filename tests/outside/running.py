"""Starts a provider's server, in whatever process, and says how it is reached."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.outside.api import WEBHOOK_SECRET, Api
from tests.outside.brevo import Brevo
from tests.outside.ledger import Ledger
from tests.outside.mailgun import Mailgun
from tests.outside.mailjet import Mailjet
from tests.outside.postmark import Postmark
from tests.outside.resend import Resend
from tests.outside.server import HttpProvider
from tests.outside.web import listen

APIS: dict[str, type[Api]] = {api.name: api for api in (Mailgun, Postmark, Resend, Brevo, Mailjet)}


@dataclass(frozen=True, slots=True)
class Options:
    name: str
    ledger: Path
    port: int = 0  # any that is free
    counting: bool = False  # leaves the bodies out, unread and without a hash
    bodies: bool = False  # keeps the bodies in the ledger


@asynccontextmanager
async def run(options: Options) -> AsyncIterator[dict[str, Any]]:
    """Serve while the block runs; yield the facts a Provider is made of."""
    ledger = Ledger(options.ledger, options.name, with_hashes=not options.counting, with_bodies=options.bodies)
    api = APIS[options.name](options.counting)
    server = await listen(HttpProvider(api, ledger).handle, options.port)
    try:
        yield facts_of(api, options, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()
        ledger.close()


def facts_of(api: Api, options: Options, url: str) -> dict[str, Any]:
    own = api.settings(url)
    return {
        "name": api.name,
        "url": url,
        "control_url": url,
        "ledger_path": options.ledger,
        "settings": {
            "EMAIL_PROVIDER": api.name,
            "EMAIL_BACKEND": f"anymail.backends.{api.name}.EmailBackend",
            "ANYMAIL": {**own, "WEBHOOK_SECRET": WEBHOOK_SECRET, "REQUESTS_TIMEOUT": 20},
        },
        "environment": {"EMAIL_PROVIDER": api.name, **own},
    }

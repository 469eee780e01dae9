"""Start a provider's server in any process, and return its addresses."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.outside import smtp
from tests.outside.certificate import server_context
from tests.outside.interfaces.api import WEBHOOK_SECRET, Api
from tests.outside.interfaces.brevo import Brevo
from tests.outside.interfaces.mailgun import Mailgun
from tests.outside.interfaces.mailjet import Mailjet
from tests.outside.interfaces.postmark import Postmark
from tests.outside.interfaces.resend import Resend
from tests.outside.interfaces.sendgrid import SendGrid
from tests.outside.ledger import Ledger
from tests.outside.server import HttpProvider
from tests.outside.web import listen

APIS: dict[str, type[Api]] = {api.name: api for api in (Mailgun, Postmark, Resend, Brevo, Mailjet, SendGrid)}


@dataclass(frozen=True, slots=True)
class Options:
    name: str
    ledger: Path
    port: int = 0  # any that is free
    counting: bool = False  # leaves the bodies out, unread and without a hash
    bodies: bool = False  # keeps the bodies in the ledger
    tls: bool = False  # SMTP alone: offers STARTTLS, and takes no password before it
    auth: bool = False  # SMTP alone: takes no mail without a password
    calls_a_minute: int = 0  # HTTP alone: more are answered 429; 0 for any number, which our pace then allows
    witness: Callable[[Sequence[str]], None] | None = None  # HTTP alone: is shown each call before it is answered


@asynccontextmanager
async def run(options: Options) -> AsyncIterator[dict[str, Any]]:
    """Serve during the block; yield the values from which a Provider is made."""
    ledger = Ledger(options.ledger, options.name, with_hashes=not options.counting, with_bodies=options.bodies)
    async with AsyncExitStack() as stack:
        stack.callback(ledger.close)
        serve = run_smtp if options.name == "smtp" else run_http
        yield {"name": options.name, "ledger_path": options.ledger} | await serve(options, ledger, stack)


async def run_http(options: Options, ledger: Ledger, stack: AsyncExitStack) -> dict[str, Any]:
    api = APIS[options.name](options.counting)
    provider = HttpProvider(api, ledger, options.witness, options.calls_a_minute)
    server = await listen(provider.handle, options.port)
    stack.callback(server.close)
    url = f"http://127.0.0.1:{port_of(server)}"
    own = api.settings(url)
    settings: dict[str, Any] = {
        "EMAIL_PROVIDER": api.name,
        "EMAIL_LETTERS_PROVIDER": api.name,
        "EMAIL_BACKEND": f"anymail.backends.{api.name}.EmailBackend",
        "EMAIL_LETTERS_BACKEND": f"anymail.backends.{api.name}.EmailBackend",
        "ANYMAIL": {**own, "WEBHOOK_SECRET": WEBHOOK_SECRET, "REQUESTS_TIMEOUT": 20},
    }
    environment = {"EMAIL_PROVIDER": api.name, **own}
    if not options.calls_a_minute:
        settings |= {"SEND_CALLS_A_MINUTE": 0}
        environment |= {"SEND_CALLS_A_MINUTE": "0"}
    return {"url": url, "control_url": url, "settings": settings, "environment": environment}


async def run_smtp(options: Options, ledger: Ledger, stack: AsyncExitStack) -> dict[str, Any]:
    """Serve SMTP, and the plan over HTTP on a port of its own."""
    context, certificate = None, ""
    if options.tls:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="certificate-"))
        context, file = server_context(Path(folder))
        certificate = str(file)
    provider = smtp.SmtpProvider(ledger, context, needs_auth=options.auth, is_counting=options.counting)
    server = await asyncio.start_server(provider.converse, "127.0.0.1", options.port, limit=smtp.BUFFER, backlog=512)
    stack.callback(server.close)
    control = await listen(provider.control)
    stack.callback(control.close)
    return smtp_facts(options, port_of(server)) | {
        "control_url": f"http://127.0.0.1:{port_of(control)}",
        "certificate": certificate,
    }


def smtp_facts(options: Options, port: int) -> dict[str, Any]:
    user, password = (smtp.USER, smtp.PASSWORD) if options.auth else ("", "")
    account = f"{user}:{password}@" if options.auth else ""
    url = f"{'submission' if options.tls else 'smtp'}://{account}127.0.0.1:{port}"
    settings = {
        "EMAIL_PROVIDER": "smtp",
        "EMAIL_LETTERS_PROVIDER": "smtp",
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_LETTERS_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_TLS": options.tls,
        "EMAIL_TIMEOUT": 20,
    }
    return {"url": url, "settings": settings, "environment": {"EMAIL_PROVIDER": "smtp", "EMAIL_URL": url}}


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])

"""Run a provider as a process: `python -m tests.outside mailgun --ledger FILE`. It prints its addresses."""

import argparse
import asyncio
import signal
from pathlib import Path

import orjson

from tests.outside.running import APIS, Options, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.outside", description=__doc__)
    parser.add_argument("name", choices=[*sorted(APIS), "smtp"])
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--counting", type=truth, default=False, help="true leaves the bodies out, unread")
    parser.add_argument("--bodies", type=truth, default=False, help="true keeps the bodies in the ledger")
    parser.add_argument("--tls", type=truth, default=False, help="SMTP: true offers STARTTLS")
    parser.add_argument("--auth", type=truth, default=False, help="SMTP: true takes no mail without a password")
    asyncio.run(serve(Options(**vars(parser.parse_args()))))


def truth(word: str) -> bool:
    return word.lower() in ("true", "1", "yes")


async def serve(options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with run(options) as facts:
        print(orjson.dumps(facts, default=str).decode(), flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()

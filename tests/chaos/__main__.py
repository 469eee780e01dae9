"""Run an issue through chaos, one provider after another: `python -m tests.chaos --readers 100000`."""

import argparse
import importlib
import signal
import subprocess
import sys
from dataclasses import replace

from tests.chaos.deployment import deployed
from tests.chaos.troubles import LONG, SHORT, Size
from tests.outside.provider import providing_apart

SOON = {"BATCH_SIZE": "100", "SEND_BREAKER_SECONDS": "2", "CHAOS_SWEEP_SECONDS": "1", "SEND_FORGOTTEN_SECONDS": "1"}
SCENARIOS = {  # modules of this package, and the settings of their deployments
    "crowd": {"CONNECTIONS_PER_NETWORK": "0"},  # all its clients come from one network
    "copied": {"BATCH_SIZE": "100"},
    "unclear": {"BATCH_SIZE": "200", "SEND_BREAKER_SECONDS": "1", "CHAOS_SWEEP_SECONDS": "1"},
    "signature": SOON,
    "refused": SOON,
    "relay": SOON,
}
BY_SMTP = {"relay"}  # the other scenarios send by Mailgun
PROVIDERS = {"mailgun": 1.0, "postmark": 0.2, "smtp": 0.1}  # the lanes, and their shares of the readers


def main() -> int:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and leave nothing running
    if options.scenario:
        return run_scenario(options.scenario)
    if options.provider:
        return run(options.provider, size_of(options))
    words = [sys.executable, "-m", "tests.chaos", *(["--short"] if options.short else [])]
    alone = [["--scenario", name] for name in SCENARIOS]
    codes = [
        subprocess.run([*words, "--provider", name, "--readers", str(round(options.readers * share))]).returncode
        for name, share in PROVIDERS.items()
    ]
    codes += [subprocess.run([*words, *scenario]).returncode for scenario in alone]
    return int(any(codes))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--readers", type=int, default=LONG.readers)
    parser.add_argument("--provider", choices=list(PROVIDERS), help="this one alone")
    parser.add_argument("--scenario", choices=list(SCENARIOS), help="one trouble alone: see the module of this name")
    parser.add_argument("--short", action="store_true", help="fewer troubles and shorter ones")
    return parser.parse_args()


def size_of(options: argparse.Namespace) -> Size:
    return replace(SHORT if options.short else LONG, readers=options.readers)


def run(name: str, size: Size) -> int:
    """Make one run; Django's settings apply to this process, so each run needs its own."""
    environment = {
        "SEND_LEASE_SECONDS": str(size.lease_seconds),
        "EMAIL_TIMEOUT": str(size.timeout_seconds),
        "CHAOS_SWEEP_SECONDS": str(size.sweep_seconds),
        "SEND_FORGOTTEN_SECONDS": str(size.sweep_seconds),
        "BATCH_SIZE": str(size.batch),
        "SMTP_CONNECTIONS": "4",
    }
    with providing_apart(name) as provider, deployed(provider, **environment) as deployment:
        flow = importlib.import_module("tests.chaos.flow")  # whose tables want the settings
        report = flow.Flow(deployment, provider, size).run()
    print("\n".join(report.lines()), flush=True)
    return int(bool(report.broken))


def run_scenario(name: str) -> int:
    by = "smtp" if name in BY_SMTP else "mailgun"
    with providing_apart(by) as provider, deployed(provider, **SCENARIOS[name]) as deployment:
        return int(importlib.import_module(f"tests.chaos.{name}").run(deployment, provider))


if __name__ == "__main__":
    sys.exit(main())

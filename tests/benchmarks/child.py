"""Run one benchmark and print its line: the process that `python -m tests.benchmarks` starts for each."""

import json
import sys

import django

from tests.benchmarks import registry


def main(name: str, scale: str) -> None:
    django.setup()
    print(json.dumps(registry.find(name).line(float(scale)), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

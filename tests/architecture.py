"""Draws the import contract of pyproject.toml into docs/architecture.md: `make drawing`."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- drawn from pyproject.toml by `make drawing` -->", "<!-- end of the drawing -->"
WIDEST = 6  # packages on one line of a box


def drawing() -> str:
    """Return the contracts as Mermaid: a box for each contract, its layers from top to bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layered = [contract for contract in contracts if contract["type"] == "layers"]
    lines = ["```mermaid", "flowchart TB"]
    for number, contract in enumerate(layered):
        lines += box(number, contract)
    return "\n".join([*lines, "```"])


def box(number: int, contract: dict[str, Any]) -> list[str]:
    """Return the lines of one contract's box; an arrow means "may import"."""
    names = [f"c{number}l{place}" for place, _ in enumerate(contract["layers"])]
    nodes = [f'    {name}["{words(layer)}"]' for name, layer in zip(names, contract["layers"], strict=True)]
    arrows = [f"    {' --> '.join(names)}"]
    return [f'  subgraph c{number}["{contract["name"]}"]', "    direction TB", *nodes, *arrows, "  end"]


def words(layer: str) -> str:
    """Return a layer's packages in lines, without the names' common beginning.

    >>> words("newsletter.issues | subscribers")
    'issues · subscribers'
    """
    packages = [name.strip().removeprefix("newsletter.") for name in layer.replace("|", ":").split(":")]
    lines = [packages[start : start + WIDEST] for start in range(0, len(packages), WIDEST)]
    return "<br>".join(" · ".join(line) for line in lines)


def page_with(drawn: str) -> str:
    """Return docs/architecture.md with its drawing replaced by `drawn`."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{drawn}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(drawing()), "utf-8")

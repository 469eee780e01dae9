"""The papers for who comes next say what is true of the tree."""

import re
from pathlib import Path

import pytest

from tests import architecture

ROOT = architecture.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PLACE = re.compile(r"`((?:newsletter|subscribers|digests|templates|static|tests|docs|deploy)/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def test_the_drawing_of_the_architecture_is_that_of_the_import_contract() -> None:
    assert architecture.PAGE.read_text("utf-8") == architecture.page_with(architecture.drawing())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = {place for place in PLACE.findall(page.read_text("utf-8")) if "NAME" not in place}
    assert [place for place in sorted(named) if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    targets = set(LINK.findall(page.read_text("utf-8")))
    assert [target for target in sorted(targets) if not (page.parent / target).exists()] == []


def test_the_index_of_decisions_lists_every_decision_once() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = LINK.findall((folder / "README.md").read_text("utf-8"))
    assert sorted(listed) == sorted(path.name for path in folder.glob("[0-9]*.md"))

"""The README and every page of docs/ say what really happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import run_page

ROOT = Path(__file__).resolve().parent.parent
PAGES = [pytest.param(page, id=page.name, marks=pytest.mark.slow) for page in sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", [pytest.param(ROOT / "README.md", id="README.md"), *PAGES])
def test_every_example_of_a_page_runs_and_prints_what_it_shows(page: Path) -> None:
    assert run_page(page) > 0


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200

"""The docs of the signature language: examples are executed, tables are parsed."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from modelpact.signature import parse, to_spec

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["signature-language.md", "type-hints.md"]


def examples(page: str) -> str:
    """Return the Python blocks of a page as one session."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_their_output(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = doctest.DocTestParser().get_doctest(
        examples(page), {"__name__": "page"}, page, page, 0
    )
    assert len(session.examples) > 5
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(session, out=report.append)
    assert result.failed == 0, "".join(report)


def rows() -> list[tuple[str, str]]:
    text = (DOCS / PAGES[0]).read_text(encoding="utf-8")
    return re.findall(r"^\| `(inputs|params)` \| `(.*?)` \|", text, flags=re.MULTILINE)


@pytest.mark.parametrize(("part", "written"), rows())
def test_rows_of_the_table_are_signatures(part: str, written: str) -> None:
    signature = parse(f"{part}:\n  {written}\n")
    assert parse(to_spec(signature)) == signature


def test_number_of_rows() -> None:
    assert len(rows()) >= 13

from __future__ import annotations

import io
from html.parser import HTMLParser

import pandas as pd
import pytest
from rich.console import Console

from modelpact._internal.card import MAX_ROWS, Card, CardTable
from modelpact.registry.version_audit import Audit, AuditedVersion, Finding
from modelpact.signature import diff, parse
from modelpact.types import Check, Outputs, Receipt, Verdict

SIGNATURE = parse({"inputs": {"age": "long", "note?": "string"}, "params": {"k": "long = 3"}})
CHECKS = [Check(code="GOOD", ok=True, detail="<b>bold</b>"), Check(code="BAD", ok=False)]


class Page(HTMLParser):
    """The elements of a page with their attributes, and whether each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text = " ".join([*self.text.split(), *data.split()])


def html_of(shown: object) -> str:
    html: str = shown._repr_html_()  # type: ignore[attr-defined]
    return html


def rich_text(shown: object) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(shown)
    return console.export_text()


RECEIPT = Receipt(
    status="ok",
    name="sums",
    version="3",
    checks=CHECKS,
    metrics={"r2": 0.51234},
    signature=SIGNATURE.to_dict(),
)
SHOWN = [
    (RECEIPT, ["registered sums version 3", "r2 0.512", "GOOD", "age", "long", "Params"]),
    (Receipt(status="failed", name="a", stage="fit", error="E: no"), ["a failed in fit: E: no"]),
    (Verdict(tuple(CHECKS)), ["1 of 2 checks passed", "failed", "<b>bold</b>"]),
    (Outputs([1.5] * 30, {"model_uri": "models:/a/1"}), ["Prediction", "models:/a/1", "1.5, ..."]),
    (
        diff(SIGNATURE, parse({"inputs": {"age": "double"}})),
        ["breaking", "INPUT_REMOVED", "double"],
    ),
    (
        Audit((AuditedVersion("sums", "1", (Finding("FILES_CHANGED", "MLmodel differs"),)),)),
        ["failed", "1 version audited, 0 as published", "FILES_CHANGED", "MLmodel differs"],
    ),
    (Audit((AuditedVersion("sums", "1"),)), ["ok", "1 version audited, 1 as published"]),
    (diff(SIGNATURE, SIGNATURE), ["compatible", "no changes"]),
]


@pytest.mark.parametrize(("shown", "texts"), SHOWN, ids=lambda one: type(one).__name__)
class TestEachResult:
    def test_is_a_page_without_resources(self, shown: object, texts: list[str]) -> None:
        page = Page(html_of(shown))
        assert [text for text in texts if text not in page.text] == []
        assert {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe"} == set()
        assert "http" not in html_of(shown)

    def test_is_accessible(self, shown: object, texts: list[str]) -> None:
        elements = Page(html_of(shown)).elements
        tags = [tag for tag, _ in elements]
        assert tags.count("caption") == tags.count("table")
        assert all(attributes.get("scope") for tag, attributes in elements if tag == "th")
        ((_, section),) = [element for element in elements if element[0] == "section"]
        assert section["aria-label"]

    def test_is_shown_by_rich(self, shown: object, texts: list[str]) -> None:
        text = " ".join(rich_text(shown).split())
        assert [one for one in texts if one not in text] == []


def test_a_data_frame_keeps_its_own_table() -> None:
    html = html_of(Outputs(pd.DataFrame({"<price>": [1.5]})))
    assert 'class="dataframe"' in html
    assert "&lt;price&gt;" in html


def test_long_tables_are_cut() -> None:
    table = CardTable("Rows", ("row",), [(str(row),) for row in range(MAX_ROWS + 7)])
    html = Card("Rows", "rows", tables=[table]).to_html()
    assert f">{MAX_ROWS - 1}</th>" in html
    assert f">{MAX_ROWS}</th>" not in html
    assert "and 7 more" in html

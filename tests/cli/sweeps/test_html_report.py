from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import pytest

from modelpact.cli.sweeps import JobResult
from modelpact.cli.sweeps.html_report import render_report
from tests.cli.sweeps.test_results import failed, missing, ok, receipt

EMPTY = {"meta", "line", "circle", "br", "wbr"}
HARMLESS = {"class", "style", "lang", "charset", "name", "content", "role", "fill", "stroke"}
PLACES = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"}


class Reader(HTMLParser):
    """Parses a page strictly (every tag is closed in order) and collects texts and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(results: list[JobResult], title: str = "sweep") -> Reader:
    """Parse a page without references or scripts, whose drawings are inside the plots."""
    text = render_report(results, title)
    reader = Reader(text)
    assert {name for name, _ in reader.tags}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "base", "a", "form"}
    )
    assert {key for _, attributes in reader.tags for key in attributes} <= HARMLESS | PLACES
    assert re.search(r"url\(|@import", text) is None
    for _, attributes in reader.tags:
        for place in PLACES & set(attributes):
            assert 0 <= float(attributes[place] or "nan") < 100_000  # false for NaN and infinity
    return reader


def test_a_report_has_counts_tables_and_plots() -> None:
    reader = read([ok(0, 0.1), ok(1, 0.7), failed(2), missing(3)], "sweep of today")
    text = " ".join(reader.texts)
    assert "sweep of today" in text
    for tile in ("4 jobs", "2 ok", "1 failed", "1 missing", "r2 0.7", "best: job 1, version 2"):
        assert tile in re.sub(r"\s+", " ", text)
    assert len(reader.all("circle")) == 2
    assert len(reader.all("tr")) == 5
    assert [attributes.get("class") for attributes in reader.all("tr")].count("best") == 1
    assert len(reader.all("rect")) == 3 * 2  # stages of the jobs that have a receipt
    assert reader.texts.count("FitError: broken") == 1


def test_values_are_escaped() -> None:
    evil = "</pre><script>alert('x')</script><img src=http://host/x onerror=y>\"&amp;"
    result = JobResult(
        0,
        {evil: evil},
        "failed",
        receipt("failed", stage=evil, error=evil, metrics={evil: 1.0}, seconds={evil: 1.0}),
    )
    reader = read([result, ok(1, 0.5)], evil)
    assert reader.texts.count(evil) >= 4


@pytest.mark.parametrize(
    "results",
    [
        [],
        [missing(0), missing(1)],
        [failed(0)],
        [ok(0)],
        [ok(0, 0.5)],
        [ok(0, 0.5), ok(1, 0.5)],
        [ok(0, math.nan)],
        [ok(0, math.nan), ok(1, math.inf), ok(2, -math.inf), ok(3, 1.0), ok(4, 2.0)],
        [ok(0, 1e308), ok(1, -1e308)],
        [ok(0, 5e-324), ok(1, 0.0)],
        [ok(0, -57.0), ok(1, -60.0)],
        [JobResult(0, {}, "ok", receipt(seconds={"fit": 0.0}))],
        [JobResult(0, {}, "ok", receipt(seconds={}))],
        [JobResult(0, {"a.x": "1", "b.x": "2"}, "ok", receipt())],
        [ok(0, 0.5, alpha="x" * 5000), ok(1, 0.4, alpha="y y " * 1000)],
    ],
    ids=lambda results: (
        f"{len(results)}:" + ",".join(f"{result.status}={result.objective}" for result in results)
    ),
)
def test_any_combination_of_results_is_valid_html(results: list[JobResult]) -> None:
    read(results)


def test_non_finite_scores_are_counted_and_not_plotted() -> None:
    reader = read([ok(0, math.nan), ok(1, math.inf), ok(2, 1.0), ok(3, 2.0)])
    assert len(reader.all("circle")) == 2
    assert "from 1 to 2, 2 not finite" in reader.texts
    assert {"nan", "inf"} <= set(reader.texts)


def test_a_report_of_200_jobs_is_small() -> None:
    kinds = {0: failed, 1: missing}
    results = [
        kinds[number % 10](number) if number % 10 in kinds else ok(number, number / 200)
        for number in range(200)
    ]
    reader = read(results)
    assert len(reader.all("tr")) == 201
    assert len(reader.all("circle")) == 160
    assert reader.texts.count("FitError: broken") == 1  # one error of 20 jobs is shown once
    assert len(render_report(results, "sweep")) < 300_000


def test_keys_with_the_same_last_part_are_distinguished() -> None:
    results = [
        JobResult(number, {"a.seed": str(number), "b.seed": str(-number)}, "missing")
        for number in range(2)
    ]
    assert "1: a.seed=1 b.seed=-1" in " ".join(read(results).texts)

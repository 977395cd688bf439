"""The report of a sweep: one HTML page with plots that loads nothing, so it opens from disk."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from modelpact.cli.sweeps.results import (
    STATUSES,
    JobResult,
    find_best,
    metric_names,
    result_columns,
    varying_keys,
)

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render_report"]

TEMPLATE = "report.html.jinja"

HUES = (210, 30, 150, 280, 60, 0, 190, 330, 100, 250, 45)
"""The colour of each stage, as a hue in degrees."""

LABEL_WIDTH, PLOT_WIDTH, VALUE_WIDTH = 300, 560, 90
"""The parts of a plot in pixels: the names of the jobs, the plot, the values."""

LONG_CELL = 40
"""Cells with more characters are wrapped."""


def render_report(results: Sequence[JobResult], title: str) -> str:
    """Return the report: counts, the table, a plot per metric, seconds per stage, and errors.

    Args:
        results: The results of all jobs.
        title: The title of the sweep.
    """
    return _template().render(
        title=title,
        label_width=LABEL_WIDTH,
        plot_width=PLOT_WIDTH,
        value_width=VALUE_WIDTH,
        counts=_counts(results),
        best=_best(results),
        total_duration=_format_duration(sum(result.seconds or 0.0 for result in results)),
        shared=_shared_choices(results),
        metrics=[_metric(results, name) for name in metric_names(results)],
        stages=_stages(results),
        errors=_errors(results),
        **_table(results),
    )


@functools.cache
def _template() -> Template:
    from jinja2 import Environment

    source = (files(__package__) / TEMPLATE).read_text(encoding="utf-8")
    return Environment(autoescape=True).from_string(source)


def _counts(results: Sequence[JobResult]) -> list[tuple[str, int, str]]:
    total = ("", len(results), "job" if len(results) == 1 else "jobs")
    by_status = [(one, sum(result.status == one for result in results), one) for one in STATUSES]
    return [tile for tile in (total, *by_status) if tile[1]]


def _best(results: Sequence[JobResult]) -> dict[str, str] | None:
    best = find_best(results)
    if best is None or best.receipt is None:
        return None
    metric, value = next(iter(best.receipt.metrics.items()))
    version = f", version {best.receipt.version}" if best.receipt.version else ""
    return {"metric": metric, "value": f"{value:.4g}", "text": f"best: job {best.number}{version}"}


def _table(results: Sequence[JobResult]) -> dict[str, Any]:
    columns, best = result_columns(results), find_best(results)
    keys = {"job", "status", *varying_keys(results)}

    def style(name: str, text: str, status: str = "") -> str:
        if name == "status":
            return status
        if name not in keys:
            return "figure"
        return "long" if len(text) > LONG_CELL else ""

    rows = []
    for index, result in enumerate(results):
        cells = [
            {"text": texts[index], "class": style(name, texts[index], result.status)}
            for name, texts in columns
        ]
        rows.append({"cells": cells, "is_best": result is best})
    head = [{"name_parts": _breakable(name), "class": style(name, name)} for name, _ in columns]
    return {"columns": head, "rows": rows}


def _breakable(name: str) -> list[str]:
    """Split a name after each `_` and `.`, where a line may break."""
    return name.replace("_", "_\0").replace(".", ".\0").split("\0")


def _shared_choices(results: Sequence[JobResult]) -> str:
    varying = varying_keys(results)
    choices = results[0].choices if results else {}
    return _join({key: value for key, value in choices.items() if key not in varying})


def _metric(results: Sequence[JobResult], name: str) -> dict[str, Any]:
    """Return a dot per job, between the smallest and the greatest value."""
    values = [
        (result, result.receipt.metrics[name])
        for result in results
        if result.receipt and name in result.receipt.metrics
    ]
    finite = [value for _, value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = high - low if 0.0 < high - low < math.inf else 0.0
    best, keys = find_best(results), set(varying_keys(results))
    rows = []
    for result, value in values:
        share = (value - low) / span if span else 0.5
        x = LABEL_WIDTH + 8 + share * (PLOT_WIDTH - 16) if math.isfinite(value) else None
        colour = "var(--best)" if result is best else "var(--dot)"
        rows.append({**_row(result, keys, f"{value:.4g}"), "x": x, "colour": colour})
    notes = []
    if span:
        notes.append(f"from {low:.4g} to {high:.4g}")
    elif len(finite) > 1:
        notes.append("the same in all jobs")
    if len(finite) < len(values):
        notes.append(f"{len(values) - len(finite)} not finite")
    return {"name": name, "note": ", ".join(notes), "rows": rows, "height": _row_height(rows)}


def _stages(results: Sequence[JobResult]) -> dict[str, Any] | None:
    """Return a bar per job, divided into the seconds of its stages."""
    timed = [
        (result, result.receipt.seconds)
        for result in results
        if result.receipt and result.receipt.seconds
    ]
    if not timed:
        return None
    totals: dict[str, float] = {}
    for _, seconds in timed:
        for stage, value in seconds.items():
            totals[stage] = totals.get(stage, 0.0) + value
    colours = {
        stage: f"hsl({HUES[index % len(HUES)]} 50% 55%)" for index, stage in enumerate(totals)
    }
    scale = PLOT_WIDTH / (max(sum(seconds.values()) for _, seconds in timed) or 1.0)
    keys = set(varying_keys(results))
    rows = []
    for result, seconds in timed:
        bars, x = [], float(LABEL_WIDTH)
        for stage, value in seconds.items():
            title = f"{stage}: {value:.3f} s"
            bars.append({"x": x, "width": value * scale, "colour": colours[stage], "title": title})
            x += value * scale
        rows.append({**_row(result, keys, f"{result.seconds:.2f} s"), "bars": bars})
    legend = [
        {"name": stage, "colour": colours[stage], "duration": _format_duration(total)}
        for stage, total in totals.items()
    ]
    return {"legend": legend, "rows": rows, "height": _row_height(rows)}


def _errors(results: Sequence[JobResult]) -> list[dict[str, Any]]:
    """Return each error once, with the jobs that ended in it."""
    jobs: dict[str, list[str]] = {}
    keys = set(varying_keys(results))
    for result in results:
        if result.status != "ok":
            text = (
                "The job left no receipt: it was not started, or its process was killed."
                if result.receipt is None
                else result.receipt.error or ""
            )
            jobs.setdefault(text, []).append(_job_name(result, keys))
    return [{"text": text, "jobs": names} for text, names in jobs.items()]


def _row(result: JobResult, keys: set[str], value: str) -> dict[str, str]:
    return {"name": _job_name(result, keys), "value": value}


def _row_height(rows: Sequence[object]) -> int:
    return 24 if len(rows) <= 40 else 17


def _job_name(result: JobResult, keys: set[str]) -> str:
    choices = {key: value for key, value in result.choices.items() if key in keys}
    return f"{result.number}: {_join(choices)}"


def _join(choices: dict[str, str]) -> str:
    """Return choices as text, by the last part of each key unless two keys end alike."""
    last_parts = [key.rpartition(".")[2] for key in choices]
    names = last_parts if len(set(last_parts)) == len(last_parts) else list(choices)
    return " ".join(f"{name}={value}" for name, value in zip(names, choices.values(), strict=True))


def _format_duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

"""The report of a sweep: one HTML page with plots that loads nothing, so it opens from disk."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from modelpact.cli.sweeps.results import (
    STATUSES,
    JobResult,
    find_best,
    metric_names,
    result_table,
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
    counts = Counter(result.status for result in results)
    by_status = [(status, counts[status], status) for status in STATUSES]
    return [tile for tile in (total, *by_status) if tile[1]]


def _best(results: Sequence[JobResult]) -> dict[str, str] | None:
    best = find_best(results)
    if best is None:
        return None
    metric, value = next(iter(best.metrics.items()))
    version = f", version {best.version}" if best.version else ""
    return {"metric": metric, "value": f"{value:.4g}", "text": f"best: job {best.number}{version}"}


def _table(results: Sequence[JobResult]) -> dict[str, object]:
    (names, texts), best = result_table(results), find_best(results)
    keys = {"job", "status", *varying_keys(results)}

    def style(name: str, text: str, status: str = "") -> str:
        if name == "status":
            return status
        if name not in keys:
            return "figure"
        return "long" if len(text) > LONG_CELL else ""

    rows = []
    for result, row in zip(results, texts, strict=True):
        cells = [
            {"text": text, "class": style(name, text, result.status)}
            for name, text in zip(names, row, strict=True)
        ]
        rows.append({"cells": cells, "is_best": result is best})
    head = [{"name_parts": _breakable(name), "class": style(name, name)} for name in names]
    return {"columns": head, "rows": rows}


def _breakable(name: str) -> list[str]:
    """Split a name after each `_` and `.`, where a line may break."""
    return name.replace("_", "_\0").replace(".", ".\0").split("\0")


def _shared_choices(results: Sequence[JobResult]) -> str:
    varying = varying_keys(results)
    choices = results[0].choices if results else {}
    return _join({key: value for key, value in choices.items() if key not in varying})


def _metric(results: Sequence[JobResult], name: str) -> dict[str, object]:
    """Return a dot per job, between the smallest and the greatest value."""
    values = [(result, result.metrics[name]) for result in results if name in result.metrics]
    finite = [value for _, value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    best, keys = find_best(results), set(varying_keys(results))
    rows = [
        {
            **_row(result, keys, f"{value:.4g}"),
            "x": _dot_position(value, low, high - low),
            "colour": "var(--best)" if result is best else "var(--dot)",
        }
        for result, value in values
    ]
    note = _describe_range(finite, len(values) - len(finite))
    return {"name": name, "note": note, "rows": rows, "height": _row_height(rows)}


def _describe_range(finite: Sequence[float], n_others: int) -> str:
    notes = []
    if len(set(finite)) > 1:
        notes.append(f"from {min(finite):.4g} to {max(finite):.4g}")
    elif len(finite) > 1:
        notes.append("the same in all jobs")
    if n_others:
        notes.append(f"{n_others} not finite")
    return ", ".join(notes)


def _dot_position(value: float, low: float, span: float) -> float | None:
    share = (value - low) / span if 0.0 < span < math.inf else 0.5
    return LABEL_WIDTH + 8 + share * (PLOT_WIDTH - 16) if math.isfinite(value) else None


def _stages(results: Sequence[JobResult]) -> dict[str, object] | None:
    """Return a bar per job, divided into the seconds of its stages."""
    timed = [result for result in results if result.stage_seconds]
    if not timed:
        return None
    colours = _stage_colours(timed)
    longest = max(sum(result.stage_seconds.values()) for result in timed)
    scale = PLOT_WIDTH / (longest or 1.0)
    keys = set(varying_keys(results))
    rows = [
        {
            **_row(result, keys, f"{result.seconds:.2f} s"),
            "bars": _bars(result.stage_seconds, colours, scale),
        }
        for result in timed
    ]
    legend = [
        {"name": stage, "colour": colour, "duration": _total_duration(results, stage)}
        for stage, colour in colours.items()
    ]
    return {"legend": legend, "rows": rows, "height": _row_height(rows)}


def _stage_colours(results: Sequence[JobResult]) -> dict[str, str]:
    stages = dict.fromkeys(stage for result in results for stage in result.stage_seconds)
    hues = zip(stages, itertools.cycle(HUES), strict=False)
    return {stage: f"hsl({hue} 50% 55%)" for stage, hue in hues}


def _total_duration(results: Sequence[JobResult], stage: str) -> str:
    return _format_duration(sum(result.stage_seconds.get(stage, 0.0) for result in results))


def _bars(
    seconds: Mapping[str, float], colours: Mapping[str, str], scale: float
) -> list[dict[str, object]]:
    bars, x = [], float(LABEL_WIDTH)
    for stage, value in seconds.items():
        title = f"{stage}: {value:.3f} s"
        bars.append({"x": x, "width": value * scale, "colour": colours[stage], "title": title})
        x += value * scale
    return bars


def _errors(results: Sequence[JobResult]) -> list[dict[str, object]]:
    """Return each error once, with the jobs that ended in it."""
    jobs: dict[str, list[str]] = {}
    keys = set(varying_keys(results))
    for result in results:
        if result.status != "ok":
            jobs.setdefault(_error_text(result), []).append(_job_name(result, keys))
    return [{"text": text, "jobs": names} for text, names in jobs.items()]


def _error_text(result: JobResult) -> str:
    if result.receipt is None:
        return "The job left no receipt: it was not started, or its process was killed."
    return result.receipt.error or ""


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

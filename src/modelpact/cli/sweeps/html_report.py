"""A sweep's account as one HTML page, with plots: nothing in it is loaded from elsewhere, so it opens from disk."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from modelpact.cli.sweeps.results import Result, best, columns, varied

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c2128; --soft: #656d76; --line: #d8dee4; --fill: #f6f8fa;
  --ok: #1a7f45; --failed: #c62f2f; --missing: #8a6d00; --dot: #2f6fb2; --best: #1a7f45; }
@media (prefers-color-scheme: dark) { :root { --back: #14181d; --text: #dfe4ea; --soft: #939ca6; --line: #30363d; --fill: #1c2128;
  --ok: #4cc27d; --failed: #ff7b72; --missing: #d8b13a; --dot: #6cb0f5; --best: #4cc27d; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem;
  padding: 0 1.2rem; }
h1 { font-size: 1.45rem; margin: 0 0 .8rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .7rem; margin-bottom: 1.4rem; }
.tiles div { background: var(--fill); border: 1px solid var(--line); border-radius: 8px; padding: .5rem 1rem; }
.tiles b { display: block; font-size: 1.35rem; line-height: 1.3; } .tiles span, .note { color: var(--soft); font-size: .87rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .9rem .3rem .5rem; text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; } td { white-space: nowrap; } .figure { text-align: right; }
td.long { max-width: 26rem; min-width: 12rem; overflow-wrap: anywhere; white-space: normal; }
tr.best { background: var(--fill); font-weight: 600; }
.ok { color: var(--ok); } .failed { color: var(--failed); } .missing { color: var(--missing); }
svg text { fill: currentColor; font: 12px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: 0 0 .6rem; }
.legend i { border-radius: 2px; display: inline-block; height: .75em; margin-right: .4em; width: .75em; }
pre { background: var(--fill); border-left: 3px solid var(--failed); margin: .3rem 0 1.2rem; overflow-wrap: anywhere;
  padding: .6rem .9rem; white-space: pre-wrap; font-size: .85rem; }
"""

_HUES = (210, 30, 150, 280, 60, 0, 190, 330, 100, 250, 45)

_LABEL, _WIDTH, _FIGURE = 300, 560, 90
"""Where a plot's parts are, in pixels: the names of the jobs, what is drawn, and the figures."""


def page(results: Sequence[Result], title: str) -> str:
    """The page: counts, the table, a plot of each metric by combination, seconds by stage, and every error.

    Args:
        results: What came of the jobs.
        title: What the sweep is called.
    """
    metrics = dict.fromkeys(
        name for result in results if result.receipt for name in result.receipt.metrics
    )
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        _tiles(results),
        _table(results),
        *(_metric(results, name) for name in metrics),
        _stages(results),
        _errors(results),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(parts)}</body></html>\n'


def _tiles(results: Sequence[Result]) -> str:
    tiles = [("", len(results), "job" if len(results) == 1 else "jobs")]
    tiles += [
        (status, sum(result.status == status for result in results), status)
        for status in ("ok", "failed", "missing")
    ]
    shown = [
        f'<div><b class="{kind}">{count}</b><span>{name}</span></div>'
        for kind, count, name in tiles
        if count
    ]
    winner = best(results)
    if winner is not None and winner.receipt is not None:
        name, value = next(iter(winner.receipt.metrics.items()))
        what = f"best: job {winner.number}" + (
            f", version {winner.receipt.version}" if winner.receipt.version else ""
        )
        shown.append(
            f"<div><b>{html.escape(name)} {value:.4g}</b><span>{html.escape(what)}</span></div>"
        )
    spent = sum(result.seconds or 0.0 for result in results)
    shown.append(f"<div><b>{_duration(spent)}</b><span>in all jobs</span></div>")
    return f'<div class="tiles">{"".join(shown)}</div>'


def _table(results: Sequence[Result]) -> str:
    shown, winner = columns(results), best(results)
    keys = {"job", "status", *varied(results)}

    def cell(tag: str, name: str, text: str, status: str = "") -> str:
        kind = (
            status
            if name == "status"
            else "figure"
            if name not in keys
            else "long"
            if len(text) > 40
            else ""
        )
        return f"<{tag}{f' class={kind}' if kind else ''}>{html.escape(text)}</{tag}>"

    head = (
        "".join(cell("th", name, name) for name, _ in shown)
        .replace("_", "_<wbr>")
        .replace(".", ".<wbr>")
    )
    lines = []
    for index, result in enumerate(results):
        cells = "".join(cell("td", name, texts[index], result.status) for name, texts in shown)
        lines.append(f"<tr{' class=best' if result is winner else ''}>{cells}</tr>")
    fixed = {
        key: value
        for result in results[:1]
        for key, value in result.choices.items()
        if key not in keys
    }
    note = f'<p class="note">In all jobs: {html.escape(_joined(fixed))}</p>' if fixed else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>{note}'


def _metric(results: Sequence[Result], name: str) -> str:
    """One dot a job, between the smallest figure and the greatest: it is the difference that one looks for."""
    values = [
        (result, result.receipt.metrics[name])
        for result in results
        if result.receipt and name in result.receipt.metrics
    ]
    finite = [value for _, value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = (high - low) if 0.0 < high - low < math.inf else 0.0
    winner, drawn = best(results), _Rows(results, len(values))
    for result, value in values:
        y = drawn.row(result, f"{value:.4g}")
        drawn.add(
            f'<line x1="{_LABEL}" x2="{_LABEL + _WIDTH}" y1="{y}" y2="{y}" stroke="var(--line)"/>'
        )
        if math.isfinite(value):
            x = _LABEL + 8 + ((value - low) / span if span else 0.5) * (_WIDTH - 16)
            colour = "var(--best)" if result is winner else "var(--dot)"
            drawn.add(f'<circle cx="{x:.1f}" cy="{y}" r="{drawn.height / 4:.1f}" fill="{colour}"/>')
    between = (
        f"from {low:.4g} to {high:.4g}" if span else "the same in all" if len(finite) > 1 else ""
    )
    lost = len(values) - len(finite)
    note = ", ".join(part for part in (between, f"{lost} not finite" if lost else "") if part)
    return f'<h2>{html.escape(name)}</h2><p class="note">{note}</p>{drawn.svg()}'


def _stages(results: Sequence[Result]) -> str:
    """One bar a job, cut into the seconds of its stages."""
    timed = [
        (result, result.receipt.seconds)
        for result in results
        if result.receipt and result.receipt.seconds
    ]
    if not timed:
        return ""
    sums: dict[str, float] = {}
    for _, spent in timed:
        for stage, seconds in spent.items():
            sums[stage] = sums.get(stage, 0.0) + seconds
    colours = {
        stage: f"hsl({_HUES[index % len(_HUES)]} 50% 55%)" for index, stage in enumerate(sums)
    }
    longest = max(sum(spent.values()) for _, spent in timed) or 1.0
    drawn = _Rows(results, len(timed))
    for result, spent in timed:
        x, y = float(_LABEL), drawn.row(result, f"{result.seconds:.2f} s")
        for stage, seconds in spent.items():
            wide = seconds / longest * _WIDTH
            tip = f"<title>{html.escape(stage)}: {seconds:.3f} s</title>"
            size = f'width="{wide:.2f}" height="{drawn.height - 6}"'
            drawn.add(
                f'<rect x="{x:.2f}" y="{y - drawn.height / 2 + 3:.1f}" {size} fill="{colours[stage]}">{tip}</rect>'
            )
            x += wide
    legend = "".join(
        f'<span><i style="background:{colours[stage]}"></i>{html.escape(stage)} {_duration(seconds)}</span>'
        for stage, seconds in sums.items()
    )
    return f'<h2>Seconds by stage</h2><p class="legend note">{legend}</p>{drawn.svg()}'


def _errors(results: Sequence[Result]) -> str:
    """Each error once, with the jobs that ended in it."""
    groups: dict[str, list[Result]] = {}
    keys = set(varied(results))
    for result in results:
        if result.status != "ok":
            text = (
                "It left no receipt: it was never begun, or was killed."
                if result.receipt is None
                else result.receipt.error
            )
            groups.setdefault(text or "", []).append(result)
    texts = (
        f"<p>{'<br>'.join(f'job {html.escape(_named(result, keys))}' for result in jobs)}</p><pre>{html.escape(text)}</pre>"
        for text, jobs in groups.items()
    )
    return f"<h2>What did not succeed</h2>{''.join(texts)}" if groups else ""


class _Rows:
    """A plot with a line for each job: its name on the left, a figure on the right."""

    def __init__(self, results: Sequence[Result], count: int) -> None:
        self.height = 24 if count <= 40 else 17
        self._varied = set(varied(results))
        self._parts: list[str] = []
        self._count = 0

    def row(self, result: Result, figure: str) -> float:
        """Begin a job's line; returns where its middle is."""
        middle = (self._count + 0.5) * self.height
        self._count += 1
        name = _named(result, self._varied)
        short = name if len(name) <= 44 else f"{name[:43]}…"
        text = f'<text x="0" y="{self.height / 2 + 4}">{html.escape(short)}<title>{html.escape(name)}</title></text>'
        size = f'y="{middle - self.height / 2}" width="{_LABEL - 8}" height="{self.height}"'
        self.add(f"<svg {size}>{text}</svg>")  # which cuts off what is too long
        self.add(
            f'<text class="soft" x="{_LABEL + _WIDTH + 10}" y="{middle + 4}">{html.escape(figure)}</text>'
        )
        return middle

    def add(self, part: str) -> None:
        self._parts.append(part)

    def svg(self) -> str:
        size = f'width="{_LABEL + _WIDTH + _FIGURE}" height="{self._count * self.height}"'
        return f'<div class="wide"><svg {size} role="img">{"".join(self._parts)}</svg></div>'


def _named(result: Result, keys: set[str]) -> str:
    return f"{result.number}: {_joined({key: value for key, value in result.choices.items() if key in keys})}"


def _joined(choices: dict[str, str]) -> str:
    """What was chosen, by the last part of each key, or by the whole of it where two keys end alike."""
    lasts = [key.rpartition(".")[2] for key in choices]
    short = lasts if len(set(lasts)) == len(lasts) else list(choices)
    return " ".join(f"{key}={value}" for key, value in zip(short, choices.values(), strict=True))


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.1f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.1f} h"
    )

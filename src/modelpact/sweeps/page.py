"""A sweep's account as one HTML page, with plots: nothing in it is loaded from elsewhere, so it opens from disk."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from modelpact.sweeps.results import Result, best, columns

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; --ok: #2a7d4f; --bad: #c0392b; --none: #8a8f98; --line: #8a8f9855; --bar: #3a6ea5; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); }
tr.best td { font-weight: 600; } .ok { color: var(--ok); } .failed { color: var(--bad); } .missing { color: var(--none); }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; } pre { white-space: pre-wrap; margin: .2rem 0 1rem; }
.legend span { margin-right: 1rem; white-space: nowrap; } .legend i { display: inline-block; width: .8em; height: .8em; }
"""

_HUES = (210, 30, 150, 280, 60, 0, 190, 330, 100, 250, 45)


def page(results: Sequence[Result], title: str) -> str:
    """The page: counts, the table, a plot of each metric by combination, seconds by stage, and every error.

    Args:
        results: What came of the jobs.
        title: What the sweep is called.
    """
    counts = ", ".join(
        f'<span class="{status}">{sum(result.status == status for result in results)} {status}</span>'
        for status in ("ok", "failed", "missing")
        if any(result.status == status for result in results)
    )
    parts = [
        f"<h1>{html.escape(title)}</h1><p>{len(results)} jobs: {counts}</p>",
        _table(results),
        *(_metric(results, name) for name in dict.fromkeys(n for r in results if r.receipt for n in r.receipt.metrics)),
        _stages(results),
        _errors(results),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(parts)}</body></html>\n'


def _table(results: Sequence[Result]) -> str:
    shown, winner = columns(results), best(results)
    head = "".join(f"<th>{html.escape(name)}</th>" for name, _ in shown)
    lines = []
    for index, result in enumerate(results):
        cells = "".join(
            f"<td{f' class={chr(34)}{result.status}{chr(34)}' if name == 'status' else ''}>{html.escape(cells[index])}</td>"
            for name, cells in shown
        )
        lines.append(f"<tr{' class=best' if result is winner else ''}>{cells}</tr>")
    note = f"<p>The best by its first metric is job {winner.number}.</p>" if winner else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>{note}'


def _metric(results: Sequence[Result], name: str) -> str:
    """One bar a job; bars begin at zero, to the left of it where a figure is negative."""
    values = [(result, result.receipt.metrics[name]) for result in results if result.receipt and name in result.receipt.metrics]
    finite = [value for _, value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(0.0, *finite), max(0.0, *finite)
    span = (high - low) or 1.0
    label, width, row = 260, 560, 22
    zero = label + (0 - low) / span * width
    bars = []
    for index, (result, value) in enumerate(values):
        y = index * row
        text = f'<text x="0" y="{y + 15}">{html.escape(_named(result))}</text>'
        if not math.isfinite(value):
            bars.append(f'{text}<text x="{zero + 4:.1f}" y="{y + 15}">{value}</text>')
            continue
        end = label + (value - low) / span * width
        bar = f'<rect x="{min(zero, end):.1f}" y="{y + 3}" width="{abs(end - zero):.1f}" height="{row - 6}" fill="var(--bar)"/>'
        bars.append(f'{text}{bar}<text x="{label + width + 8}" y="{y + 15}">{value:.4g}</text>')
    axis = f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{len(values) * row}" stroke="var(--line)"/>'
    return f"<h2>{html.escape(name)}</h2>{_svg(label + width + 90, len(values) * row, [axis, *bars])}"


def _stages(results: Sequence[Result]) -> str:
    """One bar a job, cut into the seconds of its stages."""
    timed = [(result, result.receipt.seconds) for result in results if result.receipt and result.receipt.seconds]
    if not timed:
        return ""
    stages = list(dict.fromkeys(stage for _, spent in timed for stage in spent))
    colours = {stage: f"hsl({_HUES[index % len(_HUES)]} 55% 55%)" for index, stage in enumerate(stages)}
    longest = max(sum(spent.values()) for _, spent in timed) or 1.0
    label, width, row = 260, 560, 22
    bars = []
    for index, (result, spent) in enumerate(timed):
        x, y = float(label), index * row
        bars.append(f'<text x="0" y="{y + 15}">{html.escape(_named(result))}</text>')
        for stage, seconds in spent.items():
            wide = seconds / longest * width
            tip = f"<title>{html.escape(stage)}: {seconds:.3f} s</title>"
            bars.append(
                f'<rect x="{x:.1f}" y="{y + 3}" width="{wide:.2f}" height="{row - 6}" fill="{colours[stage]}">{tip}</rect>'
            )
            x += wide
        bars.append(f'<text x="{label + width + 8}" y="{y + 15}">{result.seconds:.2f} s</text>')
    legend = "".join(
        f'<span><i style="background:{colour}"></i> {html.escape(stage)}</span>' for stage, colour in colours.items()
    )
    return f'<h2>Seconds by stage</h2><p class="legend">{legend}</p>{_svg(label + width + 90, len(timed) * row, bars)}'


def _errors(results: Sequence[Result]) -> str:
    failed = [result for result in results if result.status == "failed" and result.receipt is not None]
    if not failed:
        return ""
    texts = (
        f"<p>job {result.number}: {html.escape(_choices(result))}</p>"
        f"<pre>{html.escape(result.receipt.error or '' if result.receipt else '')}</pre>"
        for result in failed
    )
    return f"<h2>Errors</h2>{''.join(texts)}"


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return f'<div class="wide"><svg width="{width}" height="{height}" role="img">{"".join(parts)}</svg></div>'


def _named(result: Result) -> str:
    text = f"{result.number}: {_choices(result)}"
    return text if len(text) <= 38 else f"{text[:37]}…"


def _choices(result: Result) -> str:
    return " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in result.choices.items())

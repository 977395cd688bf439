"""The report of a contract comparison: as a table, JSON, JUnit XML or Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from modelpact._internal.characters import blank_unprintable
from modelpact._internal.counts import format_count
from modelpact._internal.text import truncate
from modelpact.cli.render.console import plain_table
from modelpact.signature.export.markdown import code, table

if TYPE_CHECKING:
    from modelpact.signature import Change

__all__ = ["DiffReport"]


@dataclass(frozen=True, slots=True)
class DiffReport:
    """The changes from one contract to another.

    Attributes:
        old: The source of the old contract.
        new: The source of the new contract.
        mode: The required compatibility.
        policy: The enforcer's policy for conversions.
        extra: The enforcer's policy for extra columns.
        changes: All changes.
        broken: The changes that break the mode.
    """

    HEADERS: ClassVar[Sequence[str]] = ("rule", "path", "old", "new", "breaks")

    old: str
    new: str
    mode: str
    policy: str
    extra: str
    changes: Sequence[Change]
    broken: Sequence[Change]

    @property
    def counts(self) -> str:
        """The number of changes, and of those that break the mode."""
        if not self.changes:
            return "no changes"
        total = format_count(len(self.changes), "change")
        if self.mode == "none":
            return total
        verb = "breaks" if len(self.broken) == 1 else "break"
        return f"{total}, {len(self.broken) or 'none'} of which {verb} {self.mode}"

    @property
    def title(self) -> str:
        """Both contracts and the counts, on one line."""
        return f"{self.old} -> {self.new}: {self.counts}"

    def rows(self) -> list[list[str]]:
        """Return a table row per change, with breaking changes first."""
        broken = set(self.broken)
        ordered = [*self.broken, *(change for change in self.changes if change not in broken)]
        return [
            [
                change.rule,
                truncate(change.path),
                truncate(change.old or "-"),
                truncate(change.new or "-"),
                ", ".join(sorted(change.breaks)) or "-",
            ]
            for change in ordered
        ]

    def text(self, form: str) -> str:
        """Return the report as `table`, `json`, `junit` or `markdown`."""
        forms = {
            "table": self._table,
            "json": self._json,
            "junit": self._junit,
            "markdown": self._markdown,
        }
        return forms[form]()

    def _table(self) -> str:
        return f"{self.title}\n{plain_table(self.HEADERS, self.rows())}"

    def _json(self) -> str:
        broken = set(self.broken)
        changes = [{**change.to_dict(), "breaks_mode": change in broken} for change in self.changes]
        document = {
            "old": self.old,
            "new": self.new,
            "mode": self.mode,
            "policy": self.policy,
            "extra": self.extra,
            "compatible": not self.broken,
            "changes": changes,
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def _junit(self) -> str:
        """Return one test case per change, or a passed one if nothing changed."""
        from xml.etree import ElementTree

        from modelpact.signature.compat.rules import RULES

        counts = {
            "tests": str(len(self.changes) or 1),
            "failures": str(len(self.broken)),
            "errors": "0",
        }
        broken = set(self.broken)
        suites = ElementTree.Element("testsuites", counts)
        # XML cannot represent control characters.
        name = blank_unprintable(f"{self.old} -> {self.new}")
        suite = ElementTree.SubElement(suites, "testsuite", {"name": name, **counts})
        for change in self.changes:
            names = {
                "classname": f"{change.side}.{change.rule}",
                "name": blank_unprintable(change.path),
            }
            case = ElementTree.SubElement(suite, "testcase", names)
            if change in broken:
                details = {"type": change.rule, "message": blank_unprintable(str(change))}
                failure = ElementTree.SubElement(case, "failure", details)
                failure.text = RULES[change.rule]
        if not self.changes:
            names = {"classname": "contract", "name": "nothing changed"}
            ElementTree.SubElement(suite, "testcase", names)
        ElementTree.indent(suites)
        body = ElementTree.tostring(suites, encoding="unicode")
        return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'

    def _markdown(self) -> str:
        parts = [f"### {code(self.old)} → {code(self.new)}: {self.counts}"]
        if self.changes:
            rows = []
            for index, (rule, path, old, new, breaks) in enumerate(self.rows()):
                name = f"**{rule}**" if index < len(self.broken) else rule
                rows.append([name, code(path), *map(_to_cell, (old, new)), breaks])
            parts.append(table(self.HEADERS, rows))
        return "\n\n".join(parts) + "\n"


def _to_cell(text: str) -> str:
    return text if text == "-" else code(text)

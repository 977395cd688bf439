"""Two contracts that were compared, in the forms that people and programs read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from modelpact._internal.text import truncate
from modelpact.cli.render.console import plain_table
from modelpact.cli.render.markdown import code, table

if TYPE_CHECKING:
    from modelpact.signature import Change

__all__ = ["DiffReport"]


@dataclass(frozen=True, slots=True)
class DiffReport:
    """What changed from one contract to another.

    Attributes:
        old: Where the old one is from.
        new: Where the new one is from.
        mode: What is asked of them.
        policy: The policy of the enforcer that they were compared under.
        extra: What it does with columns that a contract does not know.
        changes: Every change.
        broken: Those that break the mode.
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
        """How many changes there are, and how many break the mode."""
        if not self.changes:
            return "no changes"
        total = "1 change" if len(self.changes) == 1 else f"{len(self.changes):,} changes"
        if self.mode == "none":
            return total
        return f"{total}, {len(self.broken) or 'none'} of which break{'s' if len(self.broken) == 1 else ''} {self.mode}"

    @property
    def title(self) -> str:
        """Both contracts and the counts, on one line."""
        return f"{self.old} -> {self.new}: {self.counts}"

    def rows(self) -> list[list[str]]:
        """A row for each change, those that break the mode first."""
        broken = set(self.broken)
        first = [*self.broken, *(change for change in self.changes if change not in broken)]
        return [
            [
                change.rule,
                truncate(change.path),
                truncate(change.old or "-"),
                truncate(change.new or "-"),
                ", ".join(sorted(change.breaks)) or "-",
            ]
            for change in first
        ]

    def text(self, form: str) -> str:
        """The whole as `table`, `json`, `junit` or `markdown`."""
        return {
            "table": self._table,
            "json": self._json,
            "junit": self._junit,
            "markdown": self._markdown,
        }[form]()

    def _table(self) -> str:
        return f"{self.title}\n" + (plain_table(self.HEADERS, self.rows()) if self.changes else "")

    def _json(self) -> str:
        broken = set(self.broken)
        document = {
            "old": self.old,
            "new": self.new,
            "mode": self.mode,
            "policy": self.policy,
            "extra": self.extra,
            "compatible": not self.broken,
            "changes": [
                {**change.to_dict(), "breaks_mode": change in broken} for change in self.changes
            ],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def _junit(self) -> str:
        """A test for each change, which fails where it breaks the mode; one that passes where nothing changed."""
        from xml.etree import ElementTree

        from modelpact.signature.compat.rules import RULES

        counts = {
            "tests": str(len(self.changes) or 1),
            "failures": str(len(self.broken)),
            "errors": "0",
        }
        broken = set(self.broken)
        suites = ElementTree.Element("testsuites", counts)
        suite = ElementTree.SubElement(
            suites, "testsuite", {"name": _xml(f"{self.old} -> {self.new}"), **counts}
        )
        for change in self.changes:
            names = {"classname": f"{change.side}.{change.rule}", "name": _xml(change.path)}
            case = ElementTree.SubElement(suite, "testcase", names)
            if change in broken:
                failure = ElementTree.SubElement(
                    case, "failure", {"type": change.rule, "message": _xml(str(change))}
                )
                failure.text = RULES[change.rule]
        if not self.changes:
            ElementTree.SubElement(
                suite, "testcase", {"classname": "contract", "name": "nothing changed"}
            )
        ElementTree.indent(suites)
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            + ElementTree.tostring(suites, encoding="unicode")
            + "\n"
        )

    def _markdown(self) -> str:
        parts = [f"### {code(self.old)} → {code(self.new)}: {self.counts}"]
        if self.changes:
            cells = [
                [
                    f"**{rule}**" if index < len(self.broken) else rule,
                    code(path),
                    *map(_cell, (old, new)),
                    breaks,
                ]
                for index, (rule, path, old, new, breaks) in enumerate(self.rows())
            ]
            parts.append(table(self.HEADERS, cells))
        return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text if text == "-" else code(text)


def _xml(text: str) -> str:
    """A text without what XML cannot hold at all, such as control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)

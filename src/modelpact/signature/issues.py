"""Collectors of issues: problems of a written signature, or of the data to infer one from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from modelpact._internal.counts import format_count
from modelpact._internal.text import did_you_mean, list_items, preview
from modelpact.errors import SignError, SpecError
from modelpact.signature.field_path import FieldPath, format_column_path, format_path

__all__ = ["DataIssues", "Issue", "SpecIssues"]

MAX_LISTED_SPEC_ISSUES = 20
MAX_LISTED_DATA_ISSUES = 50

TYPE_LEGEND = (
    "Types: boolean integer long float double string binary datetime any; [type] is an array, "
    '{name: type} an object, {"*": type} a map, float32[-1, 3] a tensor; a ? at the end of a key '
    "makes it optional."
)


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem of a signature or of its data.

    Attributes:
        path: The value at fault; empty for the signature as a whole.
        text: What is wrong, and what to do.
        line: The line in the source file, from 1; None where unknown.
    """

    path: str
    text: str
    line: int | None = None


class IssueCollector:
    """Issues found so far, to be raised as one error."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def __len__(self) -> int:
        return len(self.issues)

    def problems(self) -> list[tuple[str, str]]:
        """Return the issues as `(path, text)`, as errors report them."""
        return [(issue.path, issue.text) for issue in self.issues]


class SpecIssues(IssueCollector):
    """Issues of a written signature.

    Args:
        source: The name of the file, for the messages.
    """

    def __init__(self, source: str | None = None) -> None:
        super().__init__()
        self.source = source
        self.lines: dict[FieldPath, int] = {}

    def add(self, path: FieldPath, text: str, line: int | None = None) -> None:
        """Add an issue; without a line, the line of the path is used."""
        self.issues.append(Issue(format_path(path), text, line or self.find_line(path)))

    def add_duplicates(self, path: FieldPath, names: Iterable[Hashable]) -> None:
        """Add an issue for each name that occurs more than once."""
        for name, count in Counter(names).items():
            if count > 1:
                self.add(path, f"duplicate name {preview(name)} ({count} times)")

    def add_unknown_keys(
        self,
        path: FieldPath,
        keys: Iterable[Hashable],
        known: Sequence[str],
        place: str = "",
        remedy: str = "",
    ) -> None:
        """Add an issue for each key that is not known; `place` is where, such as ` of a param`."""
        for key in keys:
            if key not in known:
                text = f"unknown key {preview(key)}{place}{did_you_mean(key, known)}{remedy}"
                self.add((*path, key), text)

    def find_line(self, path: FieldPath) -> int | None:
        """Return the line of a path, or of its innermost parent with a known line."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def raise_if_any(self, remedy: str = TYPE_LEGEND) -> None:
        """Raise the issues, in the order of their lines.

        Args:
            remedy: The last line of the message.

        Raises:
            SpecError: There is at least one issue.
        """
        if not self.issues:
            return
        self.issues.sort(key=lambda issue: issue.line or 0)
        title = f"{format_count(len(self), 'problem')} in the signature"
        if self.source:
            title += f" of {self.source}"
        listed = [self._format(issue) for issue in self.issues[:MAX_LISTED_SPEC_ISSUES]]
        raise SpecError(
            list_items(title, listed, len(self)),
            remedy=remedy,
            problems=self.problems(),
            lines=[issue.line for issue in self.issues],
            source=self.source,
        )

    def _format(self, issue: Issue) -> str:
        parts = [issue.path, issue.text]
        if issue.line:
            parts.insert(0, f"{self.source}:{issue.line}" if self.source else f"line {issue.line}")
        return ": ".join(filter(None, parts))


class DataIssues(IssueCollector):
    """Issues of the data that a signature is inferred from.

    Attributes:
        part: The part being inferred: `inputs`, `outputs` or `params`.
        allow_any: Whether values that only the type `any` fits are accepted.
        untyped: Issues of values that only the type `any` fits, which `on_any` decides about.
    """

    def __init__(self, part: str = "inputs", *, allow_any: bool = False) -> None:
        super().__init__()
        self.part = part
        self.allow_any = allow_any
        self.untyped: list[Issue] = []

    def add(self, path: FieldPath, text: str, remedy: str) -> None:
        """Add an issue, and what to do about it."""
        self.issues.append(Issue(self._format_path(path), f"{text}; {remedy}"))

    def add_untyped(self, path: FieldPath, text: str, remedy: str) -> None:
        """Add the issue of values that only `any` fits, unless one of that path is known."""
        shown = self._format_path(path)
        known = any(
            f"{issue.path}[".startswith((f"{shown}[", f"{shown}.")) for issue in self.untyped
        )
        if not known:
            self.untyped.append(Issue(shown, f"{text}; {remedy}"))
            self.issues += [] if self.allow_any else self.untyped[-1:]

    def _format_path(self, path: FieldPath) -> str:
        text = format_column_path(path)
        return f"{self.part}: {text}" if text else self.part

    def raise_if_any(self) -> None:
        """Raise the issues.

        Raises:
            SignError: There is at least one issue.
        """
        if not self.issues:
            return
        count = format_count(len(self), "problem")
        title = f"cannot infer a signature that fits this data, {count}"
        listed = [f"{issue.path}: {issue.text}" for issue in self.issues[:MAX_LISTED_DATA_ISSUES]]
        raise SignError(list_items(title, listed, len(self)), problems=self.problems())

"""Waivers of the compatibility check, and the report that receipts and versions keep of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from modelpact._internal.text import did_you_mean
from modelpact.errors import ConfigError
from modelpact.registry.names import MAX_TAG_LENGTH
from modelpact.signature.compat.rules import RULES, Change

__all__ = ["AppliedWaiver", "CompatibilityReport", "Waiver", "format_ranges"]

MAX_AGAINST_LENGTH = 2_000
"""Characters of the list of versions in a tag; a longer list is replaced by its length."""


class Waiver(BaseModel):
    """The permission to break one rule at one path.

    Attributes:
        rule: The name of the rule, from `modelpact.signature.compat.rules.RULES`.
        path: The path of the change, as in the error message: `inputs.age`.
        reason: Why no caller is affected. It is recorded with the version.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    rule: str
    path: str
    reason: str = Field(max_length=500)

    def check(self) -> None:
        """Reject a waiver that can never apply, or that has no reason.

        Raises:
            ConfigError: The rule is unknown, does not apply to the path, or the reason is empty.
        """
        if self.rule not in RULES:
            suggestion = did_you_mean(self.rule.upper(), RULES)
            raise ConfigError(
                f"register.waivers: unknown rule {self.rule!r}{suggestion}",
                remedy="The error that you want to waive names the rule; "
                "docs/comparing.md lists all rules.",
            )
        roots = self._roots()
        if not re.match(rf"({'|'.join(roots)})($|[.\[])", self.path):
            raise ConfigError(
                f"register.waivers: {self.rule} does not apply to the path {self.path!r}",
                remedy=f"Its paths start with {' or '.join(roots)}, for example {roots[0]}.age; "
                "the error that you want to waive names the path.",
                path=self.path,
            )
        if not re.search(r"\w", self.reason):
            raise ConfigError(
                f"register.waivers: {self.rule} at {self.path} has no reason",
                remedy="Explain why no caller is affected; the version records the reason.",
                path=self.path,
            )

    def _roots(self) -> tuple[str, ...]:
        side = self.rule.partition("_")[0].lower()
        return ("inputs", "outputs") if side == "tensor" else (f"{side}s",)


@dataclass(frozen=True, slots=True)
class AppliedWaiver:
    """A breaking change that a waiver let through.

    Attributes:
        change: The change.
        versions: The numbers of the versions that it breaks.
        reason: The reason of the waiver.
    """

    change: Change
    versions: tuple[int, ...]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the waiver as plain data."""
        return {
            **asdict(self.change),
            "breaks": sorted(self.change.breaks),
            "versions": list(self.versions),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class CompatibilityReport:
    """The result of a compatibility check that passed.

    Attributes:
        mode: The compatibility mode.
        policy: The enforcement policy that callers are assumed to use.
        extra: How callers are assumed to treat columns that the contract does not have.
        against: The numbers of the versions that were compared, in ascending order.
        passed: The number of changes per rule that break nothing.
        waived: The breaking changes that waivers let through.
    """

    mode: str
    policy: str = "lossless"
    extra: str = "ignore"
    against: tuple[int, ...] = ()
    passed: dict[str, int] = field(default_factory=dict)
    waived: tuple[AppliedWaiver, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, for the receipt."""
        return {
            "mode": self.mode,
            "policy": self.policy,
            "extra": self.extra,
            "against": list(self.against),
            "passed": self.passed,
            "waived": [waiver.to_dict() for waiver in self.waived],
        }

    def to_tag(self) -> str:
        """Return the report as JSON that fits into a tag.

        Version numbers are written as ranges. `left_out` counts the waived changes that do not fit.

        Example:
            >>> tag = CompatibilityReport("backward_transitive", against=(1, 2, 3, 7)).to_tag()
            >>> json.loads(tag)["against"]
            '1-3, 7'
        """
        if self.mode == "none":
            return json.dumps({"mode": "none"})
        facts: dict[str, Any] = {
            "mode": self.mode,
            "policy": self.policy,
            "extra": self.extra,
            "against": self._format_against(),
        }
        if self.passed:
            facts["passed"] = self.passed
        if not self.waived:
            return json.dumps(facts)
        waivers = [
            {**one.to_dict(), "versions": format_ranges(one.versions)} for one in self.waived
        ]
        text = json.dumps({**facts, "waived": waivers})
        for n_kept in range(len(waivers) - 1, -1, -1):
            if len(text) <= MAX_TAG_LENGTH:
                break
            left_out = len(waivers) - n_kept
            text = json.dumps({**facts, "waived": waivers[:n_kept], "left_out": left_out})
        return text

    def _format_against(self) -> str:
        text = format_ranges(self.against)
        if len(text) <= MAX_AGAINST_LENGTH:
            return text
        return f"{len(self.against)} versions, the last of them {self.against[-1]}"

    def merge(self, later: CompatibilityReport) -> CompatibilityReport:
        """Combine two reports on one contract that was compared with different versions."""
        return replace(
            self,
            against=tuple(sorted({*self.against, *later.against})),
            passed=dict(sorted((Counter(self.passed) | Counter(later.passed)).items())),
            waived=(*self.waived, *later.waived),
        )


def format_ranges(numbers: Iterable[int]) -> str:
    """Format numbers as a list of ranges.

    Example:
        >>> format_ranges([1, 2, 3, 7, 9, 10])
        '1-3, 7, 9-10'
    """
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)

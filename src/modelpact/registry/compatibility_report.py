"""What the gate let in, and why: exceptions to its rules, and the facts that a receipt and a version keep."""

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
from modelpact.registry.names import TAG_LENGTH
from modelpact.signature.compat.rules import RULES, Change

__all__ = ["AppliedWaiver", "CompatibilityReport", "Waiver", "ranges"]


class Waiver(BaseModel):
    """A broken rule that is let through at one place.

    Attributes:
        rule: Its name: one of `modelpact.signature.compat.rules.RULES`.
        path: Where it is broken, as the refusal says it: `inputs.age`.
        reason: Why nobody is hurt; it is recorded.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    rule: str
    path: str
    reason: str = Field(max_length=500)

    def check(self) -> None:
        """Refuse one that can never match, or that gives no reason.

        Raises:
            ConfigError: It names no rule, or no place that the rule could be broken at.
        """
        if self.rule not in RULES:
            raise ConfigError(
                f"register.waivers: there is no rule {self.rule!r}{did_you_mean(self.rule.upper(), RULES)}",
                remedy="The refusal names the rule; docs/comparing.md lists them all.",
            )
        side = self.rule.partition("_")[0].lower()
        sides = ("inputs", "outputs") if side == "tensor" else (f"{side}s",)
        if not re.match(rf"({'|'.join(sides)})($|[.\[])", self.path):
            raise ConfigError(
                f"register.waivers: {self.rule} is never broken at {self.path!r}",
                remedy=f"Its paths begin with {' or '.join(sides)}, such as {sides[0]}.age; the refusal names the path.",
                path=self.path,
            )
        if not re.search(r"\w", self.reason):
            raise ConfigError(
                f"register.waivers: {self.rule} at {self.path} has no reason",
                remedy="Say why nobody is hurt: the reason is recorded with the version.",
                path=self.path,
            )


@dataclass(frozen=True, slots=True)
class AppliedWaiver:
    """A change that breaks the mode, and was let through.

    Attributes:
        change: The change.
        versions: The numbers of the versions that it breaks with.
        reason: Why it was let through.
    """

    change: Change
    versions: tuple[int, ...]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        facts = asdict(self.change)
        return {
            **facts,
            "breaks": sorted(self.change.breaks),
            "versions": list(self.versions),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class CompatibilityReport:
    """Why a contract was let in.

    Attributes:
        mode: What was asked.
        policy: The policy of the enforcer that was assumed.
        extra: What was assumed that it does with columns that a contract does not know.
        against: The numbers of the versions that it was compared with, the lowest first.
        passed: How many changes of each rule were found that break nothing.
        waived: The changes that break the mode, and were let through.
    """

    mode: str
    policy: str = "lossless"
    extra: str = "ignore"
    against: tuple[int, ...] = ()
    passed: dict[str, int] = field(default_factory=dict)
    waived: tuple[AppliedWaiver, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain data, for the receipt."""
        return {
            "mode": self.mode,
            "policy": self.policy,
            "extra": self.extra,
            "against": list(self.against),
            "passed": self.passed,
            "waived": [waived.to_dict() for waived in self.waived],
        }

    def tag(self) -> str:
        """The facts as JSON for a tag: versions as ranges; `left_out` says how many waived changes it has no room for.

        Example:
            >>> CompatibilityReport("backward_transitive", against=(1, 2, 3, 7)).tag()
            '{"mode": "backward_transitive", "policy": "lossless", "extra": "ignore", "against": "1-3, 7"}'
        """
        if self.mode == "none":
            return json.dumps({"mode": "none"})
        facts: dict[str, Any] = {
            "mode": self.mode,
            "policy": self.policy,
            "extra": self.extra,
            "against": ranges(self.against),
        }
        if len(facts["against"]) > 2_000:
            facts["against"] = f"{len(self.against)} versions, the last of them {self.against[-1]}"
        if self.passed:
            facts["passed"] = self.passed
        told = [{**waived.to_dict(), "versions": ranges(waived.versions)} for waived in self.waived]
        for kept in range(len(told), -1, -1):
            left = {"left_out": len(told) - kept} if kept < len(told) else {}
            text = json.dumps({**facts, **({"waived": told[:kept]} if told else {}), **left})
            if len(text) <= TAG_LENGTH:
                break
        return text

    def joined(self, later: CompatibilityReport) -> CompatibilityReport:
        """Both of two comparisons of one contract."""
        return replace(
            self,
            against=tuple(sorted({*self.against, *later.against})),
            passed=dict(sorted((Counter(self.passed) | Counter(later.passed)).items())),
            waived=(*self.waived, *later.waived),
        )


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as a short text.

    Example:
        >>> ranges([1, 2, 3, 7, 9, 10])
        '1-3, 7, 9-10'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)

"""What a sweep that learns searches: read from Hydra's own notation of sweeps, without Optuna."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from hydra.core.override_parser.types import IntervalSweep, RangeSweep, ValueType

from modelpact.errors import ConfigError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from optuna.distributions import BaseDistribution

__all__ = ["Choices", "Numbers", "SearchSpace"]


@dataclass(frozen=True, slots=True)
class Choices:
    """One of several values.

    Attributes:
        texts: The values as they are written in an override.
    """

    texts: tuple[str, ...]

    def distribution(self) -> BaseDistribution:
        """Optuna's name for it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.texts)

    def text(self, value: Any) -> str:
        """A value as an override has it."""
        return str(value)

    def ends(self) -> list[Any]:
        """Values that together show whether all can be composed."""
        return list(self.texts)

    def points(self) -> list[Any] | None:
        """All values; None where they cannot be counted."""
        return list(self.texts)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number between two others, both included; a whole one where both are.

    Attributes:
        low: The smallest.
        high: The greatest.
        step: From one to the next; None for all that are between.
        log: Whether it is drawn by its logarithm.
    """

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is an integer."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    def distribution(self) -> BaseDistribution:
        """Optuna's name for it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(
                int(self.low), int(self.high), log=self.log, step=int(self.step or 1)
            )
        return FloatDistribution(float(self.low), float(self.high), log=self.log, step=self.step)

    def text(self, value: Any) -> str:
        """A value as an override has it: 0.3, and not 0.30000000000000004, in steps of 0.1."""
        if self.whole:
            return str(round(value))
        if self.step is None:
            return str(float(value))
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        return str(float(low + round((Decimal(str(value)) - low) / step) * step))

    def ends(self) -> list[Any]:
        """Values that together show whether all can be composed."""
        return [self.low] if self.low == self.high else [self.low, self.high]

    def points(self) -> list[Any] | None:
        """All values; None where they cannot be counted."""
        step = 1 if self.whole and self.step is None else self.step
        if step is None:
            return None
        low, width = Decimal(str(self.low)), Decimal(str(step))
        values = (
            low + index * width for index in range(int((Decimal(str(self.high)) - low) / width) + 1)
        )
        return [int(value) if self.whole else float(value) for value in values]


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """What varies between the jobs of a sweep, and what they all have.

    Attributes:
        axes: What varies, by its key.
        fixed: The overrides that every job has, by their keys.
        written: Both as they were written, in their order.
    """

    axes: Mapping[str, Choices | Numbers]
    fixed: Mapping[str, str]
    written: Mapping[str, str]

    @classmethod
    def read(cls, overrides: Sequence[Override]) -> SearchSpace:
        """Read it from overrides; of two for one key the later one counts.

        Raises:
            ConfigError: Something cannot be searched, or nothing varies.
        """
        last = {override.get_key_element(): override for override in overrides}
        axes = {
            key: _axis(key, override)
            for key, override in last.items()
            if override.is_sweep_override()
        }
        fixed = {key: str(override.input_line) for key, override in last.items() if key not in axes}
        if not axes:
            raise ConfigError(
                "nothing varies, so there is nothing to search",
                remedy="Give it values: -m model=ridge,forest or -m 'model.estimator.alpha=tag(log, interval(0.01, 10))'.",
            )
        return cls(
            axes,
            fixed,
            {key: str(override.input_line).partition("=")[2] for key, override in last.items()},
        )

    def job(self, values: Mapping[str, Any]) -> list[str]:
        """The overrides of the job that has these values."""
        return [
            self.fixed[key] if key in self.fixed else f"{key}={self.axes[key].text(values[key])}"
            for key in self.written
        ]

    def corners(self) -> list[list[str]]:
        """Jobs that together have every choice and both ends of every range; few, as each differs from the first in one key."""
        first = {key: axis.ends()[0] for key, axis in self.axes.items()}
        others = [
            {**first, key: value} for key, axis in self.axes.items() for value in axis.ends()[1:]
        ]
        return [self.job(values) for values in [first, *others]]

    def grid(self) -> Iterator[dict[str, Any]]:
        """All combinations of values, in the order of a sweep without Optuna.

        Raises:
            ConfigError: They cannot be counted.
        """
        points = {key: axis.points() for key, axis in self.axes.items()}
        endless = [key for key, values in points.items() if values is None]
        if endless:
            raise ConfigError(
                f"hydra.sweeper.sampler=grid: {', '.join(endless)} has too many values to try each",
                remedy="Give them as a range(...) or one by one, or choose another sampler: tpe, random.",
            )
        return (
            dict(zip(points, values, strict=True))
            for values in itertools.product(*cast("Any", points.values()))
        )


def _axis(key: str, override: Override) -> Choices | Numbers:
    value: Any = override.value()
    tags = set(getattr(value, "tags", ()))
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
        raise ConfigError(
            f"{override.input_line}: a glob cannot be searched: what it stands for may change before the study is resumed",
            remedy=f"Write its options out: {key}=choice(a,b).",
        )
    if tags - {"log"} or (tags and override.is_choice_sweep()):
        raise ConfigError(
            f"{override.input_line}: the tag {', '.join(sorted(tags))} means nothing here",
            remedy="The only tag is log, for ranges and intervals: tag(log, interval(0.01, 10)).",
        )
    if isinstance(value, IntervalSweep):
        axis = Numbers(cast("float", value.start), cast("float", value.end), log=bool(tags))
    elif isinstance(value, RangeSweep):
        axis = _stepped(override, value, log=bool(tags))
    else:
        return Choices(tuple(dict.fromkeys(override.sweep_string_iterator())))
    if not (math.isfinite(axis.low) and math.isfinite(axis.high) and axis.low <= axis.high):
        raise ConfigError(
            f"{override.input_line}: there is no number in it",
            remedy="Give the smaller number first.",
        )
    if axis.log and axis.low <= 0:
        raise ConfigError(
            f"{override.input_line}: only numbers above 0 have a logarithm",
            remedy="Begin above 0, or leave tag(log, ...) out.",
        )
    return axis


def _stepped(override: Override, value: RangeSweep, *, log: bool) -> Numbers:
    """A range as Numbers; its end is not in it, as in sweeps without Optuna."""
    exact = [Decimal(str(number)) for number in (value.start, value.stop, value.step)]
    start, stop, step = exact
    count = math.ceil((stop - start) / step) if step else 0
    if count < 1:
        raise ConfigError(
            f"{override.input_line}: there is no number in it",
            remedy="Write range(start, stop, step).",
        )
    ends = sorted([start, start + (count - 1) * step])
    kind = (
        int
        if all(isinstance(number, int) for number in (value.start, value.stop, value.step))
        else float
    )
    if log and (kind is float or abs(step) != 1):
        raise ConfigError(
            f"{override.input_line}: steps cannot be drawn by their logarithm",
            remedy="Use tag(log, interval(...)), or steps of 1 from one whole number to another.",
        )
    return Numbers(kind(ends[0]), kind(ends[1]), step=kind(abs(step)), log=log)

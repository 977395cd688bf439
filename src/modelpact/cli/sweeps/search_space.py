"""The search space of a sweep, read from Hydra's sweep syntax, without Optuna."""

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

__all__ = ["Categorical", "NumericRange", "SearchSpace", "check_grid"]

MAX_JOBS = 100_000
"""The size of the largest grid."""


@dataclass(frozen=True, slots=True)
class Categorical:
    """A choice between values.

    Attributes:
        texts: The values as they are written in an override.
    """

    texts: tuple[str, ...]

    def distribution(self) -> BaseDistribution:
        """Return the Optuna distribution."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.texts)

    def format(self, value: object) -> str:
        """Return a value as it is written in an override."""
        return str(value)

    def extremes(self) -> Sequence[object]:
        """Return the values to validate: all of them."""
        return list(self.texts)

    def values(self) -> list[Any] | None:
        """Return all values."""
        return list(self.texts)


@dataclass(frozen=True, slots=True)
class NumericRange:
    """A range of numbers including both ends; integers if all of its attributes are.

    Attributes:
        low: The smallest number.
        high: The greatest number.
        step: The distance between two numbers; None for a continuous range.
        log: Whether the logarithm is sampled uniformly.
    """

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether all numbers of the range are integers."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    def distribution(self) -> BaseDistribution:
        """Return the Optuna distribution."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.is_integer:
            return IntDistribution(
                int(self.low), int(self.high), log=self.log, step=int(self.step or 1)
            )
        return FloatDistribution(float(self.low), float(self.high), log=self.log, step=self.step)

    def format(self, value: Any) -> str:
        """Return a number as it is written in an override: 0.3, not 0.30000000000000004."""
        if self.is_integer:
            return str(round(value))
        if self.step is None:
            return str(float(value))
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        return str(float(low + round((Decimal(str(value)) - low) / step) * step))

    def extremes(self) -> Sequence[object]:
        """Return the values to validate: both ends."""
        return sorted({self.low, self.high})

    def values(self) -> list[Any] | None:
        """Return all numbers; None for a continuous range."""
        step = 1 if self.is_integer and self.step is None else self.step
        if step is None:
            return None
        low, width = Decimal(str(self.low)), Decimal(str(step))
        count = int((Decimal(str(self.high)) - low) / width) + 1
        numbers = (low + index * width for index in range(count))
        return [int(number) if self.is_integer else float(number) for number in numbers]


Axis = Categorical | NumericRange


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The overrides that vary between the jobs of a sweep, and those that are fixed.

    Attributes:
        axes: The values of each varying key.
        fixed: The fixed overrides by key.
        written: The values of all overrides as they were written, by key, in order.
    """

    axes: Mapping[str, Axis]
    fixed: Mapping[str, str]
    written: Mapping[str, str]

    @classmethod
    def read(cls, overrides: Sequence[Override]) -> SearchSpace:
        """Read a search space from overrides; the last override of a key wins.

        Raises:
            ConfigError: An override cannot be searched, or no override varies.
        """
        last = {override.get_key_element(): override for override in overrides}
        axes, fixed, written = {}, {}, {}
        for key, override in last.items():
            line = str(override.input_line)
            written[key] = line.partition("=")[2]
            if override.is_sweep_override():
                axes[key] = _read_axis(key, override)
            else:
                fixed[key] = line
        if not axes:
            raise ConfigError(
                "the sweep has no varying override to search over",
                remedy="Add one: -m model=ridge,forest"
                " or -m 'model.estimator.alpha=tag(log, interval(0.01, 10))'.",
            )
        return cls(axes, fixed, written)

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """Return the overrides of the job with the given values."""
        return [
            self.fixed[key] if key in self.fixed else f"{key}={self.axes[key].format(values[key])}"
            for key in self.written
        ]

    def corners(self) -> list[list[str]]:
        """Return jobs that together contain every choice and both ends of every range.

        Each differs from the first in one key.
        """
        first = {key: axis.extremes()[0] for key, axis in self.axes.items()}
        others = [
            {**first, key: value}
            for key, axis in self.axes.items()
            for value in axis.extremes()[1:]
        ]
        return [self.overrides(values) for values in [first, *others]]

    def grid(self) -> Iterator[dict[str, object]]:
        """Return all combinations of values, in the order of Hydra's basic sweeper.

        Raises:
            ConfigError: A range is continuous.
        """
        values = {key: axis.values() for key, axis in self.axes.items()}
        continuous = [key for key, found in values.items() if found is None]
        if continuous:
            raise ConfigError(
                f"hydra.sweeper.sampler=grid: {', '.join(continuous)} has infinitely many values",
                remedy="Write a range(...) or a list of values, or choose another sampler:"
                " tpe, random.",
                key="hydra.sweeper.sampler",
            )
        product = itertools.product(*cast("Any", values.values()))
        return (dict(zip(values, combination, strict=True)) for combination in product)


def _read_axis(key: str, override: Override) -> Axis:
    value: Any = override.value()
    tags = set(getattr(value, "tags", ()))
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
        raise ConfigError(
            f"{override.input_line}: cannot search over a glob,"
            " because its matches may change before the study is resumed",
            remedy=f"List the options: {key}=choice(a,b).",
        )
    if tags - {"log"} or (tags and override.is_choice_sweep()):
        raise ConfigError(
            f"{override.input_line}: unsupported tag {', '.join(sorted(tags))}",
            remedy="The only tag is log, for ranges and intervals: tag(log, interval(0.01, 10)).",
        )
    if isinstance(value, IntervalSweep):
        low, high = cast("float", value.start), cast("float", value.end)
        axis = NumericRange(low, high, log=bool(tags))
    elif isinstance(value, RangeSweep):
        axis = _read_range(override, value, log=bool(tags))
    else:
        return Categorical(tuple(dict.fromkeys(override.sweep_string_iterator())))
    _check_range(override, axis)
    return axis


def _check_range(override: Override, axis: NumericRange) -> None:
    if not (math.isfinite(axis.low) and math.isfinite(axis.high) and axis.low <= axis.high):
        raise ConfigError(
            f"{override.input_line}: the range is empty",
            remedy="Write the smaller number first.",
        )
    if axis.log:
        _check_logarithmic(override, axis)


def _check_logarithmic(override: Override, axis: NumericRange) -> None:
    if axis.step is not None and (not axis.is_integer or axis.step != 1):
        raise ConfigError(
            f"{override.input_line}: a logarithmic range cannot have steps",
            remedy="Use tag(log, interval(...)), or integers with a step of 1.",
        )
    if axis.low <= 0:
        raise ConfigError(
            f"{override.input_line}: a logarithmic range must be greater than 0",
            remedy="Start above 0, or omit tag(log, ...).",
        )


def _read_range(override: Override, value: RangeSweep, *, log: bool) -> NumericRange:
    """Return a range; its stop is excluded, as in Hydra's basic sweeper."""
    numbers = (value.start, value.stop, value.step)
    start, stop, step = (Decimal(str(number)) for number in numbers)
    count = math.ceil((stop - start) / step) if step else 0
    if count < 1:
        raise ConfigError(
            f"{override.input_line}: the range is empty",
            remedy="Write range(start, stop, step).",
        )
    kind = int if all(isinstance(number, int) for number in numbers) else float
    low, high = sorted([start, start + (count - 1) * step])
    return NumericRange(kind(low), kind(high), step=kind(abs(step)), log=log)


def check_grid(overrides: Sequence[Override], batch_size: object) -> None:
    """Check a grid before Hydra lists all of its combinations.

    Args:
        overrides: The overrides of the sweep.
        batch_size: `hydra.sweeper.max_batch_size`.

    Raises:
        ConfigError: An override has no values, the grid is too large, or the batch size is not a
            positive integer.
    """
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ConfigError(
            f"hydra.sweeper.max_batch_size={batch_size} is not a positive integer",
            remedy="Set it to 1 or more, or to null for all jobs at once.",
            key="hydra.sweeper.max_batch_size",
        )
    n_jobs = 1
    for override in overrides:
        if not override.is_discrete_sweep():
            continue
        n_values = _count_values(override)
        if n_values == 0:
            raise ConfigError(
                f"{override.input_line} has no values, so the sweep has no jobs",
                remedy="Check both ends of the range, or the pattern of the glob.",
            )
        n_jobs *= n_values
    if n_jobs > MAX_JOBS:
        raise ConfigError(
            f"the sweep has {n_jobs:,} jobs, more than {MAX_JOBS:,}",
            remedy="Sweep over fewer values, or search them: hydra/sweeper=optuna.",
        )


def _count_values(override: Override) -> int:
    values = override.value()
    if not isinstance(values, RangeSweep):
        return sum(1 for _ in override.sweep_string_iterator())
    ends: list[Any] = [values.start, values.stop, values.step]
    if not all(map(math.isfinite, ends)) or values.step == 0:
        raise ConfigError(
            f"{override.input_line} is not a range",
            remedy="Give finite numbers, and a step other than 0: range(1,10,step=2).",
        )
    start, stop, step = map(float, ends)
    return max(0, math.ceil((stop - start) / step))

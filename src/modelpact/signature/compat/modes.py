"""Compatibility modes: which changes of a signature each mode allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NoReturn, get_args

from mlflow.models import ModelSignature

from modelpact._internal.counts import format_count
from modelpact._internal.text import list_items
from modelpact.errors import CompatibilityError
from modelpact.signature.compat.diff import diff
from modelpact.signature.compat.rules import Change, Direction

__all__ = ["Mode", "check_all_compatible", "check_compatible", "filter_breaking"]

Mode = Literal[
    "none",
    "backward",
    "forward",
    "full",
    "backward_transitive",
    "forward_transitive",
    "full_transitive",
]

_DIRECTIONS: dict[str, frozenset[Direction]] = {
    "none": frozenset(),
    "backward": frozenset({"backward"}),
    "forward": frozenset({"forward"}),
    "full": frozenset({"backward", "forward"}),
}


def filter_breaking(changes: Iterable[Change], mode: str) -> list[Change]:
    """Return the changes that a mode does not allow.

    Args:
        changes: The result of `diff`.
        mode: `none`, `backward`, `forward` or `full`; a `_transitive` mode is treated alike.

    Raises:
        ValueError: The mode is unknown.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"unknown mode {mode!r}: use one of {', '.join(get_args(Mode))}")
    directions = _DIRECTIONS[mode.removesuffix("_transitive")]
    return [change for change in changes if change.breaks & directions]


def check_compatible(
    old: ModelSignature,
    new: ModelSignature,
    mode: str = "backward",
    policy: str = "lossless",
    extra: str = "ignore",
) -> None:
    """Check that a signature may replace another.

    Args:
        old: The signature in use.
        new: The signature that replaces it.
        mode: `backward`: callers of the old signature can call the new one and read its outputs.
            `forward`: callers of the new signature can call the old one. `full`: both. `none`:
            nothing is checked.
        policy: As for `diff`.
        extra: As for `diff`.

    Raises:
        CompatibilityError: The mode does not allow some of the changes.
        ValueError: `mode`, `policy` or `extra` is unknown.

    Example:
        >>> from modelpact.signature import parse
        >>> old, new = parse({"inputs": {"age": "long"}}), parse({"inputs": {"age": "integer"}})
        >>> check_compatible(old, new)
        Traceback (most recent call last):
        modelpact.errors.CompatibilityError: the new signature breaks backward ...
          inputs.age: long -> integer (INPUT_TYPE_NARROWED)
    """
    check_all_compatible({"": old}, new, mode, policy, extra)


def check_all_compatible(
    olds: Mapping[str, ModelSignature],
    new: ModelSignature,
    mode: str,
    policy: str = "lossless",
    extra: str = "ignore",
) -> None:
    """Check that a signature may replace the last of several, or each in a `_transitive` mode.

    Args:
        olds: The signatures in use by name, the oldest first.
        new: The signature that replaces them.
        mode: As for `check_compatible`, or `backward_transitive`, `forward_transitive`,
            `full_transitive`.
        policy: As for `diff`.
        extra: As for `diff`.

    Raises:
        CompatibilityError: The mode does not allow some of the changes; `broken` lists them by the
            name of the old signature.
        ValueError: `mode`, `policy` or `extra` is unknown.
    """
    # Also raises for an unknown mode if there is nothing to compare with.
    filter_breaking([], mode)
    compared = dict(olds) if mode.endswith("_transitive") else dict(list(olds.items())[-1:])
    broken: dict[str, list[Change]] = {}
    for name, old in compared.items():
        if changes := filter_breaking(diff(old, new, policy, extra), mode):
            broken[name] = changes
    if broken:
        _raise_incompatible(broken, mode)


def _raise_incompatible(broken: dict[str, list[Change]], mode: str) -> NoReturn:
    found = [(name, change) for name, changes in broken.items() for change in changes]
    places = format_count(len(found), "place")
    kind = mode.removesuffix("_transitive")
    items = [f"{name}: {change}" if name else str(change) for name, change in found]
    raise CompatibilityError(
        list_items(f"the new signature breaks {kind} compatibility in {places}", items, len(items)),
        changes=[change for _, change in found],
        broken=broken,
        mode=mode,
    )

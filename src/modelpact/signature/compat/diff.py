"""What changed between two signatures, and whom it breaks.

Every payload that the enforcer takes under the old signature it must take under the new one (`backward`), and every answer that
conforms to the new one must conform to the old. So inputs may widen and outputs may narrow; `forward` is the same with the two
exchanged. Each change is judged by what the enforcer takes, under the policy in force: see `covers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types.schema import (
    Array,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

from modelpact._internal.text import preview
from modelpact.errors import CompatibilityError
from modelpact.signature.compat.rules import Change, Direction, Side
from modelpact.signature.compat.subtyping import (
    Where,
    covered,
    dtype_covered,
    is_ragged,
    layout,
    rereads_dicts,
    reshapes_cells,
    shape_covered,
    takes_anything,
)
from modelpact.signature.language.types import format_type

__all__ = ["Mode", "breaking", "check_all_compatible", "check_compatible", "diff"]

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
_READ = {
    "flat": "dicts of lists as columns",
    "any": "dicts of lists as columns, those of text as one row",
    "nested": "dicts of lists as one row",
    "rows": "lists of lists as rows",
    "cells": "lists of lists as cells",
}
_EXCHANGED: dict[Direction, Direction] = {"backward": "forward", "forward": "backward"}


def diff(
    old: ModelSignature, new: ModelSignature, policy: str = "lossless", extra: str = "ignore"
) -> list[Change]:
    """Every change between two signatures, at every depth.

    Args:
        old: The signature that people rely on.
        new: The one that is to follow it.
        policy: The policy of the enforcer that is in force: `mlflow`, `lossless` or `strict`.
        extra: What it does with columns that a signature does not know: `ignore`, `warn` or `forbid`.

    Returns:
        The changes of the inputs, then the outputs, then the params; none where the two say the same.

    Raises:
        ValueError: No such policy, or no such way with extra columns.

    Example:
        >>> from modelpact.signature import parse
        >>> old, new = parse({"inputs": {"age": "integer"}}), parse({"inputs": {"age": "long", "sex": "string"}})
        >>> for change in diff(old, new):
        ...     print(change, sorted(change.breaks))
        inputs.age: integer -> long (INPUT_TYPE_WIDENED) ['forward']
        inputs.sex: nothing -> string (INPUT_REQUIRED_ADDED) ['backward']
    """
    for word, known in (
        (policy, ("mlflow", "lossless", "strict")),
        (extra, ("ignore", "warn", "forbid")),
    ):
        if word not in known:
            raise ValueError(f"{word!r} is none of {', '.join(known)}")
    return [
        *_Walk("input", policy, extra).schemas(old.inputs, new.inputs),
        *_Walk("output", policy, extra).schemas(old.outputs, new.outputs),
        *_Walk("param", policy, extra).params(old.params, new.params),
    ]


def breaking(changes: list[Change], mode: str) -> list[Change]:
    """Those of the changes that break a mode.

    Args:
        changes: What `diff` found.
        mode: `none`, `backward`, `forward` or `full`; a `_transitive` form is read as the same.

    Raises:
        ValueError: No such mode.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"{mode!r} is none of {', '.join(get_args(Mode))}")
    directions = _DIRECTIONS[mode.removesuffix("_transitive")]
    return [change for change in changes if change.breaks & directions]


def check_compatible(
    old: ModelSignature,
    new: ModelSignature,
    mode: str = "backward",
    policy: str = "lossless",
    extra: str = "ignore",
) -> None:
    """Make sure that a signature may follow another.

    Args:
        old: The signature that people rely on.
        new: The one that is to follow it.
        mode: `backward`: who calls the old can call the new, and read its answers. `forward`: who calls the new can call the
            old. `full`: both. `none`: nothing is asked.
        policy: As for `diff`.
        extra: As for `diff`.

    Raises:
        CompatibilityError: It breaks the mode; `changes` lists how.
        ValueError: No such mode, policy or way with extra columns.

    Example:
        >>> from modelpact.signature import parse
        >>> check_compatible(parse({"inputs": {"age": "long"}}), parse({"inputs": {"age": "integer"}}))
        Traceback (most recent call last):
        modelpact.errors.CompatibilityError: the new signature breaks backward compatibility in 1 place:
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
    """Make sure that a signature may follow others: the last of them, or in a `_transitive` mode each of them.

    Args:
        olds: The signatures by what they are called, the oldest first.
        new: The one that is to follow them.
        mode: As for `check_compatible`, or `backward_transitive`, `forward_transitive`, `full_transitive`.
        policy: As for `diff`.
        extra: As for `diff`.

    Raises:
        CompatibilityError: It breaks the mode; `changes` lists how, `broken` does so for each old signature by its name.
        ValueError: No such mode, policy or way with extra columns.
    """
    asked = olds if mode.endswith("_transitive") else dict(list(olds.items())[-1:])
    broken = {
        name: found
        for name, old in asked.items()
        if (found := breaking(diff(old, new, policy, extra), mode))
    }
    if not breaking([], mode) and not broken:
        return
    changes = [change for found in broken.values() for change in found]
    places = "1 place" if len(changes) == 1 else f"{len(changes)} places"
    lines = [
        f"  {f'{name}: ' if name else ''}{change}"
        for name, found in broken.items()
        for change in found
    ]
    raise CompatibilityError(
        "\n".join(
            [
                f"the new signature breaks {mode.replace('_transitive', '')} compatibility in {places}:",
                *lines,
            ]
        ),
        changes=changes,
        broken=broken,
        mode=mode,
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    """One side of two signatures, walked in step."""

    side: Side
    policy: str
    extra: str

    def _change(
        self, rule: str, path: str, old: Any, new: Any, *, narrows: bool, widens: bool
    ) -> Change:
        """A change of what is taken: `narrows` where the new refuses some of the old, `widens` where the old some of the new."""
        found: set[Direction] = set()
        if narrows:
            found.add("backward")
        if widens:
            found.add("forward")
        if (
            self.side == "output"
        ):  # answers go the other way: there the new one gives, and the old one takes
            found = {_EXCHANGED[word] for word in found}
        return Change(rule, self.side, path, _text(old), _text(new), frozenset(found))

    def _named(self, rule: str) -> str:
        return f"{self.side.upper()}_{rule}"

    def schemas(self, old: Schema | None, new: Schema | None) -> Iterator[Change]:
        """The changes of the inputs, or of the outputs."""
        path = f"{self.side}s"
        if old is None or new is None:
            if old is not new:
                rule, narrows = ("SCHEMA_ADDED", True) if old is None else ("SCHEMA_REMOVED", False)
                yield self._change(
                    self._named(rule), path, old, new, narrows=narrows, widens=not narrows
                )
        elif old.is_tensor_spec() != new.is_tensor_spec():
            yield self._change(
                self._named("KIND_CHANGED"), path, old, new, narrows=True, widens=True
            )
        elif old.has_input_names() != new.has_input_names():
            rule = "NAMES_ADDED" if new.has_input_names() else "NAMES_REMOVED"
            narrows, widens = (
                not self._same_by_position(old, new),
                not self._same_by_position(new, old),
            )
            yield self._change(self._named(rule), path, old, new, narrows=narrows, widens=widens)
        else:
            yield from self._specs(old, new, path)

    def _same_by_position(self, old: Schema, new: Schema) -> bool:
        """Whether columns with names are taken without, in whatever order they come; never those without names with them."""
        if not old.has_input_names() or old.is_tensor_spec() or len(old.inputs) != len(new.inputs):
            return False
        return (
            self.policy == "lossless"
            and all(
                spec.required
                and isinstance(spec.type, DataType)
                and covered(spec.type, after.type, self.policy)
                for spec in old.inputs
                for after in new.inputs
            )
            and all(isinstance(after.type, DataType) for after in new.inputs)
        )

    def _specs(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        named = old.has_input_names()
        members, others = (
            {spec.name if named else index: spec for index, spec in enumerate(side.inputs)}
            for side in (old, new)
        )
        inner: Callable[[Any, Any, str], Iterator[Change]] = (
            self._tensors if old.is_tensor_spec() else self._columns
        )
        where = "{}.{}" if named else "{}[{}]"
        yield from self._members(members, others, path, where, inner, strays=self.extra == "forbid")
        if named and [name for name in members if name in others] != [
            name for name in others if name in members
        ]:
            yield self._change(
                self._named("REORDERED"),
                path,
                list(members),
                list(others),
                narrows=False,
                widens=False,
            )
        if not old.is_tensor_spec():
            narrows, widens = (
                rereads_dicts(old, new, self.policy),
                rereads_dicts(new, old, self.policy),
            )
            if narrows or widens:
                before, after = _READ[layout(old, self.policy)], _READ[layout(new, self.policy)]
                yield self._change(
                    self._named("LAYOUT_CHANGED"),
                    path,
                    before,
                    after,
                    narrows=narrows,
                    widens=widens,
                )

    def _members(
        self,
        before: Mapping[Any, Any],
        after: Mapping[Any, Any],
        path: str,
        where: str,
        inner: Callable[[Any, Any, str], Iterator[Change]],
        *,
        strays: bool,
    ) -> Iterator[Change]:
        """What was added to columns, properties or params, what was removed, and what became of the others.

        Args:
            before: By name, or by position.
            after: The same.
            path: Where they all are.
            where: How a member's path is made of that and its name.
            inner: The changes of one that is in both.
            strays: Whether those that a signature does not know are refused.
        """
        for name in dict.fromkeys([*before, *after]):
            place, old, new = where.format(path, name), before.get(name), after.get(name)
            if old is None:
                rule = "REQUIRED_ADDED" if _required(new) else "OPTIONAL_ADDED"
                yield self._change(
                    self._named(rule), place, None, new, narrows=_required(new), widens=strays
                )
            elif new is None:
                yield self._change(
                    self._named("REMOVED"), place, old, None, narrows=strays, widens=_required(old)
                )
            elif old != new:
                if _required(old) != _required(new):
                    rule = "BECAME_REQUIRED" if _required(new) else "BECAME_OPTIONAL"
                    yield self._change(
                        self._named(rule),
                        place,
                        old,
                        new,
                        narrows=_required(new),
                        widens=_required(old),
                    )
                yield from inner(old, new, place)

    def _columns(self, old: Any, new: Any, path: str) -> Iterator[Change]:
        yield from self._types(old.type, new.type, path, "column", nullable=not old.required)

    def _properties(self, old: Any, new: Any, path: str) -> Iterator[Change]:
        yield from self._types(old.dtype, new.dtype, path, "value", nullable=not old.required)

    def _types(
        self, old: Any, new: Any, path: str, where: Where, *, nullable: bool
    ) -> Iterator[Change]:
        if old == new:
            return
        if type(old) is type(new) is Array:
            yield from self._types(old.dtype, new.dtype, f"{path}[]", "item", nullable=True)
        elif type(old) is type(new) is Map:
            yield from self._types(
                old.value_type, new.value_type, f"{path}.*", "value", nullable=nullable
            )
        elif isinstance(old, Object) and isinstance(new, Object):
            before, after = ({prop.name: prop for prop in dtype.properties} for dtype in (old, new))
            yield from self._members(before, after, path, "{}.{}", self._properties, strays=True)
        else:
            narrows = not covered(old, new, self.policy, where, nullable=nullable)
            widens = not covered(new, old, self.policy, where, nullable=nullable)
            rule = self._named(f"TYPE_{_verb(narrows, widens)}")
            yield self._change(rule, path, old, new, narrows=narrows, widens=widens)

    def _tensors(self, old: TensorSpec, new: TensorSpec, path: str) -> Iterator[Change]:
        before, after = tuple(old.shape), tuple(new.shape)
        if takes_anything(old) or takes_anything(new):
            narrows, widens = not self._taken_by(old, new), not self._taken_by(new, old)
            rule = f"TENSOR_DTYPE_{_verb(narrows, widens)}"
            yield self._change(rule, path, old, new, narrows=narrows, widens=widens)
            return
        if old.type != new.type:
            narrows = not dtype_covered(old.type, new.type, self.policy)
            widens = not dtype_covered(new.type, old.type, self.policy)
            yield self._change(
                f"TENSOR_DTYPE_{_verb(narrows, widens)}",
                path,
                old,
                new,
                narrows=narrows,
                widens=widens,
            )
        if before == after:
            return
        narrows, widens = not shape_covered(before, after), not shape_covered(after, before)
        yield self._change(
            f"TENSOR_SHAPE_{_verb(narrows, widens)}", path, old, new, narrows=narrows, widens=widens
        )
        narrows, widens = reshapes_cells(before, after), reshapes_cells(after, before)
        if narrows or widens:
            yield self._change(
                "TENSOR_CELLS_CHANGED", path, old, new, narrows=narrows, widens=widens
            )

    def _taken_by(self, old: TensorSpec, new: TensorSpec) -> bool:
        """Whether the one of two that takes anything takes the other: all but rows of different lengths, as lists."""
        return takes_anything(new) and (self.policy != "lossless" or not is_ragged(old))

    def params(self, old: ParamSchema | None, new: ParamSchema | None) -> Iterator[Change]:
        """The changes of the params."""
        before, after = (
            {} if schema is None else {spec.name: spec for spec in schema.params}
            for schema in (old, new)
        )
        yield from self._members(
            before, after, "params", "{}.{}", self._param, strays=self.policy != "mlflow"
        )

    def _param(self, old: ParamSpec, new: ParamSpec, path: str) -> Iterator[Change]:
        if old.shape != new.shape:
            yield self._change("PARAM_SHAPE_CHANGED", path, old, new, narrows=True, widens=True)
            return  # which no default survives
        yield from self._types(old.dtype, new.dtype, path, "param", nullable=False)
        if not _same(old.default, new.default):
            before, after = (f"default {preview(spec.default)}" for spec in (old, new))
            yield self._change(
                "PARAM_DEFAULT_CHANGED", path, before, after, narrows=True, widens=True
            )


def _verb(narrows: bool, widens: bool) -> str:
    if narrows:
        return "CHANGED" if widens else "NARROWED"
    return "WIDENED" if widens else "EQUIVALENT"


def _required(spec: Any) -> bool:
    """Whether a column, tensor or property must be there; a param never must."""
    return not isinstance(spec, ParamSpec) and bool(spec.required)


def _same(old: Any, new: Any) -> bool:
    """Whether two defaults are one value: 3 is 3.0, True is not 1, NaN is NaN."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(
            _same(value, new[key]) for key, value in old.items()
        )
    if isinstance(old, (list, np.ndarray)) and isinstance(new, (list, np.ndarray)):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, (bool, np.bool_)) != isinstance(new, (bool, np.bool_)):
        return False
    return bool(old == new) or bool(old != old and new != new)  # noqa: PLR0124  # NaN is NaN


def _text(thing: Any) -> str | None:
    if thing is None or isinstance(thing, str):
        return thing
    if isinstance(thing, list):
        return ", ".join(map(str, thing))
    if isinstance(thing, Schema):
        kind = "tensor" if thing.is_tensor_spec() else "column"
        named = "" if thing.has_input_names() else "unnamed "
        return f"{len(thing.inputs)} {named}{kind}{'' if len(thing.inputs) == 1 else 's'}"
    if isinstance(thing, TensorSpec):
        return format_type(thing)
    if isinstance(thing, ParamSpec):
        text = format_type(thing.dtype)
        return text if thing.shape is None else f"[{text}]"
    dtype: Any = (
        getattr(thing, "type", None) or getattr(thing, "dtype", None)
        if hasattr(thing, "required")
        else thing
    )
    optional = hasattr(thing, "required") and not thing.required
    return f"{format_type(dtype)}{' (optional)' if optional else ''}"

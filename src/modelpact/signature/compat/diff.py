"""Differences between two signatures, and the direction in which each breaks callers.

`backward`: the enforcer accepts every input and param of the old signature under the new one, and
every output of the new signature under the old one. So inputs may widen, and outputs may narrow.
`forward` is the same with the signatures exchanged. `subtyping` and `layouts` decide what the
enforcer accepts under each policy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlflow.models import ModelSignature
from mlflow.types.schema import (
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

from modelpact._internal.text import preview
from modelpact.signature.canonical import default_form
from modelpact.signature.compat.descriptions import Part, describe_part
from modelpact.signature.compat.layouts import LAYOUTS, find_layout, loses_layout
from modelpact.signature.compat.rules import Change, ChangeList, Direction, Side
from modelpact.signature.compat.subtyping import (
    TypeContext,
    has_ragged_rows,
    is_dtype_subtype,
    is_shape_subtype,
    is_subtype,
    loses_reshaping,
)
from modelpact.signature.enforcement.options import check_options
from modelpact.signature.language.tensor_types import accepts_any_array
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import properties_by_name

__all__ = ["diff"]

Changes = Iterator[Change]
Member = ColSpec | TensorSpec | Property | ParamSpec
Members = Mapping[Any, Member]
"""Columns, tensors, properties or params, by name or position."""


def diff(
    old: ModelSignature, new: ModelSignature, policy: str = "lossless", extra: str = "ignore"
) -> ChangeList:
    """List every change between two signatures, at every depth.

    Args:
        old: The signature in use.
        new: The signature that replaces it.
        policy: The policy of the enforcer: `mlflow`, `lossless` or `strict`.
        extra: What the enforcer does with extra columns: `ignore`, `warn` or `forbid`.

    Returns:
        The changes of the inputs, then of the outputs, then of the params; empty for equivalent
        signatures.

    Raises:
        ValueError: `policy` or `extra` is unknown.

    Example:
        >>> from modelpact.signature import parse
        >>> old = parse({"inputs": {"age": "integer"}})
        >>> new = parse({"inputs": {"age": "long", "sex": "string"}})
        >>> for change in diff(old, new):
        ...     print(change, sorted(change.breaks))
        inputs.age: integer -> long (INPUT_TYPE_WIDENED) ['forward']
        inputs.sex: absent -> string (INPUT_REQUIRED_ADDED) ['backward']
    """
    check_options(policy, extra)
    return ChangeList(
        [
            *_SideDiff("input", policy, extra).compare_schemas(old.inputs, new.inputs),
            *_SideDiff("output", policy, extra).compare_schemas(old.outputs, new.outputs),
            *_SideDiff("param", policy, extra).compare_params(old.params, new.params),
        ]
    )


class _SideDiff:
    """Compares the inputs, outputs or params of two signatures.

    A change `narrows` if the new side rejects something that the old one accepts, and `widens` if
    it accepts something that the old one rejects.
    """

    def __init__(self, side: Side, policy: str, extra: str) -> None:
        self.side = side
        self.policy = policy
        self.extra = extra

    def compare_schemas(self, old: Schema | None, new: Schema | None) -> Changes:
        """List the changes of the inputs or outputs."""
        path = f"{self.side}s"
        if old is new:
            return
        if old is None:
            yield self._change("SCHEMA_ADDED", path, old, new, narrows=True)
        elif new is None:
            yield self._change("SCHEMA_REMOVED", path, old, new, widens=True)
        elif old.is_tensor_spec() != new.is_tensor_spec():
            yield self._change("KIND_CHANGED", path, old, new, narrows=True, widens=True)
        elif old.has_input_names() != new.has_input_names():
            narrows = not self._accepts_by_position(old, new)
            widens = not self._accepts_by_position(new, old)
            rule = "NAMES_ADDED" if new.has_input_names() else "NAMES_REMOVED"
            yield self._change(rule, path, old, new, narrows=narrows, widens=widens)
        else:
            yield from self._compare_specs(old, new, path)

    def compare_params(self, old: ParamSchema | None, new: ParamSchema | None) -> Changes:
        """List the changes of the params."""
        yield from self._compare_members(
            _by_name(old or ()),
            _by_name(new or ()),
            "params",
            self._compare_param,
            rejects_unknown=self.policy != "mlflow",
        )

    def _change(
        self,
        rule: str,
        path: str,
        old: Part,
        new: Part,
        *,
        narrows: bool = False,
        widens: bool = False,
    ) -> Change:
        if not rule.startswith(("TENSOR_", "PARAM_")):
            rule = f"{self.side.upper()}_{rule}"
        if self.side == "output":
            # The new signature produces outputs, and callers of the old one consume them.
            narrows, widens = widens, narrows
        breaks: set[Direction] = set()
        if narrows:
            breaks.add("backward")
        if widens:
            breaks.add("forward")
        before, after = describe_part(old), describe_part(new)
        return Change(rule, self.side, path, before, after, frozenset(breaks))

    def _accepts_by_position(self, old: Schema, new: Schema) -> bool:
        """Return whether named columns are accepted as unnamed ones, whatever their order."""
        if self.policy != "lossless" or not old.has_input_names():
            return False
        return len(old.inputs) == len(new.inputs) and _are_interchangeable(list(old), list(new))

    def _compare_specs(self, old: Schema, new: Schema, path: str) -> Changes:
        before, after, member_format = dict(enumerate(old)), dict(enumerate(new)), "{}[{}]"
        if old.has_input_names():
            before, after, member_format = _by_name(old), _by_name(new), "{}.{}"
        compare = self._compare_tensors if old.is_tensor_spec() else self._compare_columns
        yield from self._compare_members(
            before,
            after,
            path,
            compare,
            member_format=member_format,
            rejects_unknown=self.extra == "forbid",
        )
        yield from self._compare_order(list(before), list(after), path)
        if not old.is_tensor_spec():
            yield from self._compare_layouts(old, new, path)

    def _compare_order(
        self, old: list[str | int | None], new: list[str | int | None], path: str
    ) -> Changes:
        positions = dict(zip(new, range(len(new)), strict=True))
        common = [positions[name] for name in old if name in positions]
        if common != sorted(common):
            yield self._change("REORDERED", path, old, new)

    def _compare_layouts(self, old: Schema, new: Schema, path: str) -> Changes:
        narrows = loses_layout(old, new, self.policy)
        widens = loses_layout(new, old, self.policy)
        if narrows or widens:
            before, after = (LAYOUTS[find_layout(schema, self.policy)] for schema in (old, new))
            yield self._change(
                "LAYOUT_CHANGED", path, before, after, narrows=narrows, widens=widens
            )

    def _compare_members(
        self,
        before: Members,
        after: Members,
        parent: str,
        compare: Callable[[Any, Any, str], Changes],
        *,
        member_format: str = "{}.{}",
        rejects_unknown: bool,
    ) -> Changes:
        """List the members that were added, removed or changed.

        Args:
            before: The old members.
            after: The new members.
            parent: The path of all members.
            compare: Lists the changes of a member that exists in both.
            member_format: The path of a member, formatted with `parent` and its name or position.
            rejects_unknown: Whether data with an unknown member is rejected.
        """
        for name in dict.fromkeys([*before, *after]):
            path = member_format.format(parent, name)
            old, new = before.get(name), after.get(name)
            if old is None:
                required = _is_required(after[name])
                rule = "REQUIRED_ADDED" if required else "OPTIONAL_ADDED"
                yield self._change(rule, path, old, new, narrows=required, widens=rejects_unknown)
            elif new is None:
                required = _is_required(old)
                yield self._change(
                    "REMOVED", path, old, new, narrows=rejects_unknown, widens=required
                )
            elif old != new:
                yield from self._compare_required(old, new, path)
                yield from compare(old, new, path)

    def _compare_required(self, old: Member, new: Member, path: str) -> Changes:
        was_required, is_required = _is_required(old), _is_required(new)
        if was_required != is_required:
            rule = "BECAME_REQUIRED" if is_required else "BECAME_OPTIONAL"
            yield self._change(rule, path, old, new, narrows=is_required, widens=was_required)

    def _compare_columns(self, old: ColSpec, new: ColSpec, path: str) -> Changes:
        return self._compare_types(old.type, new.type, path, "column", nullable=not old.required)

    def _compare_properties(self, old: Property, new: Property, path: str) -> Changes:
        return self._compare_types(old.dtype, new.dtype, path, "value", nullable=not old.required)

    def _compare_types(
        self, old: ColumnType, new: ColumnType, path: str, context: TypeContext, *, nullable: bool
    ) -> Changes:
        if old == new:
            return
        if type(old) is type(new) is Array:
            yield from self._compare_types(old.dtype, new.dtype, f"{path}[]", "item", nullable=True)
        elif type(old) is type(new) is Map:
            yield from self._compare_types(
                old.value_type, new.value_type, f"{path}.*", "value", nullable=nullable
            )
        elif type(old) is type(new) is Object:
            before, after = properties_by_name(old), properties_by_name(new)
            yield from self._compare_members(
                before, after, path, self._compare_properties, rejects_unknown=True
            )
        else:
            narrows = not is_subtype(old, new, self.policy, context, nullable=nullable)
            widens = not is_subtype(new, old, self.policy, context, nullable=nullable)
            rule = f"TYPE_{_describe_change(narrows, widens)}"
            yield self._change(rule, path, old, new, narrows=narrows, widens=widens)

    def _compare_tensors(self, old: TensorSpec, new: TensorSpec, path: str) -> Changes:
        if accepts_any_array(old) or accepts_any_array(new):
            narrows = not self._accepts_any(old, new)
            widens = not self._accepts_any(new, old)
            yield self._tensor_change("DTYPE", path, old, new, narrows=narrows, widens=widens)
            return
        if old.type != new.type:
            narrows = not is_dtype_subtype(old.type, new.type, self.policy)
            widens = not is_dtype_subtype(new.type, old.type, self.policy)
            yield self._tensor_change("DTYPE", path, old, new, narrows=narrows, widens=widens)
        before, after = tuple(old.shape), tuple(new.shape)
        if before == after:
            return
        narrows, widens = not is_shape_subtype(before, after), not is_shape_subtype(after, before)
        yield self._tensor_change("SHAPE", path, old, new, narrows=narrows, widens=widens)
        narrows, widens = loses_reshaping(before, after), loses_reshaping(after, before)
        if narrows or widens:
            yield self._change(
                "TENSOR_CELLS_CHANGED", path, old, new, narrows=narrows, widens=widens
            )

    def _tensor_change(
        self,
        aspect: str,
        path: str,
        old: TensorSpec,
        new: TensorSpec,
        *,
        narrows: bool,
        widens: bool,
    ) -> Change:
        rule = f"TENSOR_{aspect}_{_describe_change(narrows, widens)}"
        return self._change(rule, path, old, new, narrows=narrows, widens=widens)

    def _accepts_any(self, old: TensorSpec, new: TensorSpec) -> bool:
        """Return whether `new` accepts any array of `old`; as lists, ragged rows are rejected."""
        return accepts_any_array(new) and (self.policy != "lossless" or not has_ragged_rows(old))

    def _compare_param(self, old: ParamSpec, new: ParamSpec, path: str) -> Changes:
        if old.shape != new.shape:
            yield self._change("PARAM_SHAPE_CHANGED", path, old, new, narrows=True, widens=True)
            return
        yield from self._compare_types(old.dtype, new.dtype, path, "param", nullable=False)
        if not _is_same_default(old.default, new.default):
            before, after = (f"default {preview(spec.default)}" for spec in (old, new))
            yield self._change(
                "PARAM_DEFAULT_CHANGED", path, before, after, narrows=True, widens=True
            )


def _by_name(members: Iterable[Any]) -> dict[Any, Any]:
    return {member.name: member for member in members}


def _are_interchangeable(old: Sequence[ColSpec], new: Sequence[ColSpec]) -> bool:
    """Return whether each old column is a required scalar that every new column accepts."""
    is_scalar = all(isinstance(spec.type, DataType) for spec in (*old, *new))
    return is_scalar and all(
        spec.required and is_subtype(spec.type, after.type, "lossless")
        for spec in old
        for after in new
    )


def _describe_change(narrows: bool, widens: bool) -> str:
    if narrows:
        return "CHANGED" if widens else "NARROWED"
    return "WIDENED" if widens else "EQUIVALENT"


def _is_required(spec: Member) -> bool:
    """Return whether a column, tensor or property is required; a param never is."""
    return not isinstance(spec, ParamSpec) and bool(spec.required)


def _is_same_default(old: object, new: object) -> bool:
    """Return whether two defaults are the same value: 3 is 3.0, but True is not 1."""
    forms = [json.dumps(default_form(value), sort_keys=True) for value in (old, new)]
    return forms[0] == forms[1]

"""The rules of `diff`, at every depth, and the modes."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from modelpact.errors import CompatibilityError
from modelpact.signature import (
    Change,
    check_all_compatible,
    check_compatible,
    diff,
    filter_breaking,
    parse,
)
from modelpact.signature.compat.rules import RULES
from tests.support.many_cases import check_all_cases, unique_cases
from tests.support.random_payloads import find_counterexample

B, F = "backward", "forward"

MEMBERS: list[tuple[str, Any, Any, set[str]]] = [
    ("TYPE_WIDENED", {"a": "integer"}, {"a": "double"}, {F}),
    ("TYPE_NARROWED", {"a": "any", "b": ["long"]}, {"a": {"x": "long"}, "b": ["long"]}, {B}),
    ("TYPE_CHANGED", {"a": "long"}, {"a": "string"}, {B, F}),
    ("TYPE_EQUIVALENT", {"a": ["double"]}, {"a": "sparkml_vector"}, set()),
    ("REQUIRED_ADDED", {"a": "long"}, {"a": "long", "b": "long"}, {B}),
    ("OPTIONAL_ADDED", {"a": "long"}, {"a": "long", "b?": "long"}, set()),
    ("REMOVED", {"a": "long", "b": "long"}, {"a": "long"}, {F}),
    ("BECAME_REQUIRED", {"a": "long", "b?": "long"}, {"a": "long", "b": "long"}, {B}),
    ("BECAME_OPTIONAL", {"a": "long", "b": "long"}, {"a": "long", "b?": "long"}, {F}),
]
SIDES: list[tuple[str, Any, Any, set[str]]] = [
    ("SCHEMA_ADDED", None, {"a": "long"}, {B}),
    ("SCHEMA_REMOVED", {"a": "long"}, None, {F}),
    ("KIND_CHANGED", {"a": "string"}, {"a": "float64[-1]"}, {B, F}),
    ("NAMES_ADDED", ["double", "long"], {"a": "double", "b": "long"}, {B, F}),
    ("NAMES_REMOVED", {"a": "double", "b": "long"}, ["double", "long"], {B, F}),
    ("LAYOUT_CHANGED", {"a": "long"}, {"a": "long", "b?": ["long"]}, {B}),
    ("REORDERED", {"a": "long", "b": "string"}, {"b": "string", "a": "long"}, set()),
]
TENSORS: list[tuple[str, Any, Any, set[str]]] = [
    ("TENSOR_DTYPE_WIDENED", "uint8[-1]", "float32[-1]", {F}),
    ("TENSOR_DTYPE_NARROWED", "float64[-1]", "float32[-1]", {B}),
    ("TENSOR_DTYPE_CHANGED", "int64[-1]", "float64[-1]", {B, F}),
    ("TENSOR_SHAPE_WIDENED", "float32[2, 3]", "float32[-1, 3]", {F}),
    ("TENSOR_SHAPE_NARROWED", "float32[-1, 3]", "float32[2, 3]", {B}),
    ("TENSOR_SHAPE_CHANGED", "float32[-1, 3]", "float32[-1, 4]", {B, F}),
    ("TENSOR_CELLS_CHANGED", "float32[-1, 2, 3]", "float32[-1, -1, 3]", {B}),
]
PARAMS: list[tuple[str, Any, Any, set[str]]] = [
    ("PARAM_TYPE_WIDENED", {"p": "integer = 3"}, {"p": "double = 3.0"}, {F}),
    ("PARAM_TYPE_NARROWED", {"p": "double = 3.0"}, {"p": "float = 3.0"}, {B}),
    ("PARAM_TYPE_CHANGED", {"p": "string = null"}, {"p": "long = null"}, {B, F}),
    ("PARAM_OPTIONAL_ADDED", {"p": "long = 3"}, {"p": "long = 3", "q": "long = 3"}, {F}),
    ("PARAM_REMOVED", {"p": "long = 3", "q": "long = 3"}, {"p": "long = 3"}, {B}),
    ("PARAM_SHAPE_CHANGED", {"p": "long = 3"}, {"p": "[long] = [3]"}, {B, F}),
    ("PARAM_DEFAULT_CHANGED", {"p": "long = 3"}, {"p": "long = 4"}, {B, F}),
]


def pair(old: Any, new: Any, part: str = "inputs") -> tuple[ModelSignature, ModelSignature]:
    """Return two signatures that differ in one part."""
    other = {"outputs": {"y": "long"}} if part != "outputs" else {"inputs": {"y": "long"}}
    one, two = (parse({**other, **({} if spec is None else {part: spec})}) for spec in (old, new))
    return one, two


def found(
    old: Any, new: Any, part: str = "inputs", **settings: Any
) -> dict[str, tuple[str, set[str]]]:
    """Return each rule that `diff` finds, with its path and what it breaks."""
    return {
        change.rule: (change.path, set(change.breaks))
        for change in diff(*pair(old, new, part), **settings)
    }


def reverse_breaks(breaks: set[str]) -> set[str]:
    return {{B: F, F: B}[word] for word in breaks}


Case = tuple[str, str, Any, Any, set[str]]

CASES: list[Case] = [
    *(
        (f"INPUT_{rule}", "inputs", old, new, breaks)
        for rule, old, new, breaks in [*MEMBERS, *SIDES]
    ),
    *(
        (f"OUTPUT_{rule}", "outputs", old, new, reverse_breaks(breaks))
        for rule, old, new, breaks in [*MEMBERS, *SIDES]
    ),
    *((rule, "inputs", old, new, breaks) for rule, old, new, breaks in TENSORS),
    *((rule, "params", old, new, breaks) for rule, old, new, breaks in PARAMS),
]


def _check_payloads(old: ModelSignature, new: ModelSignature, part: str, breaks: set[str]) -> None:
    """Check that a payload confirms each broken direction, and none is found for the others."""
    for direction, one, two in ((B, old, new), (F, new, old)):
        expected = direction in breaks
        assert bool(find_counterexample(one, two, part, n=400 if expected else 40)) == expected, (
            direction
        )


def _check_rule(case: Case) -> None:
    rule, part, old, new, breaks = case
    one, two = pair(old, new, part)
    compared = diff(one, two)
    assert all(re.match(rf"{part}($|[.\[])", change.path) for change in compared)
    changes = {change.rule: set(change.breaks) for change in compared}
    assert changes[rule] == breaks
    for direction in breaks:
        assert [name for name, broken in changes.items() if direction in broken] == [rule]
    # No payload confirms a change of meaning.
    if rule != "PARAM_DEFAULT_CHANGED":
        _check_payloads(one, two, part, set().union(*changes.values()))


def test_each_rule_has_a_pair_and_a_payload_that_confirms_it() -> None:
    check_all_cases(_check_rule, unique_cases([(case[0], case) for case in CASES]))


def test_every_rule_has_a_case() -> None:
    inner = {
        f"PARAM_{name}"
        for name in ("TYPE_EQUIVALENT", "REQUIRED_ADDED", "BECAME_REQUIRED", "BECAME_OPTIONAL")
    }
    assert {case[0] for case in CASES} | inner | {"TENSOR_DTYPE_EQUIVALENT"} == set(RULES)
    assert all(RULES.values())


DEEP: list[tuple[str, Any, Any, str, str, set[str]]] = [
    ("items", ["integer"], ["long"], "[]", "INPUT_TYPE_WIDENED", {F}),
    ("values", {"*": "long"}, {"*": "integer"}, ".*", "INPUT_TYPE_NARROWED", {B}),
    ("properties", {"b": "long"}, {"b": "string"}, ".b", "INPUT_TYPE_CHANGED", {B, F}),
    (
        "all three",
        [{"*": {"b": "integer"}}],
        [{"*": {"b": "double"}}],
        "[].*.b",
        "INPUT_TYPE_WIDENED",
        {F},
    ),
    (
        "a property more",
        {"b": "long"},
        {"b": "long", "c": "long"},
        ".c",
        "INPUT_REQUIRED_ADDED",
        {B, F},
    ),
    (
        "an optional one more",
        {"b": "long"},
        {"b": "long", "c?": "long"},
        ".c",
        "INPUT_OPTIONAL_ADDED",
        {F},
    ),
    ("a property less", {"b": "long", "c": "long"}, {"b": "long"}, ".c", "INPUT_REMOVED", {B, F}),
    (
        "an optional one less",
        {"b": "long", "c?": "long"},
        {"b": "long"},
        ".c",
        "INPUT_REMOVED",
        {B},
    ),
    (
        "an object as a map",
        {"b": "long", "c": "integer"},
        {"*": "long"},
        "",
        "INPUT_TYPE_WIDENED",
        {F},
    ),
    (
        "an optional property in a map",
        {"b": "long", "c?": "long"},
        {"*": "long"},
        "",
        "INPUT_TYPE_CHANGED",
        {B, F},
    ),
    ("anything in a map", {"b": "long", "c?": "long"}, {"*": "any"}, "", "INPUT_TYPE_WIDENED", {F}),
    ("a list of it", "long", ["long"], "", "INPUT_TYPE_CHANGED", {B, F}),
]


def test_changes_are_found_at_every_depth() -> None:
    for name, old, new, inner, rule, breaks in DEEP:
        whole = ({"a": old, "z": ["long"]}, {"a": new, "z": ["long"]})
        assert found(*whole) == {rule: (f"inputs.a{inner}", breaks)}, name
        _check_payloads(*pair(*whole), "inputs", breaks)


def test_equal_signatures_have_no_changes() -> None:
    spec = {
        "inputs": {"a": "long", "b?": [{"x": "any"}]},
        "outputs": "float32[-1, 3]",
        "params": {"p": "double = 0.5"},
    }
    assert diff(parse(spec), parse(spec)) == []


def test_unnamed_columns_are_compared_by_position() -> None:
    assert found(["long", "string"], ["string", "long"])["INPUT_TYPE_CHANGED"] == (
        "inputs[1]",
        {B, F},
    )
    assert found(["long"], ["long", "long"]) == {"INPUT_REQUIRED_ADDED": ("inputs[1]", {B})}
    assert found(["long", "long"], ["long"]) == {"INPUT_REMOVED": ("inputs[1]", {F})}


def test_names_can_be_removed_if_all_types_are_equal() -> None:
    assert found({"a": "long", "b": "long"}, ["long", "long"])["INPUT_NAMES_REMOVED"] == (
        "inputs",
        {F},
    )


def test_changes_depend_on_the_policy() -> None:
    wider = ({"p": "long = 3"}, {"p": "double = 3.0"})
    assert B in found(*wider, part="params")["PARAM_TYPE_CHANGED"][1]
    assert found(*wider, part="params", policy="mlflow")["PARAM_TYPE_WIDENED"][1] == {F}
    assert found({"a": "integer"}, {"a": "long"}, policy="strict")["INPUT_TYPE_CHANGED"][1] == {
        B,
        F,
    }
    gone = ({"p": "long = 3", "q": "long = 3"}, {"p": "long = 3"})
    assert found(*gone, part="params")["PARAM_REMOVED"][1] == {B}
    assert found(*gone, part="params", policy="mlflow")["PARAM_REMOVED"][1] == set()


def test_a_removed_column_breaks_if_extra_columns_are_forbidden() -> None:
    gone = ({"a": "long", "b": "long"}, {"a": "long"})
    assert found(*gone)["INPUT_REMOVED"][1] == {F}
    assert found(*gone, extra="forbid")["INPUT_REMOVED"][1] == {B, F}


def test_object_tensors() -> None:
    assert found("float32[-1, 3]", "object[-1]") == {"TENSOR_DTYPE_WIDENED": ("inputs[0]", {F})}
    assert found("float32[-1, -1]", "object[-1]") == {"TENSOR_DTYPE_CHANGED": ("inputs[0]", {B, F})}
    assert found("object[-1]", "float32[-1]") == {"TENSOR_DTYPE_NARROWED": ("inputs[0]", {B})}


def test_named_tensors_are_compared_like_columns() -> None:
    assert found({"t": "int8[-1]"}, {"t": "int8[-1]", "u": "int8[-1]"}) == {
        "INPUT_REQUIRED_ADDED": ("inputs.u", {B})
    }


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (3, 3.0, True),
        (math.nan, math.nan, True),
        (None, None, True),
        (None, 3.0, False),
        (1.0, 2.0, False),
    ],
)
def test_defaults_are_compared_by_value(old: Any, new: Any, same: bool) -> None:
    one, two = (
        ModelSignature(params=ParamSchema([ParamSpec("p", DataType.double, value)]))
        for value in (old, new)
    )
    assert [change.rule for change in diff(one, two)] == ([] if same else ["PARAM_DEFAULT_CHANGED"])


def test_defaults_that_are_lists_and_objects() -> None:
    assert "PARAM_DEFAULT_CHANGED" in found(
        {"p": "[long] = [1, 2]"}, {"p": "[long] = [1, 3]"}, "params"
    )
    spec = {"type": {"a": "long"}, "default": {"a": 1}}
    assert "PARAM_DEFAULT_CHANGED" in found(
        {"p": spec}, {"p": {**spec, "default": {"a": 2}}}, "params"
    )
    assert found(
        {"p": spec}, {"p": {"type": {"a": "long", "b?": "long"}, "default": {"a": 1}}}, "params"
    ) == {"PARAM_OPTIONAL_ADDED": ("params.p.b", {F})}


OLD, NEW = (
    parse({"inputs": {"a": "integer", "b": "long"}}),
    parse({"inputs": {"a": "long", "b": "integer"}}),
)


@pytest.mark.parametrize(
    ("mode", "rules"),
    [
        ("none", []),
        (B, ["INPUT_TYPE_NARROWED"]),
        (F, ["INPUT_TYPE_WIDENED"]),
        ("full", ["INPUT_TYPE_WIDENED", "INPUT_TYPE_NARROWED"]),
        ("backward_transitive", ["INPUT_TYPE_NARROWED"]),
    ],
)
def test_a_mode_checks_its_directions(mode: str, rules: list[str]) -> None:
    assert [change.rule for change in filter_breaking(diff(OLD, NEW), mode)] == rules


def test_the_error_lists_breaking_changes() -> None:
    with pytest.raises(CompatibilityError) as caught:
        check_compatible(OLD, NEW, "full")
    assert str(caught.value).splitlines() == [
        "the new signature breaks full compatibility in 2 places:",
        "  inputs.a: integer -> long (INPUT_TYPE_WIDENED)",
        "  inputs.b: long -> integer (INPUT_TYPE_NARROWED)",
    ]
    assert [change.path for change in caught.value.changes] == ["inputs.a", "inputs.b"]
    check_compatible(OLD, NEW, "none")


def test_a_transitive_mode_checks_each_old_signature() -> None:
    olds = {
        "version 1": parse({"inputs": {"a": "any"}}),
        "version 2": parse({"inputs": {"a": "integer"}}),
    }
    new = parse({"inputs": {"a": "long"}})
    check_all_compatible(olds, new, "backward")
    with pytest.raises(
        CompatibilityError, match=r"version 1: inputs\.a: any -> long \(INPUT_TYPE_NARROWED\)"
    ) as caught:
        check_all_compatible(olds, new, "backward_transitive")
    assert list(caught.value.broken) == ["version 1"]
    check_all_compatible({}, new, "full_transitive")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: diff(OLD, NEW, "lenient"),
        lambda: diff(OLD, NEW, extra="drop"),
        lambda: check_compatible(OLD, NEW, "sideways"),
        lambda: check_all_compatible({}, NEW, "sideways"),
        lambda: filter_breaking([], "all"),
    ],
)
def test_unknown_options_are_rejected(ask: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown (mode|policy|extra) "):
        ask()


def test_the_error_lists_the_modes() -> None:
    with pytest.raises(ValueError, match="unknown mode") as raised:
        filter_breaking([], "all")
    assert str(raised.value) == (
        "unknown mode 'all': use one of none, backward, forward, full, "
        "backward_transitive, forward_transitive, full_transitive"
    )


def test_a_change_is_plain_data() -> None:
    change = Change("INPUT_REMOVED", "input", "inputs.a", "x" * 500, None, frozenset({"forward"}))
    assert len(str(change)) < 200
    assert change.to_dict() == {
        "rule": "INPUT_REMOVED",
        "side": "input",
        "path": "inputs.a",
        "old": "x" * 500,
        "new": None,
        "breaks": ["forward"],
        "meaning": RULES["INPUT_REMOVED"],
    }


def test_byte_order_is_not_a_change() -> None:
    one, two = (
        ModelSignature(Schema([TensorSpec(np.dtype(name), (-1,))])) for name in (">f4", "<f4")
    )
    assert {change.rule: set(change.breaks) for change in diff(one, two)} == {
        "TENSOR_DTYPE_EQUIVALENT": set()
    }


def test_every_rule_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "comparing.md").read_text(encoding="utf-8")
    for rule, meaning in RULES.items():
        name = re.sub("^(INPUT|OUTPUT)_", "..._", rule)
        inner = rule.startswith("PARAM_") and f"`{rule}`" not in page
        assert f"| `{re.sub('^PARAM_', '..._', rule) if inner else name}` | {meaning} |" in page


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ({"a": "string"}, {"a": "string", "b?": "any"}, True),
        ({"a": "long"}, {"a": "long", "b?": "any"}, True),
        ({"a": "boolean"}, {"a": "boolean", "b?": "any"}, False),
        ({"a": "string", "c": "boolean"}, {"a": "string", "c": "boolean", "b?": "any"}, False),
        (["double", "double"], [["double"]], True),
        (["double", "double"], ["any"], False),
        (["double"], [["double"]], False),
    ],
)
def test_payloads_that_are_read_differently(old: Any, new: Any, lost: bool) -> None:
    assert ("INPUT_LAYOUT_CHANGED" in found(old, new)) is lost
    # A payload of the old signature confirms it.
    if lost:
        assert find_counterexample(*pair(old, new), "inputs", n=400)


def test_a_notebook_counts_the_changes_that_break_callers() -> None:
    changes = diff(*pair({"a": "long", "b": "long"}, {"a": "string", "b": "string"}))
    assert "2 changes, 2 of which break callers" in changes._repr_html_()
    assert "1 change, 1 of which breaks callers" in type(changes)(changes[:1])._repr_html_()
    optional = diff(*pair({"a": "long"}, {"a": "long", "b?": "long"}))
    assert "1 change, none of which break callers" in optional._repr_html_()

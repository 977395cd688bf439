"""Properties of inference and enforcement for random data and signatures."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.models import ModelSignature, infer_signature
from mlflow.types.schema import ColSpec, DataType, Schema

from modelpact._internal import mlflow_compat
from modelpact.errors import InputsError, OutputsError, SignError
from modelpact.signature import compile
from modelpact.signature.inference.infer import infer
from tests.support.enforcement_cases import is_same
from tests.support.mlflow_differences import are_known_gaps
from tests.support.strategies import column_schemas, plain_names, signatures

pytestmark = pytest.mark.usefixtures("quiet")


calm = settings(
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ]
)

moments = st.datetimes(
    min_value=datetime.datetime(1700, 1, 1), max_value=datetime.datetime(2200, 1, 1)
)
leaves: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(),
    "string": st.text(max_size=5),
    "binary": st.binary(max_size=5),
    "datetime": moments,
}
wild = st.recursive(
    st.one_of(
        st.none(),
        *leaves.values(),
        st.integers(),
        st.decimals(allow_nan=False),
        st.just(np.int32(3)),
        st.just(np.float32(0.5)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_names, inner, max_size=3),
    max_leaves=6,
)
"""Any Python value that a JSON or Python client may send."""


@st.composite
def shaped(draw: st.DrawFn, depth: int = 2) -> st.SearchStrategy[Any]:
    """A strategy for values of one shape, so that lists of them have a type."""
    kind = draw(st.sampled_from([*leaves, "list", "dict"] if depth else [*leaves]))
    if kind == "list":
        return st.lists(draw(shaped(depth - 1)), max_size=3)
    if kind == "dict":
        names = draw(st.lists(plain_names, min_size=1, max_size=3, unique=True))
        optional = {name: draw(shaped(depth - 1)) for name in names[1:]}
        return st.fixed_dictionaries({names[0]: draw(shaped(depth - 1))}, optional=optional)
    return leaves[kind]


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of dicts whose columns mostly have a type, with gaps and nulls."""
    names = draw(st.lists(plain_names, min_size=1, max_size=4, unique=True))
    columns = {name: draw(shaped()) for name in names}
    count = draw(st.integers(1, 5))
    gaps = draw(st.booleans())
    found = []
    for _ in range(count):
        row = {
            name: draw(values | st.none() if gaps else values) for name, values in columns.items()
        }
        found.append(
            {name: value for name, value in row.items() if not gaps or draw(st.booleans())} or row
        )
    return found


dtypes = st.sampled_from(
    [
        "float64",
        "float32",
        "int64",
        "int32",
        "int8",
        "uint8",
        "bool",
        "Int64",
        "boolean",
        "Float64",
        "category",
        "str",
        "object",
    ]
)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Frames of random dtypes, with nulls where the dtype has them."""
    count = draw(st.integers(1, 5))
    columns = {}
    values: list[Any]
    for name in draw(st.lists(plain_names, min_size=1, max_size=4, unique=True)):
        dtype = draw(dtypes)
        if dtype in ("category", "str", "object"):
            values = draw(st.lists(st.text(max_size=3) | st.none(), min_size=count, max_size=count))
        elif dtype.lower() in ("bool", "boolean"):
            values = draw(
                st.lists(
                    (st.booleans() | st.none()) if dtype == "boolean" else st.booleans(),
                    min_size=count,
                    max_size=count,
                )
            )
        elif "float" in dtype.lower():
            values = draw(
                st.lists(
                    st.floats(width=32, allow_nan=dtype != "Float64"),
                    min_size=count,
                    max_size=count,
                )
            )
        else:
            values = draw(
                st.lists(
                    (st.integers(0, 100) | st.none()) if dtype == "Int64" else st.integers(0, 100),
                    min_size=count,
                    max_size=count,
                )
            )
        columns[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(columns)


def verdict(enforcer: Any, data: Any) -> tuple[bool, Any]:
    try:
        return True, enforcer.enforce_inputs(data)
    except InputsError as error:
        return False, error


@calm
@given(frames() | rows() | st.lists(wild, max_size=4) | wild)
def test_infer_accepts_what_it_signed(data: Any) -> None:
    kept = copy.deepcopy(data)
    try:
        found = infer(data, data, on_any="allow")
    except SignError:
        return
    enforcer = compile(found)
    enforcer.enforce_inputs(data)
    enforcer.enforce_outputs(data)
    assert is_same(data, kept)


@calm
@given(frames() | rows())
def test_infer_equals_mlflow_if_it_returns_a_signature(data: Any) -> None:
    try:
        found = infer(data, on_any="allow")
    except SignError:
        return
    assert found == infer_signature(data)


@calm
@given(st.lists(wild, min_size=1, max_size=4))
def test_infer_equals_mlflow_for_any_values(values: Any) -> None:
    for data in (values, [{"a": value} for value in values], {"a": values}):
        try:
            found = infer(data)
        except SignError:
            continue
        assert found == infer_signature(data)


@calm
@given(frames(), st.sampled_from(["lossless", "strict", "mlflow"]))
def test_enforcement_is_idempotent_for_frames(frame: pd.DataFrame, policy: Any) -> None:
    enforcer = compile(infer(frame, on_any="allow"), policy)
    accepted, once = verdict(enforcer, frame)
    if accepted:
        assert is_same(enforcer.enforce_inputs(once), once)


@calm
@given(column_schemas(plain_names, named=True), st.data())
def test_enforcement_is_idempotent_and_changes_nothing(schema: Schema, data: st.DataObject) -> None:
    payload = [
        {spec.name: data.draw(wild) for spec in schema} for _ in range(data.draw(st.integers(1, 3)))
    ]
    kept = copy.deepcopy(payload)
    enforcer = compile(ModelSignature(schema))
    accepted, once = verdict(enforcer, payload)
    assert is_same(payload, kept)
    if accepted:
        assert is_same(enforcer.enforce_inputs(once), once)


@calm
@given(frames(), st.randoms(use_true_random=False))
def test_column_order_does_not_matter(frame: pd.DataFrame, chance: Any) -> None:
    enforcer = compile(infer(frame, on_any="allow"))
    names = list(frame)
    chance.shuffle(names)
    assert is_same(enforcer.enforce_inputs(frame[names]), enforcer.enforce_inputs(frame))


@calm
@given(column_schemas(plain_names, named=True), st.data())
def test_lossless_accepts_what_mlflow_accepts(schema: Schema, data: st.DataObject) -> None:
    payload = [
        {spec.name: data.draw(wild) for spec in schema} for _ in range(data.draw(st.integers(1, 3)))
    ]
    try:
        mlflow_compat.enforce_inputs(copy.deepcopy(payload), schema)
    except Exception:
        return
    accepted, error = verdict(compile(ModelSignature(schema)), payload)
    assert accepted or are_known_gaps(error.failures), error


@calm
@given(frames(), st.lists(st.sampled_from(list(DataType)), min_size=4, max_size=4), st.booleans())
def test_lossless_accepts_frames_that_mlflow_accepts(
    frame: pd.DataFrame, types: list[DataType], required: bool
) -> None:
    schema = Schema(
        [
            ColSpec(dtype, str(name), required=required)
            for dtype, name in zip(types, frame, strict=False)
        ]
    )
    try:
        expected = mlflow_compat.enforce_inputs(frame, schema)
    except Exception:
        expected = None
    mlflow_accepts, result = verdict(compile(ModelSignature(schema), "mlflow"), frame)
    assert mlflow_accepts is (expected is not None)
    accepted, given_back = verdict(compile(ModelSignature(schema)), frame)
    if mlflow_accepts:
        assert is_same(result, expected)
        assert is_same(given_back, expected) if accepted else are_known_gaps(given_back.failures), (
            given_back
        )


@calm
@given(
    st.lists(
        st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.text(max_size=2),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(list(DataType)),
)
def test_lossless_changes_no_value(values: list[Any], dtype: DataType) -> None:
    accepted, frame = verdict(
        compile(ModelSignature(Schema([ColSpec(dtype, "x")]))), [{"x": value} for value in values]
    )
    if dtype is DataType.float:
        # Python floats are rounded to 32 bits.
        values = [float(np.float32(v)) if isinstance(v, float) else v for v in values]
    if accepted and dtype is not DataType.datetime:
        assert is_same(frame["x"].tolist(), values)


payloads = st.one_of(
    wild,
    st.lists(wild, max_size=3),
    frames(),
    frames().map(lambda frame: frame.to_dict("list")),
    frames().map(lambda frame: frame.to_numpy()),
    st.lists(st.lists(st.floats() | st.integers(), max_size=3), max_size=3),
    st.lists(st.floats(), max_size=3).map(np.array),
)


@calm
@given(
    signatures(),
    payloads,
    st.sampled_from(["lossless", "strict", "mlflow"]),
    st.sampled_from(["ignore", "warn"]),
)
def test_any_data_is_accepted_or_rejected_with_failures(
    found: Any, data: Any, policy: Any, extra: Any
) -> None:
    enforcer = compile(found, policy, extra)
    kept = copy.deepcopy(data)
    for call in (enforcer.enforce_inputs, enforcer.enforce_params, enforcer.enforce_outputs):
        refusal = error_of(call, data)
        if refusal is not None:
            assert 0 < len(refusal.failures) <= 20
            assert refusal.total >= len(refusal.failures)
            assert all(len(failure.got) <= 220 for failure in refusal.failures)
            assert str(refusal)
    assert is_same(data, kept)


def error_of(call: Any, data: Any) -> Any:
    """Return the error of modelpact that a call raises, or None."""
    try:
        call(data)
    except (InputsError, OutputsError) as error:
        return error
    return None

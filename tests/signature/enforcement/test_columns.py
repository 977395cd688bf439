"""Edge cases of columns, params and tensors that the tables of cases do not contain."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
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

from modelpact.errors import InputsError
from modelpact.signature import compile
from modelpact.signature.enforcement.columns import object_array
from modelpact.signature.language.spec import parse
from tests.support.enforcement_cases import is_same

D = DataType


def enforced(spec: Any, data: Any) -> Any:
    return compile(ModelSignature(Schema([spec]))).enforce_inputs(data)


def code(spec: Any, data: Any) -> str:
    with pytest.raises(InputsError) as caught:
        enforced(spec, data)
    return str(caught.value.failures[0].code)


def test_datetimes_out_of_range_keep_their_unit() -> None:
    far = datetime.datetime(3000, 1, 1)
    assert enforced(ColSpec(D.datetime, "x"), [{"x": far}])["x"].tolist() == [far]
    frame = pd.DataFrame({"x": pd.Series([far], dtype="datetime64[us]")})
    assert enforced(ColSpec(D.datetime, "x"), frame) is frame


def test_arrow_datetimes_with_a_time_zone_become_utc() -> None:
    moment = pd.Timestamp("2024-01-02 03:00", tz="Europe/Berlin")
    frame = pd.DataFrame(
        {"x": pd.Series([moment], dtype="timestamp[us, tz=Europe/Berlin][pyarrow]")}
    )
    assert enforced(ColSpec(D.datetime, "x"), frame)["x"].tolist() == [
        pd.Timestamp("2024-01-02 02:00")
    ]


def test_a_zero_dimensional_array_is_its_item() -> None:
    assert enforced(ColSpec(D.double), np.array(1.5))[0].tolist() == [1.5]
    assert enforced(ColSpec(D.string, "x"), {"x": np.array("a")})["x"].tolist() == ["a"]


def test_rows_can_be_lists_of_one_cell() -> None:
    assert enforced(ColSpec(Array(D.double)), [[[1.0, 2.0]], [[3.0]]])[0].tolist() == [
        [1.0, 2.0],
        [3.0],
    ]
    assert code(ColSpec(Array(D.double)), [["a"], ["b"]]) == "WRONG_TYPE"


def test_an_unnamed_object_is_one_cell() -> None:
    point = Object([Property("a", D.double)])
    assert enforced(ColSpec(point), {"a": 1})[0].tolist() == [{"a": 1.0}]
    assert enforced(ColSpec(Map(D.double)), [{"a": 1}, {"b": 2}])[0].tolist() == [
        {"a": 1.0},
        {"b": 2.0},
    ]


def test_a_map_is_not_read_as_columns() -> None:
    assert enforced(ColSpec(Map(D.double), "m"), {"m": {"a": 1, "b": 2.5}})["m"].tolist() == [
        {"a": 1.0, "b": 2.5}
    ]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.datetime64("2024-01-02T03:04:05", "ns"), datetime.datetime(2024, 1, 2, 3, 4, 5)),
        (pd.Timestamp("2024-01-02 03:04"), datetime.datetime(2024, 1, 2, 3, 4)),
        ("2024-01-02", datetime.date(2024, 1, 2)),
    ],
)
def test_datetime_params(value: Any, wanted: Any) -> None:
    schema = ParamSchema([ParamSpec("k", D.datetime, datetime.date(2024, 1, 1))])
    enforcer = compile(ModelSignature(params=schema))
    assert enforcer.enforce_params({"k": value}) == {"k": wanted}
    for bad in (np.datetime64(1, "ns"), "2024-13-02", "soon", 3):
        with pytest.raises(InputsError):
            enforcer.enforce_params({"k": bad})


def test_sparse_matrices_as_tensors() -> None:
    spec = TensorSpec(np.dtype("float64"), (-1, 3))
    good = scipy.sparse.csr_matrix(np.eye(3))
    assert enforced(spec, good) is good
    for other in (
        scipy.sparse.coo_matrix(np.eye(3)),
        scipy.sparse.csr_array(np.eye(3)),
        scipy.sparse.csc_matrix(np.eye(3, dtype="int8")),
    ):
        assert (enforced(spec, other) != good).nnz == 0
    assert code(spec, scipy.sparse.csr_matrix(np.eye(4))) == "WRONG_SHAPE"
    assert code(spec, scipy.sparse.csr_matrix(np.eye(3, dtype=bool))) == "WRONG_TYPE"
    assert (
        code(TensorSpec(np.dtype("float32"), (-1, 3)), scipy.sparse.csr_matrix(np.eye(3) * 0.1))
        == "LOSSY"
    )


def test_ragged_rows_are_checked_separately() -> None:
    spec = TensorSpec(np.dtype("float64"), (-1, -1))
    result = enforced(spec, [[1.0, 2.0], [3]])
    assert [row.tolist() for row in result] == [[1.0, 2.0], [3.0]]
    assert enforced(spec, result) is result
    assert code(spec, [[1.0, "x"], [3.0]]) == "WRONG_TYPE"


@pytest.mark.parametrize("data", [[True, 1], ["a", 1], [2**53 + 1, 0.5], [None, "a"]])
def test_lists_of_mixed_types_are_not_tensors(data: Any) -> None:
    assert code(TensorSpec(np.dtype("float64"), (-1,)), data) == "WRONG_TYPE"


def test_columns_of_different_dtypes_become_one_tensor() -> None:
    spec = TensorSpec(np.dtype("float64"), (-1, 2))
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    assert is_same(enforced(spec, frame), frame.to_numpy())
    assert code(spec, pd.DataFrame({"a": [2**53 + 1], "b": [0.5]})) == "LOSSY"
    assert is_same(
        enforced(spec, pd.DataFrame({"a": pd.Categorical([1]), "b": pd.array([2], dtype="Int64")})),
        np.array([[1.0, 2.0]]),
    )


def test_other_numeric_types() -> None:
    assert enforced(
        ColSpec(D.double, "x"), [{"x": np.longdouble(0.5)}, {"x": decimal.Decimal("0.1")}]
    )["x"].tolist() == [
        0.5,
        0.1,
    ]
    assert enforced(ColSpec(D.float, "x"), [{"x": 1}, {"x": 0.5}])["x"].dtype == np.dtype("float32")
    assert code(ColSpec(D.float, "x"), [{"x": 2**24 + 1}]) == "LOSSY"
    assert code(ColSpec(D.float, "x"), [{"x": "1"}]) == "WRONG_TYPE"


def test_nested_integers_become_doubles_inside_maps() -> None:
    schema = Schema([ColSpec(Map(Array(D.integer)), "m")])
    assert compile(ModelSignature(schema)).enforce_inputs([{"m": {"a": [1, None]}}])[
        "m"
    ].tolist() == [{"a": [1, None]}]


@pytest.mark.parametrize("dtype", [D.integer, D.long, D.float, D.double])
def test_a_timedelta_is_not_a_number(dtype: DataType) -> None:
    assert code(ColSpec(Array(dtype), "x"), [{"x": [np.timedelta64(3, "s")]}]) == "WRONG_TYPE"


def test_flat_cells_do_not_fit_two_free_axes() -> None:
    cells = pd.DataFrame({"x": [[1.0, 2.0], [3.0, 4.0]]})
    assert code(TensorSpec(np.dtype("float64"), (2, -1, -1), "x"), cells) == "WRONG_SHAPE"
    assert enforced(TensorSpec(np.dtype("float64"), (-1, -1, 2), "x"), cells)["x"].shape == (
        2,
        1,
        2,
    )


def test_a_bytearray_is_one_value() -> None:
    schema = Schema([ColSpec(D.binary, "x"), ColSpec(D.long, "y")])
    assert compile(ModelSignature(schema)).enforce_inputs({"x": bytearray(b"ab"), "y": 1})[
        "x"
    ].tolist() == [b"ab"]
    assert compile(ModelSignature(schema)).enforce_inputs({"x": bytearray(b"ab"), "y": [1, 2]})[
        "x"
    ].tolist() == [b"ab", b"ab"]


@pytest.mark.parametrize(
    "values", [[["a", "b"], ["", "c"]], [[1, "a"], [None, {"b": 2}]], [[True, 1.5], [b"x", 3]]]
)
def test_values_of_an_object_tensor_keep_their_type(values: list[list[Any]]) -> None:
    found = compile(parse({"inputs": "object[-1, 2]"})).enforce_inputs(values)
    assert (found.dtype, found.shape, found.tolist()) == (np.dtype(object), (2, 2), values)
    assert [list(map(type, row)) for row in found.tolist()] == [
        list(map(type, row)) for row in values
    ]


class Word(str):
    """A subclass of `str`."""

    __slots__ = ()


NULLS = [None, float("nan"), np.float32("nan"), pd.NA]
NOT_TEXT = [b"a", 1, True, ["a"], np.array(["a"]), decimal.Decimal("NaN"), 1.5]


def objects(*cells: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(object_array(cells), dtype=object)})


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("cell", [Word("a"), np.str_("a"), *NULLS, *NOT_TEXT], ids=repr)
@pytest.mark.parametrize("required", [True, False])
def test_object_columns_of_text(cell: Any, position: int, required: bool) -> None:
    cells: list[Any] = ["x", "y", "z"]
    cells[position] = cell
    frame, spec = objects(*cells), ColSpec("string", "x", required)
    is_null = any(cell is null for null in NULLS)
    if any(cell is other for other in NOT_TEXT):
        assert code(spec, frame) == "WRONG_TYPE"
    elif is_null and required:
        assert code(spec, frame) == "NULL"
    else:
        assert enforced(spec, frame) is frame


@pytest.mark.parametrize("cells", [(b"a", np.bytes_(b"b")), (b"a", bytearray(b"b")), ()])
def test_object_columns_of_bytes(cells: Any) -> None:
    assert enforced(ColSpec("binary", "x"), objects(*cells)).equals(objects(*cells))


def test_object_columns_of_text_with_a_wrong_cell_name_its_row() -> None:
    signature = ModelSignature(Schema([ColSpec("string", "x")]))
    with pytest.raises(InputsError, match="row 2, x: expected string, got int 7"):
        compile(signature).enforce_inputs(objects("a", "b", 7))


@pytest.mark.parametrize(
    ("kind", "value", "dtype"),
    [
        (pa.string_view(), "a", "string"),
        (pa.string(), "a", "string"),
        (pa.binary(), b"a", "binary"),
        (pa.timestamp("s"), datetime.datetime(2024, 1, 1), "datetime"),
        (pa.list_(pa.int64()), [1], ["long"]),
    ],
)
def test_the_name_of_an_arrow_series_is_kept(kind: Any, value: Any, dtype: Any) -> None:
    array = pd.arrays.ArrowExtensionArray(pa.array([value], kind))
    checked = compile(parse({"inputs": {"a": dtype}})).enforce_inputs(
        pd.Series(array, name="a", index=[7])
    )
    assert list(checked.columns) == ["a"]


@pytest.mark.parametrize(("digits", "nanosecond"), [("1", 0), ("1234567", 700), ("123456789", 789)])
def test_digits_of_seconds_are_kept(digits: str, nanosecond: int) -> None:
    checked = enforced(ColSpec(D.datetime, "a"), [{"a": f"2024-01-01T00:00:00.{digits}"}])
    assert checked["a"][0] == pd.Timestamp(f"2024-01-01T00:00:00.{digits}")
    assert checked["a"][0].nanosecond == nanosecond


def test_a_violation_is_plain_data() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    tensors = compile(parse({"inputs": {"a": "float64[-1]", "b": "float64[-1]"}}))
    with pytest.raises(InputsError) as raised:
        tensors.enforce_inputs(frame)
    assert raised.value.failures[0].to_dict() == {
        "row": None,
        "code": "DUPLICATE_COLUMN",
        "path": "a",
        "expected": "one column",
        "got": "several columns of that name",
    }


@pytest.mark.parametrize("n", [1, 100])
class TestManyRows:
    """Long columns are converted as short ones are."""

    def test_integers_floats_and_nulls_become_doubles(self, n: int) -> None:
        rows = [{"x": 1}, {"x": 0.5}, {"x": None}, {}] * n
        found = enforced(ColSpec(D.double, "x"), rows)["x"]
        assert is_same(found.to_numpy(), np.array([1.0, 0.5, np.nan, np.nan] * n))

    @pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 10**400, True, "1"])
    def test_other_values_are_rejected(self, value: object, n: int) -> None:
        with pytest.raises(InputsError) as caught:
            enforced(ColSpec(D.double, "x"), [{"x": 1}] * n + [{"x": value}, {"x": 2}])
        (violation,) = caught.value.failures
        assert (violation.row, caught.value.total) == (n, 1)

    def test_a_strict_policy_rejects_integers(self, n: int) -> None:
        check = compile(ModelSignature(Schema([ColSpec(D.double, "x")])), policy="strict")
        with pytest.raises(InputsError) as caught:
            check.enforce_inputs([{"x": 0.5}, {"x": 1}] * n)
        assert (caught.value.failures[0].code, caught.value.total) == ("NEEDS_CONVERSION", n)

    @pytest.mark.parametrize("dtype", [D.double, D.long, D.boolean, D.binary])
    def test_text_is_one_violation_per_row(self, dtype: DataType, n: int) -> None:
        with pytest.raises(InputsError) as caught:
            enforced(ColSpec(dtype, "x"), [{"x": "a"}] * n)
        assert caught.value.total == n
        rows = [(each.row, each.code, each.got) for each in caught.value.failures]
        assert rows == [(row, "WRONG_TYPE", "str 'a'") for row in range(min(n, 20))]

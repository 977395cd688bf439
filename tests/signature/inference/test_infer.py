"""`infer` equals `mlflow.models.infer_signature`, or raises where that fails silently."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import mlflow.models.signature
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Object,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

from modelpact.errors import SignError
from modelpact.signature import compile, format_type
from modelpact.signature.inference.infer import infer
from tests.support.inference_cases import data_cases
from tests.support.many_cases import check_all_cases, sample_params, unique_cases

CASES = unique_cases(list(data_cases()))
FAMILIES = {
    family: {name: name for name in CASES if name.startswith(f"{family}: ")}
    for family in dict.fromkeys(name.partition(": ")[0] for name in CASES)
}

GUESSES: dict[str, tuple[str, ...]] = {
    "no rows: MLflow infers string": ("empty", "nothing", "empty list"),
    "integers beyond 64 bits: MLflow infers long": ("ints beyond", "uint64 ints", "huge ints"),
    "a bare object(): MLflow infers string": ("objects", "object"),
    "nulls in an unnamed list: MLflow infers a required column, and rejects the list": (
        "int and null",
        "int and nan",
        "bools",
        "text and nan",
        "text and NA",
        "list and null",
        "dict and null",
        "null and dict",
        "array and null",
        "ints and null",
        "strs and null",
        "matrix with null",
    ),
    "NaN in rows of dicts, in a column that is not a float: MLflow infers a required column": (
        "dict and nan",
        "dict of nan",
    ),
    "an empty list or array among other values: MLflow ignores it, and rejects the data": (
        "dict and empty list",
        "list of empty array",
    ),
    "unsupported names and dtypes": (
        "a column named None",
        "structured array",
        "big endian 2",
    ),
}
"""Data for which MLflow infers a guess, and `infer` raises: the reason, and the names of cases."""


@pytest.fixture(autouse=True)
def logged_warnings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Collect what MLflow logs instead of raising."""
    logged: list[Any] = []
    monkeypatch.setattr(
        mlflow.models.signature._logger, "warning", lambda *args, **_: logged.append(args)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield logged


def infer_with_mlflow(make: Callable[[], Any], logged: list[Any]) -> ModelSignature | None:
    """Return MLflow's signature; None if it raises or logs a warning."""
    logged.clear()
    try:
        found = mlflow.models.infer_signature(make())
    except Exception:
        return None
    return None if logged else found


def try_infer(data: Any, **options: Any) -> tuple[Any, Any]:
    """Return the signature and None, or None and the error."""
    try:
        return infer(data, **options), None
    except SignError as error:
        return None, error


def is_guess(name: str) -> bool:
    return any(name.split(": ")[1] in names for names in GUESSES.values())


def test_number_of_cases() -> None:
    assert sum(map(len, FAMILIES.values())) == len(CASES) == 912


@pytest.mark.parametrize("family", FAMILIES)
def test_infer_equals_mlflow_or_raises(family: str, logged_warnings: list[Any]) -> None:
    def check(name: str) -> None:
        expected = infer_with_mlflow(CASES[name], logged_warnings)
        found, refusal = try_infer(CASES[name](), on_any="allow")
        if refusal is None and expected == found:
            return
        if refusal is None:
            _, refusal = try_infer(CASES[name](), on_any="error")
            assert refusal is not None, f"MLflow says {expected}; infer says {found}"
        assert expected is None or is_guess(name), f"MLflow says {expected}; infer says {refusal}"
        assert refusal.problems
        assert all(text in str(refusal) for _, text in refusal.problems)

    check_all_cases(check, FAMILIES[family])


@pytest.mark.parametrize("family", sample_params(FAMILIES, every=3))
def test_the_data_fits_its_inferred_signature(family: str) -> None:
    def check(name: str) -> None:
        try:
            found = infer(CASES[name](), outputs=CASES[name](), on_any="allow")
        except SignError:
            return
        enforcer = compile(found)
        enforcer.enforce_inputs(CASES[name]())
        enforcer.enforce_outputs(CASES[name]())

    check_all_cases(check, FAMILIES[family])


@pytest.mark.parametrize("reason", GUESSES)
def test_cases_that_mlflow_guesses(reason: str, logged_warnings: list[Any]) -> None:
    """A guess that MLflow no longer makes must be removed from the list."""
    names = [name for name in CASES if name.split(": ")[1] in GUESSES[reason]]
    assert any(infer_with_mlflow(CASES[name], logged_warnings) is not None for name in names)


def test_all_unsupported_columns_are_listed_with_dtype_and_remedy() -> None:
    frame = pd.DataFrame(
        {
            "id": pd.Series([1], dtype="uint64"),
            "fine": [1.5],
            "delay": pd.to_timedelta([1], unit="s"),
            "price": [1j],
        }
    )
    with pytest.raises(SignError) as caught:
        infer(frame)
    assert str(caught.value).splitlines() == [
        "cannot infer a signature that fits this data, 3 problems:",
        "  inputs: id: dtype uint64 has no MLflow type; "
        "convert it: astype('int64') if the values fit, otherwise astype('float64') or a string",
        "  inputs: delay: dtype timedelta64[us] has no MLflow type; "
        "convert it to seconds: .dt.total_seconds()",
        "  inputs: price: dtype complex128 has no MLflow type; "
        "split it into the real and the imaginary part",
    ]
    assert [path for path, _ in caught.value.problems] == [
        "inputs: id",
        "inputs: delay",
        "inputs: price",
    ]


def test_inputs_outputs_and_params_are_reported_together() -> None:
    with pytest.raises(SignError) as caught:
        infer([{"a": 1j}], {1: "x"}, {"k": [], "l": b"x"})
    assert [path for path, _ in caught.value.problems] == [
        "inputs: a",
        "outputs: column 1",
        "params: k",
        "params: l",
    ]


def test_issues_of_nested_values_have_a_path() -> None:
    with pytest.raises(SignError, match=r"inputs: author\.tags\[0\]: mixed types \(int and str\)"):
        infer([{"author": {"tags": ["a", 1], "name": "x"}}])


def test_duplicate_columns_are_rejected() -> None:
    with pytest.raises(SignError, match="a: duplicate name of 2 columns"):
        infer(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_no_data_is_rejected() -> None:
    with pytest.raises(SignError, match="nothing to infer a signature from"):
        infer(None, params={})


class TestOnAny:
    DATA: tuple[Any, ...] = ({"a": 1.5, "b": None, "c": {"d": []}},)

    def test_error_lists_each_path(self) -> None:
        with pytest.raises(SignError) as caught:
            infer(list(self.DATA))
        assert [path for path, _ in caught.value.problems] == ["inputs: b", "inputs: c.d"]

    def test_warn_infers_any_with_a_warning(self) -> None:
        with pytest.warns(UserWarning, match=r"inputs: b, inputs: c\.d"):
            found = infer(list(self.DATA), on_any="warn")
        assert found == mlflow.models.infer_signature(list(self.DATA))

    def test_allow_infers_any(self) -> None:
        assert infer(list(self.DATA), on_any="allow") == mlflow.models.infer_signature(
            list(self.DATA)
        )

    @pytest.mark.parametrize(
        "values",
        [
            pd.Series([Decimal("1.5")]),
            pd.Series([1, "x"]),
            pd.to_timedelta([1], unit="s"),
            pd.Series([2**63], dtype="uint64"),
            pd.Series([1j]),
            pd.Series([{"x": 1j}]),
        ],
        ids=["Decimal", "mixed", "timedelta", "uint64", "complex", "nested"],
    )
    def test_allow_applies_to_one_column(self, values: Any) -> None:
        frame = pd.DataFrame({"a": [1.5] * len(values), "b": values})
        with pytest.raises(SignError, match="inputs: b"):
            infer(frame)
        found = infer(frame, on_any="allow")
        assert format_type(found.inputs.input_types_dict()["a"]) == "double"
        assert "any" in format_type(found.inputs.input_types_dict()["b"])
        compile(found).enforce_inputs(frame)

    def test_unknown_values_are_rejected(self) -> None:
        with pytest.raises(
            ValueError, match="unknown value 'ignore' of on_any; use one of error, warn, allow"
        ):
            infer([1.5], on_any="ignore")  # type: ignore[arg-type]


class TestIntegersAs:
    FRAME = pd.DataFrame(
        {
            "n": [1, 2],
            "small": np.array([1, 2], dtype="int32"),
            "xs": [[1], [2]],
            "o": [{"k": 1}, {"k": 2}],
        }
    )

    def test_auto(self) -> None:
        assert infer(self.FRAME) == mlflow.models.infer_signature(self.FRAME)

    def test_double_at_every_depth(self) -> None:
        double = DataType.double
        found = infer(self.FRAME, self.FRAME, {"k": 1}, integers_as="double")
        columns: list[ColSpec | TensorSpec] = [
            ColSpec(double, "n"),
            ColSpec(double, "small"),
            ColSpec(Array(double), "xs"),
            ColSpec(Object([Property("k", double)]), "o"),
        ]
        assert found.inputs == found.outputs == Schema(columns)
        assert found.params.params == [ParamSpec("k", DataType.long, 1)]
        compile(found).enforce_inputs(self.FRAME)

    def test_long(self) -> None:
        assert infer(self.FRAME, integers_as="long").inputs.inputs[1] == ColSpec(
            DataType.long, "small"
        )

    def test_tensors_keep_their_dtype(self) -> None:
        assert infer(np.array([1]), integers_as="double").inputs == Schema(
            [TensorSpec(np.dtype("int64"), (-1,))]
        )

    def test_unknown_values_are_rejected(self) -> None:
        with pytest.raises(
            ValueError, match="unknown value 'int' of integers_as; use one of auto, long, double"
        ):
            infer([1.5], integers_as="int")  # type: ignore[arg-type]


def test_a_column_of_nulls_is_an_optional_any() -> None:
    assert infer(pd.DataFrame({"a": [None]}, dtype=object), on_any="allow").inputs == Schema(
        [ColSpec(AnyType(), "a", required=False)]
    )

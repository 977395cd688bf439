"""`infer` against `mlflow.models.infer_signature`: equal where that works, an error where it falls silent."""

from __future__ import annotations

import datetime
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import mlflow.models.signature
import numpy as np
import pandas as pd
import polars
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
from modelpact.signature import compile
from modelpact.signature.inference.infer import infer
from tests.support.inference_cases import data_cases, param_examples
from tests.support.together import by_name, holds_for_each

CASES = by_name(list(data_cases()))
FAMILIES = {
    family: {name: name for name in CASES if name.startswith(f"{family}: ")}
    for family in dict.fromkeys(name.partition(": ")[0] for name in CASES)
}
PARAMS = by_name(list(param_examples()))

GUESSES = {
    "no rows: MLflow says string": ("empty", "nothing", "empty list"),
    "integers beyond 64 bits: MLflow says long": ("ints beyond", "uint64 ints", "huge ints"),
    "a bare object(): MLflow says string": ("objects", "object"),
    "nulls in a list without a name: MLflow says required, and refuses the list": (
        *("int and null", "int and nan", "bools", "text and nan", "text and NA", "list and null", "dict and null"),
        "null and dict",
        *("array and null", "ints and null", "strs and null", "matrix with null"),
    ),
    "NaN in rows of dicts, of a column that is no float: MLflow says required": ("dict and nan", "dict of nan"),
    "an empty list or array beside other things: MLflow ignores it, and refuses the data": (
        *("dict and empty list", "list of empty array"),
    ),
    "names and dtypes that no signature holds": ("a column named None", "structured array"),
}  # fmt: skip
"""Where MLflow answers with a guess, which `infer` does not sign: the reason, and the names of such data."""


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What MLflow logs instead of raising."""
    logged: list[Any] = []
    monkeypatch.setattr(
        mlflow.models.signature._logger, "warning", lambda *args, **_: logged.append(args)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield logged


def theirs(make: Callable[[], Any], logged: list[Any]) -> ModelSignature | None:
    """MLflow's signature; None where it raises or falls silent."""
    logged.clear()
    try:
        found = mlflow.models.infer_signature(make())
    except Exception:
        return None
    return None if logged else found


def asked(data: Any, **options: Any) -> tuple[Any, Any]:
    """What `infer` gives, or what it raises."""
    try:
        return infer(data, **options), None
    except SignError as error:
        return None, error


def is_guess(name: str) -> bool:
    return any(name.split(": ")[1] in names for names in GUESSES.values())


def test_no_case_is_lost() -> None:
    assert sum(map(len, FAMILIES.values())) == len(CASES) == 912
    assert len(PARAMS) == 70


@pytest.mark.parametrize("family", FAMILIES)
def test_infer_equals_mlflow_or_raises_where_it_is_silent(family: str, silence: list[Any]) -> None:
    def check(name: str) -> None:
        expected = theirs(CASES[name], silence)
        found, refusal = asked(CASES[name](), on_any="allow")
        if refusal is None:
            assert expected == found
            return
        assert expected is None or is_guess(name), f"MLflow says {expected}; infer says {refusal}"
        assert refusal.problems
        assert all(text in str(refusal) for _, text in refusal.problems)

    holds_for_each(check, FAMILIES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_infer_accepts_the_data_it_signed(family: str) -> None:
    def check(name: str) -> None:
        try:
            found = infer(CASES[name](), outputs=CASES[name](), on_any="allow")
        except SignError:
            return
        enforcer = compile(found)
        enforcer.enforce_inputs(CASES[name]())
        enforcer.enforce_outputs(CASES[name]())

    holds_for_each(check, FAMILIES[family])


@pytest.mark.parametrize("name", PARAMS)
def test_params_equal_mlflow_or_raise(name: str) -> None:
    try:
        expected = mlflow.models.infer_signature(params=PARAMS[name]).params
    except Exception:
        expected = None
    found, refusal = asked(None, params=PARAMS[name])
    if refusal is not None:
        assert expected is None or "empty list" in name
        assert "k" in refusal.problems[0][0]
        return
    assert repr(found.params) == repr(expected)
    assert compile(found).enforce_params(PARAMS[name]) is not None


@pytest.mark.parametrize("reason", GUESSES)
def test_each_guess_is_one(reason: str, silence: list[Any]) -> None:
    """A guess that MLflow no longer makes is to be taken off the list."""
    names = [name for name in CASES if name.split(": ")[1] in GUESSES[reason]]
    assert any(theirs(CASES[name], silence) is not None for name in names)


def test_all_bad_columns_are_named_with_dtype_and_remedy() -> None:
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
        "  inputs: delay: dtype timedelta64[us] has no MLflow type; convert it to seconds: .dt.total_seconds()",
        "  inputs: price: dtype complex128 has no MLflow type; split it into the real and the imaginary part",
    ]
    assert [place for place, _ in caught.value.problems] == [
        "inputs: id",
        "inputs: delay",
        "inputs: price",
    ]


def test_inputs_outputs_and_params_are_reported_together() -> None:
    with pytest.raises(SignError) as caught:
        infer([{"a": 1j}], {1: "x"}, {"k": [], "l": b"x"})
    assert [place for place, _ in caught.value.problems] == [
        "inputs: a",
        "outputs: column 1",
        "params: k",
        "params: l",
    ]


def test_nested_trouble_names_the_path() -> None:
    with pytest.raises(SignError, match=r"inputs: author\.tags\[0\]: mixed types \(int and str\)"):
        infer([{"author": {"tags": ["a", 1], "name": "x"}}])


def test_duplicate_names() -> None:
    with pytest.raises(SignError, match="a: duplicate name of 2 columns"):
        infer(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize(
    "table",
    [polars.DataFrame({"a": [1]}), polars.DataFrame({"a": [1]}).to_arrow()],
    ids=["polars", "arrow"],
)
def test_tables_name_their_remedy(table: Any) -> None:
    with pytest.raises(SignError, match=r"to_pandas\(\)"):
        infer(table)


def test_nothing_to_sign() -> None:
    with pytest.raises(SignError, match="nothing to infer a signature from"):
        infer(None, params={})


class TestOnAny:
    DATA = ({"a": 1.5, "b": None, "c": {"d": []}},)

    def test_error_names_each_place(self) -> None:
        with pytest.raises(SignError) as caught:
            infer(list(self.DATA))
        assert [place for place, _ in caught.value.problems] == ["inputs: b", "inputs: c.d"]

    def test_warn_signs_and_says_so(self) -> None:
        with pytest.warns(UserWarning, match=r"inputs: b, inputs: c\.d"):
            found = infer(list(self.DATA), on_any="warn")
        assert found == mlflow.models.infer_signature(list(self.DATA))

    def test_allow_signs(self) -> None:
        assert infer(list(self.DATA), on_any="allow") == mlflow.models.infer_signature(
            list(self.DATA)
        )

    def test_allow_is_no_way_round_the_rest(self) -> None:
        with pytest.raises(SignError):
            infer([{"a": None, "b": 1j}], on_any="allow")

    def test_no_such_word(self) -> None:
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
        columns = [
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

    def test_no_such_word(self) -> None:
        with pytest.raises(
            ValueError, match="unknown value 'int' of integers_as; use one of auto, long, double"
        ):
            infer([1.5], integers_as="int")  # type: ignore[arg-type]


def test_an_honest_any_is_one() -> None:
    assert infer(pd.DataFrame({"a": [None]}, dtype=object), on_any="allow").inputs == Schema(
        [ColSpec(AnyType(), "a", required=False)]
    )


def test_drifting_keys_take_linear_work() -> None:
    def calls(count: int) -> int:
        rows = [{"d": {f"k{row}": 1.0}} for row in range(count)]
        made = 0

        def counted(frame: object, event: str, argument: object) -> None:
            nonlocal made
            made += event in {"call", "c_call"}

        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            infer(rows)
        finally:
            sys.setprofile(before)
        return made

    calls(100)
    assert calls(4000) < 5 * calls(1000)  # 4 times the rows; quadratic would be 16 times the calls


def test_params_must_be_a_dict_with_unique_names() -> None:
    with pytest.raises(SignError, match="params: params of type list; provide a dict of values"):
        infer([1.5], params=[1])  # type: ignore[arg-type]
    with pytest.raises(SignError, match="Duplicated parameters"):
        infer([1.5], params={1: 1, "1": 2})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (pd.DataFrame({"x": pd.period_range("2024-01", periods=1, freq="M")}), "Period"),
        (pd.DataFrame({"x": np.array([1.5], dtype="longdouble")}), "float64"),
        (pd.DataFrame({"x": pd.arrays.SparseArray([0.0, 1.5])}), "to_dense"),
        (pd.DataFrame({"x": [datetime.timedelta(1)]}, dtype=object), "total_seconds"),
        (pd.DataFrame({"x": [(1, 2)]}), "provide a list"),
        ({"x": np.array([]), 3: 1}, "cannot infer a type from an empty array"),
    ],
)
def test_data_without_a_type_gets_a_suggestion(frame: Any, text: str) -> None:
    with pytest.raises(SignError, match=text):
        infer(frame)


def test_at_most_50_problems_are_listed() -> None:
    with pytest.raises(SignError, match=r"60 problems:(?s:.*)\.\.\. and 10 more") as caught:
        infer([{f"c{i}": 1j for i in range(60)}])
    assert len(caught.value.problems) == 60

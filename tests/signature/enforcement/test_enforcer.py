"""The enforcer: kinds of data, extra columns, violations, params, outputs and identity."""

from __future__ import annotations

import datetime
import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import scipy.sparse
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import (
    AnyType,
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

from modelpact.errors import InputsError, OutputsError
from modelpact.signature import Enforcer, Violation, compile, enforce
from modelpact.signature.language.spec import parse
from tests.support.enforcement_cases import is_same
from tests.support.publishing import not_none

D = DataType


def signature(*specs: Any, params: Any = None) -> ModelSignature:
    return ModelSignature(Schema(list(specs)), params=params)


def one(dtype: Any, *, required: bool = True, **options: Any) -> Enforcer:
    return compile(signature(ColSpec(dtype, "x", required=required)), **options)


def error_of(call: Any, *args: Any) -> InputsError:
    with pytest.raises(InputsError) as caught:
        call(*args)
    return caught.value


def codes(error: InputsError) -> list[tuple[str, str, int | None]]:
    return [(failure.code, failure.path, failure.row) for failure in error.failures]


class TestKinds:
    FLAT = compile(signature(ColSpec(D.long, "a"), ColSpec(D.string, "b", required=False)))
    WANTED = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})

    @pytest.mark.parametrize(
        "data",
        [
            pd.DataFrame({"b": ["x", "y"], "a": [1.0, 2.0]}),
            pd.DataFrame({"a": pd.array([1, 2], dtype="Int64"), "b": pd.Categorical(["x", "y"])}),
            pyarrow.table({"a": [1, 2], "b": ["x", "y"]}),
            pyarrow.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"]}),
            polars.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
            polars.DataFrame({"a": [1, 2], "b": ["x", "y"]}).lazy(),
            [{"a": 1, "b": "x"}, {"b": "y", "a": 2}],
            {"a": [1, 2], "b": ["x", "y"]},
            {"a": np.array([1, 2]), "b": ["x", "y"]},
        ],
        ids=[
            "frame",
            "nullable and category",
            "arrow table",
            "record batch",
            "polars",
            "lazy polars",
            "rows",
            "lists",
            "arrays",
        ],
    )
    def test_every_kind_becomes_the_same_frame(self, data: Any) -> None:
        assert is_same(self.FLAT.enforce_inputs(data), self.WANTED)

    def test_a_column_named_0_is_not_lost(self) -> None:
        enforcer = compile(signature(ColSpec(D.string, "name"), ColSpec(D.double, 0)))  # type: ignore[arg-type]
        frame = pd.DataFrame({"name": ["x"], 0: [1]})
        assert is_same(enforcer.enforce_inputs(frame), pd.DataFrame({"name": ["x"], 0: [1.0]}))
        assert codes(error_of(enforcer.enforce_inputs, frame[["name"]])) == [
            ("MISSING_COLUMN", "column 0", None)
        ]

    def test_integers_next_to_nulls_keep_every_digit(self) -> None:
        enforcer = one(D.long, required=False)
        big = 2**53 + 1
        wanted = pd.DataFrame({"x": pd.array([big, None], dtype="Int64")})
        for data in (
            [{"x": big}, {"x": None}],
            pyarrow.table({"x": [big, None]}),
            polars.DataFrame({"x": [big, None]}),
            wanted,
        ):
            assert is_same(enforcer.enforce_inputs(data), wanted)

    @pytest.mark.parametrize(
        "data",
        [None, {1.5}, object(), scipy.sparse.csr_matrix(np.eye(2)), (1, 2)],
        ids=["none", "set", "object", "sparse", "tuple"],
    )
    def test_other_kinds_are_rejected(self, data: Any) -> None:
        assert error_of(one(D.double).enforce_inputs, data).failures[0].code in (
            "WRONG_KIND",
            "MISSING_COLUMN",
        )

    def test_time_zones_become_utc(self) -> None:
        zone = datetime.timezone(datetime.timedelta(hours=2))
        frame = pd.DataFrame({"x": [pd.Timestamp("2024-01-02 03:00", tz=zone)]})
        wanted = pd.DataFrame(
            {"x": pd.Series([pd.Timestamp("2024-01-02 01:00")], dtype="datetime64[ns]")}
        )
        enforcer = one(D.datetime)
        for data in (
            frame,
            [{"x": frame.x[0].to_pydatetime()}],
            [{"x": "2024-01-02T03:00:00+02:00"}],
        ):
            assert is_same(enforcer.enforce_inputs(data), wanted)

    def test_lists_become_tensors_of_their_width(self) -> None:
        enforcer = compile(signature(TensorSpec(np.dtype("float32"), (-1, 2))))
        result = enforcer.enforce_inputs([[0.1, 1], [2, 3]])
        assert is_same(result, np.array([[0.1, 1], [2, 3]], dtype="float32"))
        assert codes(error_of(enforcer.enforce_inputs, [[0.1, "x"]])) == [("WRONG_TYPE", "", None)]
        assert codes(error_of(enforcer.enforce_inputs, [[0.1], [2, 3]])) == [
            ("WRONG_SHAPE", "", None)
        ]
        assert codes(error_of(enforcer.enforce_inputs, np.array([[0.1, 1.0]]))) == [
            ("LOSSY", "", 0)
        ]

    def test_named_tensors(self) -> None:
        enforcer = compile(
            signature(
                TensorSpec(np.dtype("float64"), (-1,), "a"),
                TensorSpec(np.dtype("int64"), (-1, 2), "b"),
            )
        )
        good = {"a": np.array([1.0]), "b": np.array([[1, 2]])}
        assert enforcer.enforce_inputs(good) is good
        assert is_same(enforcer.enforce_inputs({"b": [[1, 2]], "a": [1]}), good)
        assert codes(error_of(enforcer.enforce_inputs, {"aa": good["a"], "b": good["b"]})) == [
            ("MISSING_COLUMN", "a", None)
        ]

    def test_a_list_is_the_rows_of_one_nested_column(self) -> None:
        result = compile(signature(ColSpec(Array(D.double)))).enforce_inputs([[1.0, 2.0], [3]])
        assert result[0].tolist() == [[1.0, 2.0], [3.0]]


class TestPassThrough:
    def test_conforming_data_is_returned_itself(self) -> None:
        frame = pd.DataFrame({"x": [1.0, 2.0]})
        array = np.zeros((2, 3))
        assert one(D.double).enforce_inputs(frame) is frame
        assert compile(signature(TensorSpec(array.dtype, (-1, 3)))).enforce_inputs(array) is array
        nested = pd.DataFrame({"x": [[{"a": 1}], []]})
        assert one(Array(Object([Property("a", D.long)]))).enforce_inputs(nested) is nested

    def test_conforming_cells_are_not_copied(self) -> None:
        rows = [{"x": {"a": [1.0]}}]
        result = one(Object([Property("a", Array(D.double))])).enforce_inputs(rows)
        assert result["x"][0] is rows[0]["x"]

    def test_converted_cells_are_new(self) -> None:
        rows: list[dict[str, Any]] = [{"x": {"a": [1], "b": 2.0}}]
        result = one(
            Object([Property("a", Array(D.double)), Property("b", D.long)])
        ).enforce_inputs(rows)
        assert result["x"][0] == {"a": [1.0], "b": 2}
        assert type(result["x"][0]["a"][0]) is float
        assert rows == [{"x": {"a": [1], "b": 2.0}}]
        assert type(rows[0]["x"]["a"][0]) is int

    def test_mlflow_policy_does_not_write_into_the_callers_dicts(self) -> None:
        cell = {"role": "user", "n": 3}
        one(
            Object([Property("role", D.string), Property("n", D.long)]), policy="mlflow"
        ).enforce_inputs([{"x": cell}])
        assert type(cell["n"]) is int

    def test_a_large_conforming_frame_allocates_nothing(self) -> None:
        frame = pd.DataFrame(np.zeros((200_000, 20)), columns=[f"c{i}" for i in range(20)])
        enforcer = compile(signature(*(ColSpec(D.double, str(name)) for name in frame)))
        enforcer.enforce_inputs(frame)
        tracemalloc.start()
        enforcer.enforce_inputs(frame)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.01 * frame.memory_usage().sum()

    def test_enforcers_are_thread_safe(self) -> None:
        enforcer = one(Array(D.double))
        with ThreadPoolExecutor(4) as pool:
            found = list(
                pool.map(lambda n: len(enforcer.enforce_inputs([{"x": [n]}] * n)), range(1, 60))
            )
        assert found == list(range(1, 60))


class TestExtra:
    SIGNATURE = signature(ColSpec(D.double, "age"), ColSpec(D.string, "notes", required=False))
    FRAME = pd.DataFrame({"age": [1.0], "ntoes": ["x"]})

    def test_ignored(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert compile(self.SIGNATURE).enforce_inputs(self.FRAME).columns.tolist() == ["age"]

    def test_warn_suggests_the_nearest_name(self) -> None:
        with pytest.warns(
            UserWarning, match="column 'ntoes' is not in the signature.*did you mean 'notes'"
        ):
            assert compile(self.SIGNATURE, extra="warn").enforce_inputs(
                self.FRAME
            ).columns.tolist() == ["age"]

    def test_forbid_suggests_the_nearest_name(self) -> None:
        error = error_of(compile(self.SIGNATURE, extra="forbid").enforce_inputs, self.FRAME)
        assert (
            str(error).splitlines()[1]
            == "  ntoes: expected a column of the signature, got an unknown column (did you mean 'notes'?) (EXTRA_COLUMN)"
        )
        assert codes(
            error_of(
                compile(self.SIGNATURE, extra="forbid").enforce_inputs, [{"age": 1, "ntoes": "x"}]
            )
        ) == [("EXTRA_COLUMN", "ntoes", None)]

    def test_missing_suggests_the_nearest_name(self) -> None:
        error = error_of(compile(self.SIGNATURE).enforce_inputs, [{"agee": 1}])
        assert (
            str(error).splitlines()[1]
            == "  age: expected double, got no column (is 'agee' a misspelling?) (MISSING_COLUMN)"
        )

    def test_tensors(self) -> None:
        tensors = signature(TensorSpec(np.dtype("float64"), (-1,), "a"))
        data = {"a": np.zeros(1), "b": np.zeros(1)}
        assert list(compile(tensors).enforce_inputs(data)) == ["a"]
        assert codes(error_of(compile(tensors, extra="forbid").enforce_inputs, data)) == [
            ("EXTRA_COLUMN", "b", None)
        ]
        with pytest.warns(UserWarning, match="tensor 'b'"):
            compile(tensors, extra="warn").enforce_inputs(data)

    def test_unnamed_columns_are_counted(self) -> None:
        unnamed = signature(ColSpec(D.double), ColSpec(D.double))
        assert codes(error_of(compile(unnamed).enforce_inputs, np.zeros((2, 1)))) == [
            ("MISSING_COLUMN", "", None)
        ]
        assert compile(unnamed).enforce_inputs(np.zeros((2, 3))).shape == (2, 2)
        assert codes(
            error_of(compile(unnamed, extra="forbid").enforce_inputs, np.zeros((2, 3)))
        ) == [("EXTRA_COLUMN", "", None)]

    def test_duplicates_are_rejected(self) -> None:
        frame = pd.DataFrame([[1.0, 2.0]], columns=["age", "age"])
        assert codes(error_of(compile(self.SIGNATURE).enforce_inputs, frame)) == [
            ("DUPLICATE_COLUMN", "age", None)
        ]


class TestFailures:
    PEOPLE = compile(
        signature(
            ColSpec(D.integer, "age"),
            ColSpec(
                Object(
                    [Property("name", D.string), Property("tags", Array(D.string), required=False)]
                ),
                "author",
            ),
            ColSpec(Map(D.double), "scores"),
        )
    )

    def test_every_violation_has_row_path_expected_and_actual(self) -> None:
        rows = [
            {"age": 2**40, "author": {"name": "x"}, "scores": {"a": 1}},
            {"age": 1.5, "author": {"name": 3, "tags": ["a", 7]}, "scores": {"a": "b"}},
            {"age": 3, "author": {"nmae": "x"}, "scores": {1: 1.0}},
        ]
        error = error_of(self.PEOPLE.enforce_inputs, rows)
        assert str(error).splitlines() == [
            "the inputs violate the signature in 8 places:",
            "  row 0, age: expected integer, got int 1099511627776 (OUT_OF_RANGE)",
            "  row 1, age: expected integer, got float 1.5 (LOSSY)",
            "  row 1, author.name: expected string, got int 3 (WRONG_TYPE)",
            "  row 1, author.tags[1]: expected string, got int 7 (WRONG_TYPE)",
            "  row 2, author.name: expected string, got nothing (is 'nmae' a misspelling?) (MISSING_PROPERTY)",
            "  row 2, author.nmae: expected a property of the signature, got an unknown property (did you mean 'name'?) (UNKNOWN_PROPERTY)",
            "  row 1, scores.a: expected double, got str 'b' (WRONG_TYPE)",
            "  row 2, scores: expected string keys, got int 1 (WRONG_TYPE)",
        ]
        assert error.total == 8
        assert error.failures[3] == Violation("WRONG_TYPE", "author.tags[1]", 1, "string", "int 7")

    def test_their_number_is_limited_and_counted(self) -> None:
        error = error_of(one(D.long).enforce_inputs, pd.DataFrame({"x": np.arange(1000) + 0.5}))
        assert len(error.failures) == 20
        assert error.total == 1000
        assert str(error).splitlines()[-1] == "  ... and 980 more"
        assert "1,000 places" in str(error)

    @pytest.mark.parametrize(
        "bad",
        [
            "s" * 10_000,
            b"s" * 10_000,
            7**5000,
            ["s" * 10_000] * 3,
            {"s" * 10_000: "s"},
            np.array(["s" * 10_000]),
            np.str_("s" * 10_000),
            object(),
            Exception("s" * 999),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_no_message_repeats_more_than_80_characters_of_data(self, bad: Any) -> None:
        for dtype in (D.double, Array(D.double), Object([Property("a", D.double)]), Map(D.double)):
            for data in (
                [{"x": bad}],
                [{"x": [bad]}],
                [{"x": {"a": bad}}],
                [{"x": {"s" * 500: bad}}],
            ):
                error = error_of(one(dtype).enforce_inputs, data)
                assert all(
                    len(failure.got) <= 80 and len(failure.path) < 80 for failure in error.failures
                )
                assert "s" * 81 not in str(error)

    def test_they_can_be_pickled(self) -> None:
        error = error_of(one(D.long).enforce_inputs, [{"x": "y"}])
        again = pickle.loads(pickle.dumps(error))
        assert again.failures == error.failures
        assert str(again) == str(error)

    def test_rows_of_a_frame_are_positions(self) -> None:
        frame = pd.DataFrame({"x": [1.0, 2.5]}, index=["a", "b"])
        assert codes(error_of(one(D.long).enforce_inputs, frame)) == [("LOSSY", "x", 1)]

    def test_a_wrong_dtype_is_one_failure(self) -> None:
        assert codes(error_of(one(D.long).enforce_inputs, pd.DataFrame({"x": ["1"] * 100}))) == [
            ("WRONG_TYPE", "x", None)
        ]

    def test_mlflow_policy_locates_the_failure(self) -> None:
        error = error_of(one(D.long, policy="mlflow").enforce_inputs, pd.DataFrame({"x": [1.5]}))
        assert [failure.code for failure in error.failures] == ["REFUSED_BY_MLFLOW", "LOSSY"]
        assert len(error.failures[0].got) <= 80


class TestParams:
    SCHEMA = ParamSchema(
        [
            ParamSpec("n", D.integer, 1),
            ParamSpec("t", D.double, 0.5),
            ParamSpec("stop", D.string, ["a"], (-1,)),
            ParamSpec("o", Object([Property("k", D.double)]), {"k": 1.0}),
        ]
    )
    ENFORCER = compile(signature(ColSpec(D.long), params=SCHEMA))

    def test_defaults_are_filled_in_and_not_shared(self) -> None:
        first = self.ENFORCER.enforce_params(None)
        assert first == {"n": 1, "t": 0.5, "stop": ["a"], "o": {"k": 1.0}}
        first["stop"].append("b")
        assert not_none(self.ENFORCER.enforce_params({}))["stop"] == ["a"]

    def test_numpy_values_become_plain_ones(self) -> None:
        found = self.ENFORCER.enforce_params(
            {"n": np.uint8(3), "t": np.float32(0.25), "stop": np.array(["x"]), "o": {"k": 2}}
        )
        assert found == {"n": 3, "t": 0.25, "stop": ["x"], "o": {"k": 2.0}}
        assert [type(found[name]) for name in ("n", "t")] == [int, float]
        assert type(found["stop"][0]) is str

    def test_all_failures_at_once(self) -> None:
        error = error_of(
            self.ENFORCER.enforce_params,
            {"n": 2**40, "t": "x", "stop": ["a", 1], "tt": 1, "o": {"k": "x"}},
        )
        assert codes(error) == [
            ("OUT_OF_RANGE", "n", None),
            ("WRONG_TYPE", "t", None),
            ("WRONG_TYPE", "stop[1]", None),
            ("UNKNOWN_PARAM", "tt", None),
            ("WRONG_TYPE", "o.k", None),
        ]
        assert "the params violate the signature in 5 places" in str(error)
        assert "did you mean 't'" in str(error)

    def test_a_model_without_params_rejects_params(self) -> None:
        enforcer = compile(signature(ColSpec(D.long)))
        assert enforcer.enforce_params(None) is None
        assert enforcer.enforce_params({}) == {}
        assert "the model has no params" in str(error_of(enforcer.enforce_params, {"t": 1}))

    def test_they_must_be_a_dict(self) -> None:
        assert codes(error_of(self.ENFORCER.enforce_params, [1])) == [("WRONG_KIND", "", None)]


class TestOutputs:
    SIGNATURE = ModelSignature(outputs=Schema([ColSpec(D.string)]))

    def test_a_valid_prediction_is_returned_unchanged(self) -> None:
        answer = ["a", "b"]
        assert compile(self.SIGNATURE).enforce_outputs(answer) is answer

    def test_an_invalid_prediction_raises(self) -> None:
        with pytest.raises(
            OutputsError, match=r"in 1 place:\n  row 1, column 0: expected string, got int 3"
        ):
            compile(self.SIGNATURE).enforce_outputs(["a", 3])

    def test_a_side_without_a_schema_accepts_everything(self) -> None:
        value = object()
        assert compile(self.SIGNATURE).enforce_inputs(value) is value


class TestStrict:
    @pytest.mark.parametrize(
        ("dtype", "value", "text"),
        [
            (D.double, 1, "x: expected double, got int 1"),
            (D.long, 1.0, "x: expected long, got float 1.0"),
            (Array(D.double), [1.0, 2], "x[1]: expected double, got int 2"),
            (Array(D.long), (1, 2), "x: expected a list of long values, got tuple of 2 items"),
            (Map(D.double), {"a": 1}, "x.a: expected double, got int 1"),
            (Map(Array(D.double)), {"a": [1]}, "x.a[0]: expected double, got int 1"),
        ],
    )
    def test_nothing_is_converted(self, dtype: Any, value: Any, text: str) -> None:
        error = error_of(one(dtype, policy="strict").enforce_inputs, [{"x": value}])
        assert [str(failure) for failure in error.failures] == [f"row 0, {text} (NEEDS_CONVERSION)"]
        one(dtype).enforce_inputs([{"x": value}])

    def test_exact_data_passes(self) -> None:
        frame = pd.DataFrame({"x": [1.0]})
        assert one(D.double, policy="strict").enforce_inputs(frame) is frame

    def test_tensors(self) -> None:
        enforcer = compile(signature(TensorSpec(np.dtype("float64"), (-1,))), policy="strict")
        assert codes(error_of(enforcer.enforce_inputs, np.array([1]))) == [
            ("NEEDS_CONVERSION", "", None)
        ]
        assert codes(error_of(enforcer.enforce_inputs, [1.0])) == [("NEEDS_CONVERSION", "", None)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"policy": "loose"}, "unknown policy 'loose'"),
        ({"extra": "drop"}, "unknown extra 'drop'"),
        ({"policy": "mlflow", "extra": "forbid"}, "cannot be combined with extra='forbid'"),
    ],
)
def test_wrong_options(options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        compile(signature(ColSpec(AnyType())), **options)


def test_enforce_returns_inputs_and_params() -> None:
    found = enforce(
        signature(ColSpec(D.double, "x"), params=ParamSchema([ParamSpec("k", D.long, 1)])),
        {"x": 1},
        {"k": 2.0},
    )
    assert is_same(found[0], pd.DataFrame({"x": [1.0]}))
    assert found[1] == {"k": 2}


@pytest.mark.parametrize("policy", ["lossless", "strict", "mlflow"])
def test_violations_of_inputs_and_params_are_reported_together(policy: Any) -> None:
    signature = parse({"inputs": {"a": "double"}, "params": {"k": "long = 1"}})
    with pytest.raises(
        InputsError, match=r"the inputs and params violate the signature in [2-9] places"
    ) as raised:
        enforce(signature, [{"a": "x"}], {"k": "much"}, policy=policy)
    assert {"a"} < {failure.path for failure in raised.value.failures}
    assert enforce(signature, [{"a": 1.0}], {"k": 2}, policy=policy)[1] == {"k": 2}


def test_the_error_of_mlflow_is_the_cause() -> None:
    frame = pd.DataFrame({"t": pd.to_datetime(["2026-03-01T09:30+01:00"])})
    with pytest.raises(InputsError) as raised:
        enforce(parse({"inputs": {"t": "datetime"}}), frame, policy="mlflow")
    assert isinstance(raised.value.__cause__, MlflowException)

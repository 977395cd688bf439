"""Scored rows: order, rejects, kinds of models and outputs, and kept columns."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hinted_models import Choices, Days
from modelpact.data import CsvData, DigitsData, InlineData, JsonlData, ParquetData
from modelpact.errors import ConfigError, DataError, InputsError, OutputsError, PredictError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.models.row_objects import call_predict
from modelpact.savers import CustomSaver
from modelpact.signature import parse
from modelpact.signers import TypeHintSigner
from modelpact.tracking import SqliteTracking
from tests.support import served_models
from tests.support.batch_runs import FRAME, ROWS, read_rejects, read_rows, run_batch, write_rows
from tests.support.chat_models import by_text, chat, said
from tests.support.fake_chat_server import ChatServer, status
from tests.support.many_cases import sample_params
from tests.support.model_fixtures import MakeAdapter


def expected(adapter: Adapter) -> Any:
    return adapter.predict(FRAME[["a", "b", "n"]]).prediction


@pytest.mark.parametrize(
    ("given", "out_suffix"),
    sample_params(itertools.product([".csv", ".jsonl", ".parquet"], repeat=2), every=4),
)
def test_predictions_are_in_row_order(table: Adapter, given: str, out_suffix: str) -> None:
    for options in ({}, {"batch_size": 7, "workers": 3}):
        done = run_batch(
            table, write_rows(given), f"out{out_suffix}", keep=("id",), overwrite=True, **options
        )
        assert (done.n_predicted, done.rejects, done.n_rejected, done.n_resumed) == (
            500,
            None,
            0,
            0,
        )
        found = read_rows(f"out{out_suffix}")
        assert [row["id"] for row in found] == FRAME["id"].tolist()
        np.testing.assert_allclose(
            [row["prediction"] for row in found], expected(table), rtol=1e-12
        )
    assert sorted(path.name for path in Path().iterdir()) == sorted(
        [f"in{given}", f"out{out_suffix}"]
    )


@pytest.mark.parametrize("given", [".csv", ".jsonl"])
def test_invalid_rows_are_rejected(table: Adapter, given: str) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS]
    rows[3]["n"] = 2.5
    rows[77]["a"] = "x" * 500
    rows[78]["n"] = "many"
    rows[499]["b"] = "?"
    done = run_batch(
        table, write_rows(given, rows), "out.csv", keep=("id",), on_error="reject", batch_size=50
    )
    assert (done.n_predicted, done.n_rejected, done.rejects) == (496, 4, Path("out.rejects.jsonl"))
    found = read_rejects()
    assert [(one["row"], one["path"], one["expected"]) for one in found] == [
        (3, "n", "long"),
        (77, "a", "double"),
        (78, "n", "long"),
        (499, "b", "double"),
    ]
    assert found[2]["got"] == "str 'many'"
    assert max(len(one["got"]) for one in found) <= 80
    kept = [row["id"] for row in read_rows("out.csv")]
    assert kept == [row["id"] for place, row in enumerate(ROWS) if place not in {3, 77, 78, 499}]


def test_invalid_rows_raise_by_default(table: Adapter) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS]
    rows[177]["n"] = 2.5
    with pytest.raises(
        InputsError,
        match=r"in violates .* of models:/it/1:\n  row 177, n: expected long, got float 2.5",
    ):
        run_batch(table, write_rows(".jsonl", rows), "out.csv", batch_size=500)
    assert sorted(path.name for path in Path().iterdir()) == ["in.jsonl"]


class TestModels:
    def test_named_tensors(self, tensor: Adapter) -> None:
        rows = [{"left": [1.0, row], "right": [2.0, 0.0]} for row in range(5)]
        for given in (".jsonl", ".parquet"):
            run_batch(tensor, write_rows(given, rows), "out.jsonl", overwrite=True, batch_size=2)
            assert [row["prediction"] for row in read_rows("out.jsonl")] == [
                [3.0, float(row)] for row in range(5)
            ]
        rows[2]["left"] = [1.0]
        done = run_batch(tensor, write_rows(".jsonl", rows), "out.parquet", on_error="reject")
        assert (done.n_predicted, read_rejects()[0]["row"]) == (4, 2)
        assert pq.read_table("out.parquet")["prediction"].type == pa.list_(pa.float64())

    def test_an_unnamed_tensor(self, make_adapter: MakeAdapter) -> None:
        images = make_adapter(served_models.flat)
        Path("in.jsonl").write_text("[1, 2]\n[3, 4]\n[5]\n7\n[8, 9]\n")
        done = run_batch(images, "in.jsonl", "out.jsonl", on_error="reject")
        assert [row["prediction"] for row in read_rows("out.jsonl")] == [6.0, 14.0, 34.0]
        assert [one["row"] for one in read_rejects()] == [2, 3]
        Path("in.csv").write_text("x,y\n1,2\n3,4.5\n")
        run_batch(images, "in.csv", "out.csv", overwrite=True)
        assert pd.read_csv("out.csv")["prediction"].tolist() == [6.0, 15.0]
        assert done.n_rejected == 2

    def test_pydantic_objects(self, hinted: Adapter) -> None:
        rows: list[Any] = [{"a": 1.0, "b": row} for row in range(3)]
        run_batch(hinted, write_rows(".jsonl", rows), "out.jsonl")
        assert [row["prediction"] for row in read_rows("out.jsonl")] == [1.0, 2.0, 3.0]

    def test_rows_in_memory(self, table: Adapter, make_adapter: MakeAdapter) -> None:
        rows = InlineData(inputs=ROWS[:20])
        done = run_batch(table, rows, "out.jsonl", keep=("id",), batch_size=3)
        assert done.n_predicted == 20
        assert read_rows("out.jsonl")[19]["id"] == "x19"
        run_batch(make_adapter(served_models.digits), DigitsData(), "out.parquet")
        assert len(pd.read_parquet("out.parquet")) == 1797

    def test_a_failing_model(self, scripted: Adapter) -> None:
        rows = [{"do": "fail here", "n": 1}]
        with pytest.raises(PredictError, match="fail here"):
            run_batch(scripted, write_rows(".jsonl", rows), "out.csv", on_error="reject")
        with pytest.raises(OutputsError):
            run_batch(
                scripted,
                write_rows(".jsonl", [{"do": "lie", "n": 1}]),
                "out.csv",
                on_error="reject",
            )
        assert [path.name for path in Path().iterdir()] == ["in.jsonl"]

    def test_non_finite_predictions(self, scripted: Adapter) -> None:
        run_batch(scripted, write_rows(".jsonl", [{"do": "infinite", "n": 1}] * 3), "out.jsonl")
        assert [row["prediction"] for row in read_rows("out.jsonl")] == [None, None, None]

    def test_a_wrong_number_of_predictions(self, make_adapter: MakeAdapter) -> None:
        with pytest.raises(PredictError, match="1 predictions for 2 rows"):
            run_batch(
                make_adapter(served_models.summing),
                write_rows(".jsonl", [{"a": 1.0}, {"a": 2.0}]),
                "out.jsonl",
            )


class TestColumns:
    @pytest.mark.parametrize("kind", [CsvData, ParquetData])
    def test_a_missing_column(self, table: Adapter, kind: Any) -> None:
        path = write_rows(".csv" if kind is CsvData else ".parquet")
        with pytest.raises(
            DataError, match=r"task\.keep: in does not have a column 'idd' \(did you mean 'id'\?\)"
        ):
            run_batch(table, path, "out.csv", keep=("idd",))
        with pytest.raises(DataError, match=r"data\.columns: in does not have a column"):
            run_batch(table, kind(path=path, columns=["a", "z"]), "out.csv")
        with pytest.raises(
            InputsError, match=r"of models:/it/1:\n  n: expected long, got no column"
        ):
            run_batch(table, kind(path=path, columns=["a", "b"]), "out.csv", on_error="reject")

    def test_a_missing_column_of_a_file_without_a_header(self, table: Adapter) -> None:
        with pytest.raises(InputsError, match="row 0, idd: expected a value to keep"):
            run_batch(table, write_rows(".jsonl"), "out.csv", keep=("idd",))

    def test_extra_columns(self, table: Adapter) -> None:
        path, loader = write_rows(".csv"), CustomLoader(extra="forbid")
        strict = loader.load(str(table.folder))
        with pytest.raises(InputsError, match="id: expected a column of the signature"):
            run_batch(strict, path, "out.csv", loader=loader)
        assert run_batch(strict, path, "out.csv", loader=loader, keep=("id",)).n_predicted == 500

    @pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
    def test_a_kept_column_with_the_name_of_an_output(self, suffix: str, table: Adapter) -> None:
        rows = [{**row, "prediction": 1} for row in ROWS]
        with pytest.raises(ConfigError, match="model also returns a column 'prediction'"):
            run_batch(table, write_rows(suffix, rows), "out.csv", keep=("prediction",))

    def test_a_kept_column_whose_type_changes(self, scripted: Adapter) -> None:
        rows: list[Any] = [
            {"do": "x", "n": 1, "id": 7},
            {"do": "x", "n": 2, "id": 7.5},
            {"do": "x", "n": 3, "id": None},
        ]
        run_batch(scripted, write_rows(".jsonl", rows), "out.parquet", keep=("id",), batch_size=1)
        assert pq.read_table("out.parquet")["id"].to_pylist() == [7.0, 7.5, None]
        rows[2]["id"] = "seven"
        with pytest.raises(DataError, match="incompatible types"):
            run_batch(
                scripted,
                write_rows(".jsonl", rows),
                "out.parquet",
                keep=("id",),
                batch_size=1,
                overwrite=True,
            )

    def test_unknown_params(self, table: Adapter) -> None:
        with pytest.raises(InputsError, match="all rows of in violate"):
            run_batch(table, write_rows(".csv"), "out.csv", params={"x": 1}, on_error="reject")

    def test_jsonl_as_a_data_source(self) -> None:
        write_rows(".jsonl", [{"a": 1, "t": "x"}, {"a": 2, "t": "2020-01-01"}])
        sample = JsonlData(path="in.jsonl", target="a", test_size=0).read()
        assert sample.inputs["t"].tolist() == ["x", "2020-01-01"]
        Path("in.jsonl").write_text("[1]\n")
        with pytest.raises(DataError, match="line 1: expected a JSON object, got list"):
            JsonlData(path="in.jsonl").read()


class TestChat:
    """A chat model with its own `on_error`, and rows that break the contract."""

    ROWS = ("one", "two", "three", "four")

    def post(self, server: ChatServer, **settings: Any) -> Adapter:
        """A chat model whose rows may fail."""
        signature = parse(
            {
                "inputs": {"messages": [{"role": "string", "content": "string"}]},
                "outputs": {"response?": "string", "error?": "string"},
                "params": {"temperature": "double = 1.0"},
            }
        )
        model = chat(server, max_retries=0, **settings)
        with SqliteTracking().open():
            info = CustomSaver(pip_requirements=["openai"]).save(
                model, signature, [served_models.HELLO]
            )
            return CustomLoader().load(info.model_uri)

    def rows(self) -> str:
        messages: list[Any] = [
            {"messages": [{"role": "user", "content": text}]} for text in self.ROWS
        ]
        messages.insert(2, {"messages": "three"})
        return write_rows(".jsonl", messages)

    def test_failed_rows_have_an_error_and_invalid_rows_are_rejected(self) -> None:
        with ChatServer(by_text({"two": status(400)})) as server:
            model = self.post(server, on_error="row")
            done = run_batch(
                model, self.rows(), "out.jsonl", on_error="reject", params={"temperature": 0.5}
            )
            assert {one.body["temperature"] for one in server.requests} == {0.5}
        assert (done.n_predicted, done.n_rejected) == (4, 1)
        assert read_rejects()[0]["row"] == 2
        found = read_rows("out.jsonl")
        assert [row["response"] for row in found] == ["one", None, "three", "four"]
        assert found[0]["error"] is None
        assert "400" in found[1]["error"]

    def test_on_error_raise_is_resumed_after_the_finished_parts(self) -> None:
        with ChatServer(by_text({"three": status(400)})) as server:
            model = self.post(server)
            with pytest.raises(PredictError, match="3 parts are done"):
                run_batch(model, self.rows(), "out.jsonl", on_error="reject", batch_size=1)
            assert sorted(said(one) for one in server.requests) == ["one", "three", "two"]


def test_outputs_without_rows_have_columns(scripted: Adapter) -> None:
    Path("in.csv").write_text("do,n,id\nx,many,7\n")
    for out in ("out.csv", "out.parquet", "out.jsonl"):
        done = run_batch(scripted, "in.csv", out, on_error="reject", keep=("id",), overwrite=True)
        assert (done.n_predicted, done.n_rejected) == (0, 1)
    assert Path("out.csv").read_text() == '"id","prediction"\n'
    assert pq.read_schema("out.parquet").names == ["id", "prediction"]
    assert Path("out.jsonl").read_text() == ""


@pytest.mark.parametrize("batch_size", [1, 3, 200])
def test_rows_that_a_type_hint_forbids_are_rejected_one_by_one(batch_size: int) -> None:
    rows: list[dict[str, Any]] = [{"c": "r", "mode": "fast", "member": "r"} for _ in range(100)]
    for row in rows[1::2]:
        row["mode"] = "middling"
    rows[0] |= {"c": 1}
    model = Choices()
    signature = TypeHintSigner().sign([rows[2]], ["g"], model=model)
    with SqliteTracking().open():
        info = CustomSaver(pip_requirements=["pydantic"]).save(model, signature, [rows[2]])
        adapter = CustomLoader().load(info.model_uri)
    source = write_rows(".jsonl", rows)
    done = run_batch(adapter, source, "out.jsonl", on_error="reject", batch_size=batch_size)
    assert (done.n_predicted, done.n_rejected) == (49, 51)
    rejects = read_rejects()
    assert [one["row"] for one in rejects] == [0, *range(1, 100, 2)]
    assert {one["code"] for one in rejects[1:]} == {"TYPE_HINT"}
    with pytest.raises(InputsError, match=r"row 1, column 0\.mode: expected 'fast' or 'slow'"):
        run_batch(
            adapter,
            write_rows(".jsonl", rows[2:3] + rows[1:]),
            "raised.jsonl",
            batch_size=batch_size,
        )


def test_dates_in_predicted_objects() -> None:
    rows = [{"day": "2020-02-28", "at": "2020-01-01T10:00:00"}]
    model = Days()
    with SqliteTracking().open():
        saver = CustomSaver(pip_requirements=["pydantic"])
        outputs = call_predict(model, rows)
        signature = TypeHintSigner().sign(rows, outputs, model=model)
        adapter = CustomLoader().load(saver.save(model, signature, rows).model_uri)
    run_batch(adapter, write_rows(".jsonl", rows), "out.jsonl")
    assert read_rows("out.jsonl") == [
        {"prediction": {"at": "2020-01-01T10:00:00", "day": "2020-02-29T00:00:00"}}
    ]

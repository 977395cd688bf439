"""Parquet files: their types, nulls, and row groups of any size."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelpact.errors import DataError, InputsError, PredictError
from modelpact.loaders import Adapter, CustomLoader
from tests.support.batch_runs import FRAME, read_rejects, read_rows, run_batch
from tests.support.many_cases import sample_params


class TestParquet:
    def test_parquet_types(self, table: Adapter) -> None:
        columns = {
            "a": pa.array([1.0, None, 3.0]),
            "b": pa.array([1, 2, 3], pa.int32()),
            "n": pa.array([1, 2, 3], pa.uint8()),
            "text": pa.array(["x", "y", None], pa.large_string()),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "cost": pa.array(
                [decimal.Decimal("1.50"), None, decimal.Decimal("2.25")], pa.decimal128(8, 2)
            ),
            "at": pa.array(
                [datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)] * 3,
                pa.timestamp("us", "Europe/Vienna"),
            ),
            "deep": pa.array([{"x": [1]}, None, {"x": []}]),
            "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        }
        pq.write_table(pa.table(columns), "in.parquet")
        keep = ("text", "kind", "cost", "at", "deep", "map")
        with pytest.raises(PredictError, match="failed"):  # Ridge rejects NaN
            run_batch(table, "in.parquet", "out.parquet", keep=keep)
        pq.write_table(pa.table({**columns, "a": pa.array([1.0, 2.0, 3.0])}), "in.parquet")
        for out in ("out.parquet", "out.csv", "out.jsonl"):
            assert run_batch(table, "in.parquet", out, keep=keep, overwrite=True).n_predicted == 3
        found = pq.read_table("out.parquet").drop_columns("prediction")
        assert found.to_pylist() == pa.table({name: columns[name] for name in keep}).to_pylist()
        assert read_rows("out.jsonl")[0] | {"prediction": 0} == {
            "text": "x",
            "kind": "x",
            "cost": "1.50",
            "at": "2020-01-02T01:00:00+01:00",
            "deep": {"x": [1]},
            "map": {"k": 1},
            "prediction": 0,
        }

    def test_nested_parquet_types(self, nested: Adapter) -> None:
        person = pa.table(
            {
                "name": pa.array(["Anne", "Bob"]).dictionary_encode(),
                "tags": pa.array([["a"], []], pa.large_list(pa.large_string())),
                "scores": pa.array([[("x", 1.5)], []], pa.map_(pa.string(), pa.float64())),
                "home": pa.array([{"city": "Graz", "zip": 8010}, {"city": "Wien", "zip": None}]),
                "born": pa.array(
                    [datetime.datetime(2000, 1, 2, tzinfo=datetime.UTC), None],
                    pa.timestamp("ms", "UTC"),
                ),
                "lucky": pa.array([[3, 7], None], pa.list_(pa.int32())),
            }
        )
        pq.write_table(person, "in.parquet")
        run_batch(nested, "in.parquet", "out.jsonl", params={"factor": 2.0})
        assert read_rows("out.jsonl") == [
            {"name": "Anne", "total": 3.0, "tags": ["a"], "scores": {"x": 1.5}, "city": "Graz"},
            {"name": "Bob", "total": 0.0, "tags": [], "scores": {}, "city": "Wien"},
        ]
        run_batch(nested, "in.parquet", "out.parquet")
        assert pq.read_schema("out.parquet").field("scores").type == pa.map_(
            pa.string(), pa.float64()
        )
        run_batch(nested, "in.parquet", "out.csv")
        assert pd.read_csv("out.csv")["scores"].tolist() == ['{"x": 1.5}', "{}"]

    def test_integers_next_to_nulls_stay_integers(self, scripted: Adapter) -> None:
        pq.write_table(
            pa.table({"do": ["x"] * 3, "n": pa.array([2**53 + 1, None, 3])}), "in.parquet"
        )
        done = run_batch(scripted, "in.parquet", "out.jsonl", on_error="reject")
        assert [(one["row"], one["code"]) for one in read_rejects()] == [(1, "NULL")]
        assert done.n_predicted == 2

    def test_the_index_of_a_frame_is_not_an_input(self, scripted: Adapter) -> None:
        frame = pd.DataFrame({"do": ["x"], "n": [1]}, index=pd.Index([7], name="id"))
        frame.to_parquet("in.parquet")
        loader = CustomLoader(extra="forbid")
        run_batch(scripted, "in.parquet", "out.jsonl", loader=loader, keep=("id",))
        assert read_rows("out.jsonl") == [{"id": 7, "prediction": 1.0}]

    def test_a_column_of_the_wrong_type_raises(self, scripted: Adapter) -> None:
        pq.write_table(pa.table({"do": ["x"] * 3, "n": ["1", "2", "3"]}), "in.parquet")
        with pytest.raises(
            InputsError, match=r"of models:/it/1:\n  n: expected long, got dtype str"
        ):
            run_batch(scripted, "in.parquet", "out.jsonl", on_error="reject")

    @pytest.mark.parametrize(
        "sizes",
        sample_params([[1] * 20, [5], [100, 1, 1, 50], [10, 10, 1000], [3, 400]], every=3),
    )
    def test_row_groups_of_any_size(self, scripted: Adapter, sizes: list[int]) -> None:
        schema = pa.schema([("do", pa.string()), ("n", pa.int64())])
        begin = 0
        with pq.ParquetWriter("in.parquet", schema) as writer:
            for size in sizes:
                writer.write_table(
                    pa.table({"do": ["x"] * size, "n": range(begin, begin + size)}, schema)
                )
                begin += size
        for batch, workers in ((3, 1), (3, 2), (16, 1), (1000, 1)):
            run_batch(
                scripted,
                "in.parquet",
                "out.jsonl",
                batch_size=batch,
                workers=workers,
                overwrite=True,
            )
            assert [row["prediction"] for row in read_rows("out.jsonl")] == list(range(begin))

    def test_no_rows(self, scripted: Adapter) -> None:
        FRAME.head(0).to_parquet("in.parquet")
        with pytest.raises(DataError, match="no rows"):
            run_batch(scripted, "in.parquet", "out.jsonl")

    def test_not_a_parquet_file(self, scripted: Adapter) -> None:
        Path("in.parquet").write_text("do,n\n")
        with pytest.raises(DataError, match="must be a Parquet file"):
            run_batch(scripted, "in.parquet", "out.jsonl")

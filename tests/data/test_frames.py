"""Frames without loss: integers next to missing values, in JSON, Parquet and inline data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelpact.data import InlineData, JsonlData, ParquetData
from modelpact.data.frames import relax_nullable, values_to_column
from modelpact.errors import DataError

BIG = 2**53 + 1


def write_lines(*rows: Any) -> None:
    Path("in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, BIG], "int64"),
        ([BIG, None], "Int64"),
        ([1, None], "Int64"),
        ([1, 2.5], "float64"),
        ([True, None], "object"),
        (["a", None], "str"),
        ([{"a": BIG}, None], "object"),
        ([None, None], "object"),
    ],
    ids=str,
)
def test_values_keep_their_digits(values: list[Any], dtype: str) -> None:
    column = values_to_column(values, "a")
    assert column.dtype == dtype
    assert [None if null else value for value, null in zip(column, column.isna(), strict=True)] == (
        values
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [([2**63, 1], "over 64 bits"), ([2**64, None], "over 64 bits"), ([BIG, 0.5], "decimal")],
)
def test_integers_without_a_type_are_an_error(values: list[Any], reason: str) -> None:
    with pytest.raises(DataError, match=f"column 'id': the integer {values[0]} .*{reason}"):
        values_to_column(values, "id")


def test_records_of_json_lines_have_the_keys_of_their_lines() -> None:
    rows = [{"i": BIG, "t": "a", "y": 1}, {"i": None, "y": 2}, {"d": {"k": BIG}, "y": 3}]
    write_lines(*rows)
    data = JsonlData(path="in.jsonl", form="records", target="y", test_size=0)
    sample = data.read()
    assert sample.inputs == [{"i": BIG, "t": "a"}, {"i": None}, {"d": {"k": BIG}}]
    assert sample.targets.tolist() == [1, 2, 3]
    chosen = data.model_copy(update={"columns": ["t", "i"]}).read().inputs
    assert chosen == [{"t": "a", "i": BIG}, {"i": None}, {}]


def test_a_frame_of_json_lines_has_a_column_per_key() -> None:
    write_lines({"i": BIG, "t": "a"}, {"i": None}, {"d": {"k": BIG}})
    frame = JsonlData(path="in.jsonl", test_size=0).read().inputs
    assert frame["i"].tolist() == [BIG, pd.NA, pd.NA]
    assert frame["d"][2] == {"k": BIG}
    assert frame["t"].isna().tolist() == [False, True, True]


def test_parquet_integers_keep_their_digits_at_every_depth() -> None:
    table = pa.table(
        {
            "big": pa.array([BIG, None]),
            "small": pa.array([1, None], pa.int8()),
            "struct": pa.array([{"x": BIG}, {"x": None}]),
            "items": pa.array([[BIG, None], None]),
        }
    )
    pq.write_table(table, "in.parquet")
    frame = ParquetData(path="in.parquet", test_size=0).read().inputs
    assert frame["big"].tolist() == [BIG, pd.NA]
    assert frame["small"].dtype == "float64"
    assert frame["struct"].tolist() == [{"x": BIG}, {"x": None}]
    assert frame["items"][0] == [BIG, None]
    rows = ParquetData(path="in.parquet", form="records", test_size=0).read().inputs
    assert rows == table.to_pylist()


def test_the_index_of_a_parquet_file_is_not_an_input() -> None:
    pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="id")).to_parquet("in.parquet")
    assert list(ParquetData(path="in.parquet").read().inputs) == ["a"]
    chosen = ParquetData(path="in.parquet", columns=["id", "a"]).read().inputs
    assert list(chosen) == ["id", "a"]


def test_inline_rows_keep_their_digits() -> None:
    frame = InlineData(inputs=[{"i": BIG}, {"i": None}, {"b": 1}]).read().inputs
    assert frame["i"].tolist() == [BIG, pd.NA, pd.NA]


def test_nullable_columns_that_lose_nothing_are_relaxed() -> None:
    assert relax_nullable(pd.Series([1, 2], dtype="Int64")).dtype == "Int64"
    assert relax_nullable(pd.Series([1, None], dtype="Int64")).dtype == "float64"
    assert relax_nullable(pd.Series([True, None], dtype="boolean")).dtype == "object"
    assert relax_nullable(pd.Series([1.5, None], dtype="Float64")).dtype == "Float64"

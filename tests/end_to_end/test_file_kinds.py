"""Every kind of columns in every kind of file: one contract, and the same values everywhere."""

from __future__ import annotations

import collections
import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import jsonschema
import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from kind_models import Echo
from modelpact import publish
from modelpact.batch import Batch
from modelpact.data import CsvData, DataSource, InlineData, JsonlData, ParquetData
from modelpact.datatypes import to_json
from modelpact.errors import PactError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.savers import CustomSaver
from modelpact.serving import create_app
from modelpact.serving.encoding import encode_request
from modelpact.signature import to_json_schema
from tests.support.many_cases import check_all_cases, sample_params
from tests.support.publishing import steps
from tests.support.stored_examples import invoke_both_servers

REFUSED_AT = {"read", "predict", "sign"}
"""The stages at which columns may be refused; nothing is saved before."""

WHEN = datetime.datetime(2024, 5, 6, 7, 8, 9)

# Plain MLflow rejects null in a column of integers.
NOT_IN_PLAIN_MLFLOW = {"integers and nulls", "large integers and nulls"}

COLUMNS: dict[str, pa.Array] = {
    "integers": pa.array([1, 2, 3]),
    "integers and nulls": pa.array([1, None, 3]),
    "large integers and nulls": pa.array([2**53 + 1, None, 3]),
    "small integers": pa.array([1, 2, 3], pa.int8()),
    "unsigned": pa.array([1, 2, 3], pa.uint32()),
    "large unsigned": pa.array([2**63, 2, 3], pa.uint64()),
    "floats": pa.array([0.1, 2.0, 3.0]),
    "floats and nulls": pa.array([0.1, None, 3.0]),
    "single precision": pa.array([0.1, 2.0, 3.0], pa.float32()),
    "half precision": pa.array([0.5, 2.0, 3.0], pa.float16()),
    "booleans": pa.array([True, False, True]),
    "booleans and nulls": pa.array([True, None, True]),
    "texts": pa.array(["x", 'y, "z"\nw', " ä "]),
    "texts and nulls": pa.array(["x", None, "z"]),
    "empty texts": pa.array(["x", "", "z"]),
    "zip codes": pa.array(["01234", "8010", "0000"]),
    "large texts": pa.array(["x", "y", "z"], pa.large_string()),
    "views": pa.array(["x", "y", "z"], pa.string_view()),
    "categories": pa.array(["x", "y", "x"]).dictionary_encode(),
    "datetimes": pa.array([WHEN] * 3, pa.timestamp("us")),
    "datetimes and nulls": pa.array([WHEN, None, WHEN], pa.timestamp("ns")),
    "datetimes with a zone": pa.array([WHEN] * 3, pa.timestamp("us", tz="Europe/Vienna")),
    "dates": pa.array([WHEN.date()] * 3),
    "times": pa.array([WHEN.time()] * 3),
    "durations": pa.array([datetime.timedelta(seconds=5)] * 3),
    "decimals": pa.array([Decimal("1.50")] * 3),
    "bytes": pa.array([b"x", b"\xff", b""]),
    "lists": pa.array([[1.5], [1.0, 2.0], []]),
    "lists and nulls": pa.array([[1.5], None, [1.0, None]]),
    "fixed lists": pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float64(), 2)),
    "structs": pa.array([{"x": 1, "y": "a"}, {"x": 2, "y": "b"}, {"x": 3, "y": "c"}]),
    "structs and nulls": pa.array([{"x": 1, "y": "a"}, {"x": 2, "y": None}, {"x": 3}]),
    "nested": pa.array([[{"x": [1.5]}], [], [{"x": []}, {"x": [2.0]}]]),
    "maps": pa.array([[("k", 1.5)], [("l", 2.0)], []], pa.map_(pa.string(), pa.float64())),
    "nulls": pa.nulls(3),
}
"""Columns of three rows."""


def _write_csv(path: Path, column: pa.Array) -> DataSource:
    pd.DataFrame({"n": [1.5, 2.5, 3.5], "c": column.to_pylist()}).to_csv(path, index=False)
    return CsvData(path=str(path), test_size=0)


def _write_parquet(path: Path, column: pa.Array) -> DataSource:
    pq.write_table(pa.table({"n": [1.5, 2.5, 3.5], "c": column}), path)
    return ParquetData(path=str(path), test_size=0)


def _write_parquet_of_records(path: Path, column: pa.Array) -> DataSource:
    pq.write_table(pa.table({"n": [1.5, 2.5, 3.5], "c": column}), path)
    return ParquetData(path=str(path), form="records", test_size=0)


def _rows(column: pa.Array) -> list[dict[str, Any]]:
    cells = column.to_pylist()
    if pa.types.is_map(column.type):
        cells = [dict(cell) for cell in cells]
    return [{"n": n + 1.5, "c": to_json(cell)} for n, cell in enumerate(cells)]


def _write_jsonl(
    path: Path, column: pa.Array, form: Literal["frame", "records"] = "frame"
) -> DataSource:
    path.write_text("".join(json.dumps(row) + "\n" for row in _rows(column)))
    return JsonlData(path=str(path), form=form, test_size=0)


def _write_records(path: Path, column: pa.Array) -> DataSource:
    return _write_jsonl(path, column, "records")


def _inline(path: Path, column: pa.Array) -> DataSource:
    return InlineData(inputs=_rows(column), test_size=0)


SOURCES: dict[str, Callable[[Path, pa.Array], DataSource]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "parquet records": _write_parquet_of_records,
    "jsonl": _write_jsonl,
    "records": _write_records,
    "inline": _inline,
}
"""Data sources by name."""


def check_everywhere(adapter: Adapter, source: DataSource, kind: str) -> None:
    """Check that Python, plain MLflow, both servers and a batch give the same predictions."""
    inputs = source.read().inputs
    expected = adapter.predict(inputs).prediction
    if kind not in NOT_IN_PLAIN_MLFLOW:
        assert mlflow.pyfunc.load_model(adapter.uri).predict(inputs) == expected
    schema = adapter.signature.inputs
    body = encode_request(inputs, schema=schema)
    jsonschema.validate(body["inputs"], to_json_schema(adapter.signature)["properties"]["inputs"])
    with TestClient(create_app(adapter)) as server:
        response = server.post("/predict", json=body)
        assert response.status_code == 200, response.text
        assert response.json()["prediction"] == expected
        ours, theirs = invoke_both_servers(adapter, server)
    # In a list of records, MLflow's server does not decode base64.
    if kind != "bytes" or not isinstance(inputs, list):
        assert ours == theirs
    if isinstance(source, InlineData):
        return
    out = Path(f"{kind.replace(' ', '-')}.jsonl")
    Batch(source, adapter, CustomLoader(), adapter.uri, out, overwrite=True).run()
    lines = [json.loads(line)["prediction"] for line in out.read_text().splitlines()]
    assert lines == expected


def check_cell(kind: str, source: str, counts: collections.Counter[str]) -> None:
    """Publish one kind of columns from one kind of source, and check the result."""
    name = f"{kind}-{source}".replace(" ", "-")
    data = SOURCES[source](Path(f"{name}.{source}"), COLUMNS[kind])
    parts = steps(
        data=data, model=Echo(), saver=CustomSaver(pip_requirements=["pandas"]), name=name
    )
    refusal: PactError | None = None
    try:
        publish(**parts)
    except PactError as error:
        refusal = error
    if refusal is not None:
        stage = "" if refusal.receipt is None else str(refusal.receipt.stage)
        assert stage in REFUSED_AT, str(refusal)
        counts[f"refused at {stage}"] += 1
        return
    counts["published"] += 1
    uri = f"models:/{name}/1"
    check_everywhere(CustomLoader().load(uri), data, kind)


@pytest.mark.slow
@pytest.mark.parametrize("source", sample_params(SOURCES, every=3))
def test_every_kind_of_columns(source: str) -> None:
    counts: collections.Counter[str] = collections.Counter()
    check_all_cases(lambda kind: check_cell(kind, source, counts), {kind: kind for kind in COLUMNS})
    print(f"{len(COLUMNS)} cells: {dict(counts)}")  # noqa: T201

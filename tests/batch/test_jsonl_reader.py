"""JSON lines: malformed rows, missing columns, and the same values as Arrow."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kind_models import Verbatim
from modelpact.errors import DataError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.savers import CustomSaver
from modelpact.signature import parse
from modelpact.tracking import SqliteTracking
from tests.support.batch_runs import read_rejects, read_rows, run_batch


class TestJsonLines:
    def test_malformed_lines(self, scripted: Adapter) -> None:
        lines = [
            b'{"do": "x", "n": 1}',
            b"{",
            b"[1]",
            b"",
            b'{"do": "x"}',
            b'{"do": "x", "n": 2, "more": 1}',
            b'{"do": "\xff", "n": 1}',
            b'{"do": "\\ud800", "n": 1}',
            b'{"do": "x", "n": NaN}',
            b'{"do": "x", "n": 3.0}',
            b'{"do": null, "n": 3}',
            b'{"do": "x", "n": ' + b"[" * 100_000,
            b'{"do": "x", "n": 99999999999999999999}',
        ]
        Path("in.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
        done = run_batch(scripted, "in.jsonl", "out.jsonl", on_error="reject")
        assert [row["prediction"] for row in read_rows("out.jsonl")] == [1.0, 2.0, 3.0]
        assert [(one["row"], one["code"]) for one in read_rejects()] == [
            (1, "MALFORMED"),
            (2, "MALFORMED"),
            (3, "MISSING_COLUMN"),
            (5, "MALFORMED"),
            (6, "MALFORMED"),
            (7, "MALFORMED"),
            (9, "NULL"),
            (10, "MALFORMED"),
            (11, "OUT_OF_RANGE"),
        ]
        assert done.n_rejected == 9

    def test_each_row_is_checked_separately(self, scripted: Adapter) -> None:
        Path("in.jsonl").write_text('{"n": 1}\n' * 3)
        done = run_batch(scripted, "in.jsonl", "out.parquet", on_error="reject", batch_size=2)
        assert (done.n_predicted, done.n_rejected) == (0, 3)
        assert pq.read_schema("out.parquet").names == ["prediction"]
        assert pq.read_schema("out.parquet").field("prediction").type == pa.float64()

    def test_arrow_reads_the_same_values_as_python(self, table: Adapter) -> None:
        from modelpact.batch.jsonl_reader import _read_with_arrow

        types = {"a": "double", "n": "int64"}
        frame = _read_with_arrow(b'{"a": 1, "n": 2, "x": [1]}\n{"a": 1.5, "n": 3}\n', types, 2)
        assert frame is not None
        assert frame.to_dict("list") == {
            "a": [1.0, 1.5],
            "n": [2, 3],
        }
        for doubtful in (
            '{"a": NaN, "n": 1}',
            '{"a": 9007199254740993, "n": 1}',
            '{"a": 1}',
            '{"a": "1", "n": 1}',
            "[]",
            "{",
        ):
            assert _read_with_arrow(doubtful.encode(), types, 1) is None, doubtful

    def test_lines_end_with_a_line_feed(self, nested: Adapter) -> None:
        person: dict[str, Any] = {
            "name": "x",
            "born": None,
            "tags": [],
            "home": {"city": "y"},
            "scores": {},
        }
        assert nested.predict([person]).prediction is not None
        lines = [
            json.dumps({**person, "scores": {"a\u2028b": "1"}}),
            "\r",
            "\r\r",
            json.dumps(person),
        ]
        Path("in.jsonl").write_bytes("\n".join(lines).encode())
        done = run_batch(nested, "in.jsonl", "out.jsonl", on_error="reject")
        assert (done.n_predicted, done.n_rejected) == (1, 2)
        found = [
            json.loads(line)
            for line in Path("out.rejects.jsonl").read_text(encoding="utf-8").split("\n")
            if line
        ]
        assert [(one["row"], one["path"]) for one in found] == [(0, "scores.a\u2028b"), (1, "")]

    def test_an_empty_file(self, scripted: Adapter) -> None:
        Path("in.jsonl").write_text("\n\n")
        with pytest.raises(DataError, match="no rows"):
            run_batch(scripted, "in.jsonl", "out.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize(("batch_size", "processes"), [(1, 0), (2, 0), (100, 1)])
def test_models_of_records_get_the_keys_of_each_line(batch_size: int, processes: int) -> None:
    lines = [
        {"a": 1, "b": "x", "o": {"k": 1}},
        {"a": 2, "b": None, "o": {"k": 1, "n": None}},
        {"a": 3, "o": {"k": 1, "n": 2}},
        {"a": "wrong", "o": {"k": 1}},
        {"a": 4, "o": {"k": 1}},
    ]
    signature = parse(
        {
            "inputs": {"a": "long", "b?": "string", "o": {"k": "long", "n?": "long"}},
            "outputs": ["string"],
        }
    )
    with SqliteTracking().open():
        saver = CustomSaver(pip_requirements=["numpy"])
        info = saver.save(Verbatim(), signature, copy.deepcopy(lines[:3]), form="records")
        adapter = CustomLoader().load(info.model_uri)
    Path("in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    options: dict[str, Any] = {"batch_size": batch_size, "processes": processes}
    done = run_batch(adapter, "in.jsonl", "out.jsonl", on_error="reject", **options)
    assert done.n_rejected == 1
    found = [json.loads(row["prediction"]) for row in read_rows("out.jsonl")]
    assert found == [*lines[:3], lines[4]]

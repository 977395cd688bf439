"""Files in and out: the formats, what is kept, what is set aside."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelpact.data import CsvData, DigitsData, InlineData, JsonlData, ParquetData
from modelpact.errors import ConfigError, DataError, InputsError, OutputsError, PredictError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.savers import CustomSaver
from modelpact.signature import parse
from modelpact.tracking import SqliteTracking
from tests.support import served_models
from tests.support.batch_runs import run_batch
from tests.support.chat_models import by_text, chat, said
from tests.support.fake_chat_server import ChatServer, status

ROWS = [{"id": f"x{row}", "a": row / 2, "b": 1.5 * row, "n": row} for row in range(500)]
FRAME = pd.DataFrame(ROWS)


def written(suffix: str, rows: Any = ROWS) -> str:
    path = f"in{suffix}"
    if suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path, row_group_size=70)
    else:
        Path(path).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def read(path: str | Path) -> list[dict[str, Any]]:
    path = Path(path)
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    return frame.to_dict("records")


def rejects(path: str = "out.rejects.jsonl") -> list[dict[str, Any]]:
    return read(path)


def expected(adapter: Adapter) -> Any:
    return adapter.predict(FRAME[["a", "b", "n"]]).prediction


@pytest.mark.parametrize("given", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("asked", [".csv", ".jsonl", ".parquet"])
def test_each_row_gets_its_answer_in_order(table: Adapter, given: str, asked: str) -> None:
    for options in ({}, {"batch_size": 7, "workers": 3}):
        done = run_batch(
            table, written(given), f"out{asked}", keep=("id",), overwrite=True, **options
        )
        assert (done.n_predicted, done.rejects, done.n_rejected, done.n_resumed) == (
            500,
            None,
            0,
            0,
        )
        found = read(f"out{asked}")
        assert [row["id"] for row in found] == FRAME["id"].tolist()
        np.testing.assert_allclose(
            [row["prediction"] for row in found], expected(table), rtol=1e-12
        )
    assert sorted(path.name for path in Path().iterdir()) == sorted([f"in{given}", f"out{asked}"])


@pytest.mark.parametrize("given", [".csv", ".jsonl"])
def test_rows_that_break_the_contract_are_set_aside(table: Adapter, given: str) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS]
    rows[3]["n"] = 2.5
    rows[77]["a"] = "x" * 500
    rows[78]["n"] = "many"
    rows[499]["b"] = "?"
    done = run_batch(
        table, written(given, rows), "out.csv", keep=("id",), on_error="reject", batch_size=50
    )
    assert (done.n_predicted, done.n_rejected, done.rejects) == (496, 4, Path("out.rejects.jsonl"))
    found = rejects()
    assert [(one["row"], one["path"], one["expected"]) for one in found] == [
        (3, "n", "long"),
        (77, "a", "double"),
        (78, "n", "long"),
        (499, "b", "double"),
    ]
    assert found[2]["got"] == "str 'many'"
    assert max(len(one["got"]) for one in found) <= 80
    kept = [row["id"] for row in read("out.csv")]
    assert kept == [row["id"] for place, row in enumerate(ROWS) if place not in {3, 77, 78, 499}]


def test_they_end_it_unless_asked_otherwise(table: Adapter) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS]
    rows[177]["n"] = 2.5
    with pytest.raises(
        InputsError,
        match=r"in violates .* of models:/it/1:\n  row 177, n: expected long, got float 2.5",
    ):
        run_batch(table, written(".jsonl", rows), "out.csv", batch_size=500)
    assert sorted(path.name for path in Path().iterdir()) == ["in.jsonl"]


class TestCsv:
    def test_texts_mean_what_the_contract_says(self, nested: Adapter, scripted: Adapter) -> None:
        Path("in.csv").write_text("do,n\n007,1\n12.50,2\ntrue,3\n")
        done = run_batch(scripted, "in.csv", "out.jsonl", keep=("do", "n"))
        assert done.n_predicted == 3
        assert read("out.jsonl") == [
            {"do": "007", "n": 1, "prediction": 1.0},
            {"do": "12.50", "n": 2, "prediction": 2.0},
            {"do": "true", "n": 3, "prediction": 3.0},
        ]

    def test_lines_that_are_no_rows(self, scripted: Adapter) -> None:
        Path("in.csv").write_bytes(
            b'do,n\r\nx,1\r\n\r\nx\r\n"a\r\nb, ""c""",2\r\nx,3,3\r\n"\xff",4\r\n5" pipe,5\r\nx,0x10\r\nx, 6\r\nx,+7\r\n,8'
        )
        for batch in (1, 2, 100):
            done = run_batch(
                scripted,
                "in.csv",
                "out.jsonl",
                keep=("do",),
                on_error="reject",
                batch_size=batch,
                overwrite=True,
            )
            assert [(row["do"], row["prediction"]) for row in read("out.jsonl")] == [
                ("x", 1.0),
                ('a\r\nb, "c"', 2.0),
                ('5" pipe', 5.0),
                ("x", 6.0),
                ("x", 7.0),
            ]
            assert done.n_rejected == 5
            assert [
                (one["row"], one["code"], one["expected"], one["got"]) for one in rejects()
            ] == [
                (1, "MALFORMED", "2 cells", "1"),
                (3, "MALFORMED", "2 cells", "3"),
                (4, "MALFORMED", "UTF-8 text", "invalid bytes"),
                (6, "WRONG_TYPE", "long", "str '0x10'"),
                (9, "NULL", "string", "null"),
            ]
        with pytest.raises(InputsError, match="row 1: expected 2 cells, got 1"):
            run_batch(scripted, "in.csv", "out.jsonl", overwrite=True)

    def test_nested_values_have_no_place_in_it(self, nested: Adapter) -> None:
        Path("in.csv").write_text('name,tags,scores,home\nAnne,"[""a""]",{},{}\n')
        with pytest.raises(InputsError, match="row 0, tags: expected"):
            run_batch(nested, "in.csv", "out.csv")

    @pytest.mark.parametrize("separator", [";", "\t", r"\t", "|"])
    def test_other_separators_and_a_byte_order_mark(
        self, scripted: Adapter, separator: str
    ) -> None:
        character = "\t" if separator == r"\t" else separator
        Path("in.csv").write_bytes(
            b"\xef\xbb\xbf" + 'do;n\n"a;b";1\n"c\nd";2\n'.replace(";", character).encode()
        )
        done = run_batch(
            scripted, CsvData(path="in.csv", separator=separator), "out.csv", batch_size=1
        )
        assert done.n_predicted == 2

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b"\n\n", "is empty"),
            (b"do,n\n", "has no rows"),
            (b"do,n\n\n\r\n\n", "has no rows"),
            (b"do,do\n1,2\n", "duplicate column: 'do'"),
            (b'do,n\n"never closed,1\nx,2\n', "is not closed"),
            (b"\xff\xfe\x00", "cannot be read"),
        ],
    )
    def test_files_that_are_no_tables(self, scripted: Adapter, content: bytes, said: str) -> None:
        Path("in.csv").write_bytes(content)
        with pytest.raises(DataError, match=said):
            run_batch(scripted, "in.csv", "out.csv", on_error="reject")
        assert [path.name for path in Path().iterdir()] == ["in.csv"]

    def test_a_quote_that_is_never_closed_does_not_fill_the_memory(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("modelpact.batch.records.BLOCK_BYTES", 1000)
        monkeypatch.setattr("modelpact.batch.records.MAX_RECORD_BYTES", 10_000)
        Path("in.csv").write_text('do,n\n"x,1\n' + "x,1\n" * 10_000)
        with pytest.raises(DataError, match=r"byte 5 is longer than 10,000 bytes(.|\n)*not closed"):
            run_batch(scripted, "in.csv", "out.csv")

    def test_blocks_and_parts_of_any_size_are_the_same_rows(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rng = np.random.default_rng(0)
        texts = ["plain", 'with "quotes"', "two\nlines", "a,b", "", 'the "end"\n\n"here"', "\r\n"]
        rows = [{"do": "x" + texts[rng.integers(len(texts))], "n": row} for row in range(300)]
        written(".csv", rows)
        for block in (7, 64, 1000):
            monkeypatch.setattr("modelpact.batch.records.BLOCK_BYTES", block)
            monkeypatch.setattr("modelpact.batch.records.MAX_PART_BYTES", 3 * block)
            done = run_batch(
                scripted, "in.csv", "out.jsonl", keep=("do",), overwrite=True, batch_size=11
            )
            assert done.n_predicted == 300
            assert [(row["do"], row["prediction"]) for row in read("out.jsonl")] == [
                (row["do"], row["n"]) for row in rows
            ]

    def test_white_space_is_no_separator(self, scripted: Adapter) -> None:
        written(".csv")
        with pytest.raises(DataError, match=r"data\.separator"):
            run_batch(scripted, CsvData(path="in.csv", separator=r"\s+"), "out.csv")


class TestJsonLines:
    def test_lines_that_are_no_rows(self, scripted: Adapter) -> None:
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
        assert [row["prediction"] for row in read("out.jsonl")] == [1.0, 2.0, 3.0]
        assert [(one["row"], one["code"]) for one in rejects()] == [
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

    def test_every_row_is_judged_by_itself(self, scripted: Adapter) -> None:
        Path("in.jsonl").write_text('{"n": 1}\n' * 3)
        done = run_batch(scripted, "in.jsonl", "out.parquet", on_error="reject", batch_size=2)
        assert (done.n_predicted, done.n_rejected) == (0, 3)
        assert pq.read_schema("out.parquet").names == ["prediction"]
        assert pq.read_schema("out.parquet").field("prediction").type == pa.float64()

    def test_arrow_reads_them_as_python_does(self, table: Adapter) -> None:
        from modelpact.batch.jsonl_reader import _read_with_arrow

        types = {"a": "double", "n": "int64"}
        assert _read_with_arrow(
            b'{"a": 1, "n": 2, "x": [1]}\n{"a": 1.5, "n": 3}\n', types, 2
        ).to_dict("list") == {
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

    def test_a_line_is_what_a_line_feed_ends(self, nested: Adapter) -> None:
        person = {"name": "x", "born": None, "tags": [], "home": {"city": "y"}, "scores": {}}
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

    def test_empty(self, scripted: Adapter) -> None:
        Path("in.jsonl").write_text("\n\n")
        with pytest.raises(DataError, match="no rows"):
            run_batch(scripted, "in.jsonl", "out.jsonl")


class TestParquet:
    def test_types_of_its_own(self, table: Adapter) -> None:
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
        with pytest.raises(PredictError, match="failed"):  # Ridge takes no NaN
            run_batch(table, "in.parquet", "out.parquet", keep=keep)
        pq.write_table(pa.table({**columns, "a": pa.array([1.0, 2.0, 3.0])}), "in.parquet")
        for out in ("out.parquet", "out.csv", "out.jsonl"):
            assert run_batch(table, "in.parquet", out, keep=keep, overwrite=True).n_predicted == 3
        found = pq.read_table("out.parquet").drop_columns("prediction")
        assert found.to_pylist() == pa.table({name: columns[name] for name in keep}).to_pylist()
        assert read("out.jsonl")[0] | {"prediction": 0} == {
            "text": "x",
            "kind": "x",
            "cost": "1.50",
            "at": "2020-01-02T01:00:00+01:00",
            "deep": {"x": [1]},
            "map": {"k": 1},
            "prediction": 0,
        }

    def test_inputs_of_types_of_its_own(self, nested: Adapter) -> None:
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
        assert read("out.jsonl") == [
            {"name": "Anne", "total": 3.0, "tags": ["a"], "scores": {"x": 1.5}, "city": "Graz"},
            {"name": "Bob", "total": 0.0, "tags": [], "scores": {}, "city": "Wien"},
        ]
        run_batch(nested, "in.parquet", "out.parquet")
        assert pq.read_schema("out.parquet").field("scores").type == pa.map_(
            pa.string(), pa.float64()
        )
        run_batch(nested, "in.parquet", "out.csv")
        assert pd.read_csv("out.csv")["scores"].tolist() == ['{"x": 1.5}', "{}"]

    def test_integers_beside_nulls_stay_integers(self, scripted: Adapter) -> None:
        pq.write_table(
            pa.table({"do": ["x"] * 3, "n": pa.array([2**53 + 1, None, 3])}), "in.parquet"
        )
        done = run_batch(scripted, "in.parquet", "out.jsonl", on_error="reject")
        assert [(one["row"], one["code"]) for one in rejects()] == [(1, "NULL")]
        assert done.n_predicted == 2

    def test_a_column_of_another_type_is_no_rows_fault(self, scripted: Adapter) -> None:
        pq.write_table(pa.table({"do": ["x"] * 3, "n": ["1", "2", "3"]}), "in.parquet")
        with pytest.raises(
            InputsError, match=r"of models:/it/1:\n  n: expected long, got dtype str"
        ):
            run_batch(scripted, "in.parquet", "out.jsonl", on_error="reject")

    @pytest.mark.parametrize("sizes", [[5], [1] * 20, [100, 1, 1, 50], [10, 10, 1000], [3, 400]])
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
            assert [row["prediction"] for row in read("out.jsonl")] == list(range(begin))

    def test_no_rows(self, scripted: Adapter) -> None:
        FRAME.head(0).to_parquet("in.parquet")
        with pytest.raises(DataError, match="no rows"):
            run_batch(scripted, "in.parquet", "out.jsonl")

    def test_no_parquet(self, scripted: Adapter) -> None:
        Path("in.parquet").write_text("do,n\n")
        with pytest.raises(DataError, match="must be a Parquet file"):
            run_batch(scripted, "in.parquet", "out.jsonl")


class TestModels:
    def test_named_tensors(self, tensor: Adapter) -> None:
        rows = [{"left": [1.0, row], "right": [2.0, 0.0]} for row in range(5)]
        for given in (".jsonl", ".parquet"):
            run_batch(tensor, written(given, rows), "out.jsonl", overwrite=True, batch_size=2)
            assert [row["prediction"] for row in read("out.jsonl")] == [
                [3.0, float(row)] for row in range(5)
            ]
        rows[2]["left"] = [1.0]
        done = run_batch(tensor, written(".jsonl", rows), "out.parquet", on_error="reject")
        assert (done.n_predicted, rejects()[0]["row"]) == (4, 2)
        assert pq.read_table("out.parquet")["prediction"].type == pa.list_(pa.float64())

    def test_one_tensor_without_a_name(self, make_adapter: Any) -> None:
        images = make_adapter(served_models.flat)
        Path("in.jsonl").write_text("[1, 2]\n[3, 4]\n[5]\n7\n[8, 9]\n")
        done = run_batch(images, "in.jsonl", "out.jsonl", on_error="reject")
        assert [row["prediction"] for row in read("out.jsonl")] == [6.0, 14.0, 34.0]
        assert [one["row"] for one in rejects()] == [2, 3]
        Path("in.csv").write_text("x,y\n1,2\n3,4.5\n")
        run_batch(images, "in.csv", "out.csv", overwrite=True)
        assert pd.read_csv("out.csv")["prediction"].tolist() == [6.0, 15.0]
        assert done.n_rejected == 2

    def test_pydantic_objects(self, hinted: Adapter) -> None:
        rows: list[Any] = [{"a": 1.0, "b": row} for row in range(3)]
        run_batch(hinted, written(".jsonl", rows), "out.jsonl")
        assert [row["prediction"] for row in read("out.jsonl")] == [1.0, 2.0, 3.0]

    def test_rows_in_memory(self, table: Adapter, make_adapter: Any) -> None:
        rows = InlineData(inputs=ROWS[:20])
        done = run_batch(table, rows, "out.jsonl", keep=("id",), batch_size=3)
        assert done.n_predicted == 20
        assert read("out.jsonl")[19]["id"] == "x19"
        run_batch(make_adapter(served_models.digits), DigitsData(), "out.parquet")
        assert len(pd.read_parquet("out.parquet")) == 1797

    def test_a_model_that_fails(self, scripted: Adapter) -> None:
        rows = [{"do": "fail here", "n": 1}]
        with pytest.raises(PredictError, match="fail here"):
            run_batch(scripted, written(".jsonl", rows), "out.csv", on_error="reject")
        with pytest.raises(OutputsError):
            run_batch(
                scripted, written(".jsonl", [{"do": "lie", "n": 1}]), "out.csv", on_error="reject"
            )
        assert [path.name for path in Path().iterdir()] == ["in.jsonl"]

    def test_what_is_no_number_of_json(self, scripted: Adapter) -> None:
        run_batch(scripted, written(".jsonl", [{"do": "infinite", "n": 1}] * 3), "out.jsonl")
        assert [row["prediction"] for row in read("out.jsonl")] == [None, None, None]

    def test_answers_that_are_not_one_a_row(self, make_adapter: Any) -> None:
        with pytest.raises(PredictError, match="1 predictions for 2 rows"):
            run_batch(
                make_adapter(served_models.summing),
                written(".jsonl", [{"a": 1.0}, {"a": 2.0}]),
                "out.jsonl",
            )


class TestColumns:
    @pytest.mark.parametrize("kind", [CsvData, ParquetData])
    def test_a_column_that_is_not_there(self, table: Adapter, kind: Any) -> None:
        path = written(".csv" if kind is CsvData else ".parquet")
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

    def test_of_a_file_without_a_header_it_is_each_row(self, table: Adapter) -> None:
        with pytest.raises(InputsError, match="row 0, idd: expected a value to keep"):
            run_batch(table, written(".jsonl"), "out.csv", keep=("idd",))

    def test_extra_columns(self, table: Adapter) -> None:
        path, loader = written(".csv"), CustomLoader(extra="forbid")
        strict = loader.load(str(table.folder))
        with pytest.raises(InputsError, match="id: expected a column of the signature"):
            run_batch(strict, path, "out.csv", loader=loader)
        assert run_batch(strict, path, "out.csv", loader=loader, keep=("id",)).n_predicted == 500

    @pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
    def test_a_name_that_the_model_answers_with(self, suffix: str, table: Adapter) -> None:
        rows = [{**row, "prediction": 1} for row in ROWS]
        with pytest.raises(ConfigError, match="model also returns a column 'prediction'"):
            run_batch(table, written(suffix, rows), "out.csv", keep=("prediction",))

    def test_a_kept_column_whose_type_changes(self, scripted: Adapter) -> None:
        rows: list[Any] = [
            {"do": "x", "n": 1, "id": 7},
            {"do": "x", "n": 2, "id": 7.5},
            {"do": "x", "n": 3, "id": None},
        ]
        run_batch(scripted, written(".jsonl", rows), "out.parquet", keep=("id",), batch_size=1)
        assert pq.read_table("out.parquet")["id"].to_pylist() == [7.0, 7.5, None]
        rows[2]["id"] = "seven"
        with pytest.raises(DataError, match="incompatible types"):
            run_batch(
                scripted,
                written(".jsonl", rows),
                "out.parquet",
                keep=("id",),
                batch_size=1,
                overwrite=True,
            )

    def test_unknown_params(self, table: Adapter) -> None:
        with pytest.raises(InputsError, match="all rows of in violate"):
            run_batch(table, written(".csv"), "out.csv", params={"x": 1}, on_error="reject")

    def test_jsonl_as_a_source_of_its_own(self) -> None:
        written(".jsonl", [{"a": 1, "t": "x"}, {"a": 2, "t": "2020-01-01"}])
        sample = JsonlData(path="in.jsonl", target="a", test_size=0).read()
        assert sample.inputs["t"].tolist() == ["x", "2020-01-01"]
        Path("in.jsonl").write_text("[1]\n")
        with pytest.raises(DataError, match="not a JSON object"):
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
        return written(".jsonl", messages)

    def test_a_row_that_fails_has_its_error_and_one_that_is_none_is_set_aside(self) -> None:
        with ChatServer(by_text({"two": status(400)})) as server:
            model = self.post(server, on_error="row")
            done = run_batch(
                model, self.rows(), "out.jsonl", on_error="reject", params={"temperature": 0.5}
            )
            assert {one.body["temperature"] for one in server.requests} == {0.5}
        assert (done.n_predicted, done.n_rejected) == (4, 1)
        assert rejects()[0]["row"] == 2
        found = read("out.jsonl")
        assert [row["response"] for row in found] == ["one", None, "three", "four"]
        assert found[0]["error"] is None
        assert "400" in found[1]["error"]

    def test_with_its_own_on_error_of_raise_it_goes_on_from_there(self) -> None:
        with ChatServer(by_text({"three": status(400)})) as server:
            model = self.post(server)
            with pytest.raises(PredictError, match="3 parts are done"):
                run_batch(model, self.rows(), "out.jsonl", on_error="reject", batch_size=1)
            assert sorted(said(one) for one in server.requests) == ["one", "three", "two"]


def test_where_no_row_is_left_the_columns_are_there(scripted: Adapter) -> None:
    Path("in.csv").write_text("do,n,id\nx,many,7\n")
    for out in ("out.csv", "out.parquet", "out.jsonl"):
        done = run_batch(scripted, "in.csv", out, on_error="reject", keep=("id",), overwrite=True)
        assert (done.n_predicted, done.n_rejected) == (0, 1)
    assert Path("out.csv").read_text() == '"id","prediction"\n'
    assert pq.read_schema("out.parquet").names == ["id", "prediction"]
    assert Path("out.jsonl").read_text() == ""

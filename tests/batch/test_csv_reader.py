"""CSV files: malformed rows, separators, headers, and parts of any size."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelpact.data import CsvData
from modelpact.data.csv_columns import column_kinds, convert_column
from modelpact.errors import DataError, InputsError
from modelpact.loaders import Adapter
from modelpact.signature import parse
from tests.support.batch_runs import read_rejects, read_rows, run_batch, write_rows


class TestCsv:
    def test_values_are_parsed_by_the_contract(self, nested: Adapter, scripted: Adapter) -> None:
        Path("in.csv").write_text("do,n\n007,1\n12.50,2\ntrue,3\n")
        done = run_batch(scripted, "in.csv", "out.jsonl", keep=("do", "n"))
        assert done.n_predicted == 3
        assert read_rows("out.jsonl") == [
            {"do": "007", "n": 1, "prediction": 1.0},
            {"do": "12.50", "n": 2, "prediction": 2.0},
            {"do": "true", "n": 3, "prediction": 3.0},
        ]

    def test_malformed_lines(self, scripted: Adapter) -> None:
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
            assert [(row["do"], row["prediction"]) for row in read_rows("out.jsonl")] == [
                ("x", 1.0),
                ('a\r\nb, "c"', 2.0),
                ('5" pipe', 5.0),
                ("x", 6.0),
                ("x", 7.0),
            ]
            assert done.n_rejected == 5
            assert [
                (one["row"], one["code"], one["expected"], one["got"]) for one in read_rejects()
            ] == [
                (1, "MALFORMED", "2 cells", "1"),
                (3, "MALFORMED", "2 cells", "3"),
                (4, "MALFORMED", "UTF-8 text", "invalid bytes"),
                (6, "WRONG_TYPE", "long", "str '0x10'"),
                (9, "NULL", "string", "null"),
            ]
        with pytest.raises(InputsError, match="row 1: expected 2 cells, got 1"):
            run_batch(scripted, "in.csv", "out.jsonl", overwrite=True)

    def test_nested_values_are_rejected(self, nested: Adapter) -> None:
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
        ("content", "message"),
        [
            (b"", "is empty"),
            (b"\n\n", "is empty"),
            (b"do,n\n", "has no rows"),
            (b"do,n\n\n\r\n\n", "has no rows"),
            (b"do,do\n1,2\n", "line 1: two columns are named 'do'"),
            (b'do,n\n"never closed,1\nx,2\n', "is not closed"),
            (b"\xff\xfe\x00", "data.encoding"),
        ],
    )
    def test_files_that_are_not_tables(
        self, scripted: Adapter, content: bytes, message: str
    ) -> None:
        Path("in.csv").write_bytes(content)
        with pytest.raises(DataError, match=message):
            run_batch(scripted, "in.csv", "out.csv", on_error="reject")
        assert [path.name for path in Path().iterdir()] == ["in.csv"]

    def test_an_unclosed_quote_is_rejected_early(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("modelpact.data.records.BLOCK_BYTES", 1000)
        monkeypatch.setattr("modelpact.data.records.MAX_RECORD_BYTES", 10_000)
        Path("in.csv").write_text('do,n\n"x,1\n' + "x,1\n" * 10_000)
        with pytest.raises(
            DataError, match=r"line 2: the record is longer than 10,000 bytes(.|\n)*not closed"
        ):
            run_batch(scripted, "in.csv", "out.csv")

    def test_blocks_and_parts_of_any_size_have_the_same_rows(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rng = np.random.default_rng(0)
        texts = ["plain", 'with "quotes"', "two\nlines", "a,b", "", 'the "end"\n\n"here"', "\r\n"]
        rows = [{"do": "x" + texts[rng.integers(len(texts))], "n": row} for row in range(300)]
        write_rows(".csv", rows)
        for block in (7, 64, 1000):
            monkeypatch.setattr("modelpact.data.records.BLOCK_BYTES", block)
            monkeypatch.setattr("modelpact.data.records.MAX_PART_BYTES", 3 * block)
            done = run_batch(
                scripted, "in.csv", "out.jsonl", keep=("do",), overwrite=True, batch_size=11
            )
            assert done.n_predicted == 300
            assert [(row["do"], row["prediction"]) for row in read_rows("out.jsonl")] == [
                (row["do"], row["n"]) for row in rows
            ]

    def test_a_missing_column_ends_the_batch_even_if_no_row_can_be_parsed(
        self, scripted: Adapter
    ) -> None:
        for text, hint in (("# x\ndo,n\nx,1\n", "data.comment"), ("do;n\nx;1,5\n", "data.decimal")):
            Path("in.csv").write_text(text)
            with pytest.raises(InputsError, match=r"n: expected long, .*MISSING_COLUMN") as caught:
                run_batch(scripted, "in.csv", "out.csv", on_error="reject")
            assert hint in caught.value.remedy

    def test_batches_read_the_same_dialects_as_data_sources(self, scripted: Adapter) -> None:
        text = "# x\ndo;n;at\n'Ä;\n7';1.000;1\n007;NIX;2\n"
        Path("in.csv").write_bytes(gzip.compress(text.encode("latin-1")))
        data = CsvData(
            path="in.csv",
            separator=";",
            quote="'",
            comment="#",
            encoding="latin-1",
            decimal=",",
            thousands=".",
            na_values=["NIX"],
        )
        run_batch(scripted, data, "out.jsonl", keep=("do",), on_error="reject")
        assert read_rows("out.jsonl") == [{"do": "Ä;\n7", "prediction": 1000.0}]
        assert [(one["row"], one["code"]) for one in read_rejects()] == [(1, "NULL")]

    def test_every_digit_of_an_integer_is_kept_next_to_malformed_cells(
        self, scripted: Adapter
    ) -> None:
        Path("in.csv").write_text(f"do,n\nx,{2**53 + 1}\nx,y\n")
        done = run_batch(scripted, "in.csv", "out.jsonl", keep=("n",), on_error="reject")
        assert done.n_predicted == 1
        assert read_rows("out.jsonl")[0]["n"] == 2**53 + 1

    def test_cells_can_be_separated_by_white_space(self, scripted: Adapter) -> None:
        Path("in.csv").write_text('do   n\n "a b"  1\nx\t2\n')
        run_batch(scripted, CsvData(path="in.csv", separator=r"\s+"), "out.jsonl", keep=("do",))
        assert [(row["do"], row["prediction"]) for row in read_rows("out.jsonl")] == [
            ("a b", 1.0),
            ("x", 2.0),
        ]


@pytest.mark.parametrize(
    ("texts", "dtype"), [(["0.1", None, "-3"], "float32"), (["0.1", "1e300"], "float64")]
)
def test_columns_of_float_have_32_bits_unless_a_number_is_too_large(
    texts: list[str | None], dtype: str
) -> None:
    kinds = column_kinds(parse({"inputs": {"x": "float"}}), ["x"])
    column = convert_column(pa.chunked_array([texts]), kinds["x"])
    assert column.dtype == dtype

"""CSV files as strangers write them: types, separators, encodings, and malformed rows."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from modelpact.data import CsvData
from modelpact.errors import DataError

BIG = 2**53 + 1


def read(content: str | bytes, name: str = "in.csv", **options: Any) -> pd.DataFrame:
    """Return the inputs that are read from a file."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    inputs: pd.DataFrame = CsvData(path=name, test_size=0, **options).read().inputs
    return inputs


def columns(content: str | bytes, name: str = "in.csv", **options: Any) -> dict[str, list[Any]]:
    frame = read(content, name, **options)
    return {str(column): frame[column].astype(object).tolist() for column in frame}


def fails(content: str | bytes, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        read(content, **options)
    return caught.value


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        ((1, BIG), "int64", [1, BIG]),
        ((BIG, ""), "Int64", [BIG, None]),
        ((2**53, ""), "float64", [2.0**53, None]),
        ((" 6", "+7"), "int64", [6, 7]),
        ((1.5, ""), "float64", [1.5, None]),
        (("007", "12"), "str", ["007", "12"]),
        (("0", "-0", "0.5"), "float64", [0.0, 0.0, 0.5]),
        (("+43660123456", "+1555123"), "str", ["+43660123456", "+1555123"]),
        (("12345678901234567890", "1"), "str", ["12345678901234567890", "1"]),
        (("0x10", "1"), "str", ["0x10", "1"]),
        (("true", "False"), "bool", [True, False]),
        (("true", ""), "object", [True, None]),
        (("NA", "null"), "float64", [None, None]),
        (("2020-01-02", "x"), "str", ["2020-01-02", "x"]),
    ],
    ids=str,
)
def test_a_column_has_the_type_that_fits_every_cell(
    cells: tuple[Any, ...], dtype: str, values: list[Any]
) -> None:
    text = "".join(f"{cell},1\n" for cell in cells)
    column = read(f"a,b\n{text}")["a"]
    assert column.dtype == dtype
    assert [
        None if null else value for value, null in zip(column, column.isna(), strict=True)
    ] == values


def test_integers_that_a_double_cannot_hold_are_an_error() -> None:
    error = fails(f"a,b\n{BIG},1\n1.5,2\n")
    assert error.message.startswith(f"in.csv, column 'a': the integer {BIG} stands next to")
    assert "data.types={a: string}" in error.remedy
    assert columns(f"a,b\n{BIG},1\n1.5,2\n", types={"a": "string"})["a"] == [str(BIG), "1.5"]
    assert columns(f"a,b\n{BIG},1\n1.5,2\n", types={"a": "double"})["a"] == [float(BIG), 1.5]


def test_types_decide_how_cells_are_read() -> None:
    text = "zip,sent,due,n,ok\n8010,2020-01-02T03:00:00Z,31.12.2020,007,true\n1,,,,\n"
    types = {"zip": "string", "sent": "datetime", "due": "datetime %d.%m.%Y", "n": "long"}
    frame = read(text, types={**types, "ok": "boolean"})
    assert [str(dtype).partition("[")[0] for dtype in frame.dtypes] == [
        "str",
        "datetime64",
        "datetime64",
        "Int64",
        "boolean",
    ]
    assert frame.iloc[0].tolist() == [
        "8010",
        pd.Timestamp("2020-01-02 03:00"),
        pd.Timestamp("2020-12-31"),
        7,
        True,
    ]


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("long", "2.5"), ("double", "x"), ("boolean", "2"), ("datetime", "31.12.2020")],
)
def test_a_cell_without_its_type_is_named_with_the_line(kind: str, cell: str) -> None:
    error = fails(f'a,b\n"x\ny",\n\nz,{cell}\n', types={"b": kind})
    assert error.message == f"in.csv, line 5: column 'b': {cell!r} is not a {kind}"
    assert (error.line, error.column) == (5, "b")


def test_types_of_unknown_columns_and_unknown_types_are_rejected() -> None:
    assert "given in data.types (did you mean 'zip'?)" in str(
        fails("zip\n1\n", types={"zpi": "string"})
    )
    with pytest.raises(ValidationError, match="unknown type 'text' of column 'a'"):
        CsvData(path="in.csv", types={"a": "text"})
    with pytest.raises(ValidationError, match="unknown encoding 'utf-9'"):
        CsvData(path="in.csv", encoding="utf-9")


def test_decimal_commas_and_thousands() -> None:
    text = "a;b;c\n1.234,5;1.000;1.5\n2;12;01.02.2020\n"
    found = columns(text, separator=";", decimal=",", thousands=".")
    assert found == {"a": [1234.5, 2.0], "b": [1000, 12], "c": ["1.5", "01.02.2020"]}
    assert columns("a,b\n1'000,x\n", thousands="'")["a"] == [1000]


def test_markers_of_missing_values() -> None:
    text = "country,n\nNA,-999\nAT,5\n,\n"
    assert columns(text, keep_default_na=False)["country"][:2] == ["NA", "AT"]
    assert read(text, keep_default_na=False)["country"].isna().tolist() == [False, False, True]
    assert read(text, na_values=[-999])["n"].isna().tolist() == [True, False, True]


def test_comments_are_skipped_except_in_quotes() -> None:
    text = '# by a tool\na,b\n# more\n"x\n# y",1\n#\nz,2\n'
    assert columns(text, comment="#") == {"a": ["x\n# y", "z"], "b": [1, 2]}
    assert fails(text + "z,2,3\n", comment="#").line == 8


def test_quotes_can_be_other_characters_or_text() -> None:
    assert columns("a,b\n'x,\ny',1\n", quote="'") == {"a": ["x,\ny"], "b": [1]}
    assert columns('a,b\n"x,1\n', quote=None) == {"a": ['"x'], "b": [1]}
    error = fails('a,b\n1,2\n"1,2\n')
    assert error.message == "in.csv, line 3: a quote is not closed"


TEXT = "name,n\nÄnne,1\n"


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (TEXT.encode("utf-8-sig"), {}),
        (TEXT.encode("utf-16"), {}),
        (TEXT.encode("utf-16-be"), {"encoding": "utf-16-be"}),
        (TEXT.encode("latin-1"), {"encoding": "latin-1"}),
        (gzip.compress(TEXT.encode()), {}),
        (gzip.compress(TEXT.encode("cp1252")), {"encoding": "cp1252"}),
        (bz2.compress(TEXT.encode()), {}),
        (lzma.compress(TEXT.encode()), {}),
        (pa.compress(TEXT.encode(), "zstd", asbytes=True), {}),
        (TEXT.replace("\n", "\r\n").encode(), {}),
        (TEXT.replace("\n", "\r").encode(), {}),
    ],
    ids=[
        "BOM",
        "UTF-16",
        "UTF-16-BE",
        "Latin-1",
        "gz",
        "gz cp1252",
        "bz2",
        "xz",
        "zst",
        "CRLF",
        "CR",
    ],
)
def test_encodings_and_compression(content: bytes, options: dict[str, Any]) -> None:
    assert columns(content, **options) == {"name": ["Änne"], "n": [1]}


def test_a_model_is_named_without_the_suffix_of_the_compression() -> None:
    assert CsvData(path="some/houses.csv.gz").name == "houses"


@pytest.mark.parametrize(
    ("content", "message", "remedy"),
    [
        (b"a,b\n1,2\n1,2,3\n1\n", "line 3: expected 2 cells, got 3 (2 such rows)", "quoted"),
        (b'a,b\n"1\n2",2\n\n1\n', "line 5: expected 2 cells, got 1", "an empty cell"),
        (b"a,b\n1,2,\n3,4,\n", "line 2: expected 2 cells, got 3 (2 such rows)", "at the ends"),
        (b"a,b,\n1,2,\n", "line 1: column 3 does not have a name", "at the ends of the lines"),
        (b",a\n0,1\n", "line 1: column 1 does not have a name", "index=False"),
        (b"\n\na,b,a\n1,2,3\n", "line 3: two columns are named 'a'", "data.columns"),
        (b"# x\na,b\n1,2\n", "line 2: expected 1 cells, got 2 (2 such rows)", "data.comment=\"#\""),
        (b"a;b\n1,5;2,5\n", "the header has one column, 'a;b'", """'data.separator=";"' 'data.decimal=","'"""),
        (b"a;b\n3;64,5\n", "the header has one column, 'a;b'", 'data.decimal=","'),
        (b"a\tb\n1\t2\n", "the header has one column", r"\t"),
        (b"sep=;\na;b\n1;2\n", "the header has one column", """'data.comment="sep="'"""),
        ("a,b\n1,x\n2,Ä\n".encode("latin-1"), "line 3: column 'b', expected UTF-8", "latin-1"),
        ("a,Ä\n1,x\n".encode("latin-1"), "cannot be read", "data.encoding"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "cannot be read: Compressed file ended", "complete"),
        (b"\n\n\n", "in.csv is empty", "header"),
        (b"a,b\n", "in.csv has no rows", "row"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_one_error_with_the_line(
    content: bytes, message: str, remedy: str
) -> None:
    error = fails(content)
    assert message in error.message
    assert remedy in error.remedy


def test_a_wrong_encoding_is_named() -> None:
    assert "is not text in utf-16" in fails(b"abc", encoding="utf-16").message


def test_other_columns_may_have_any_name() -> None:
    assert columns(",a,b,b\n0,1,2,3\n", columns=["a"]) == {"a": [1]}


def test_records_have_python_values() -> None:
    Path("in.csv").write_text(f"i,x,ok,t\n{BIG},1.5,true,a\n,,,\n")
    rows = CsvData(path="in.csv", form="records", test_size=0).read().inputs
    assert rows == [
        {"i": BIG, "x": 1.5, "ok": True, "t": "a"},
        {"i": None, "x": None, "ok": None, "t": None},
    ]
    assert type(rows[0]["i"]) is int


def test_rows_without_a_target_are_an_error_or_left_out() -> None:
    text = "a,y\n1,2\n2,\n3,4\n4,\n"
    error = fails(text, target="y")
    assert "'y' has no value in 2 of 4 rows, first in row 1" in error.message
    assert "data.drop_missing_targets=true" in error.remedy
    sample = CsvData(path="in.csv", target="y", test_size=0, drop_missing_targets=True).read()
    assert sample.targets.tolist() == [2, 4]
    assert sample.targets.dtype == "int64"
    assert sample.inputs["a"].tolist() == [1, 3]
    assert "in 1 of 1 rows" in fails("a,y\n1,\n", target="y", drop_missing_targets=True).message

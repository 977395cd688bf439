from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from modelpact.data import CsvData, JsonlData, ParquetData
from modelpact.errors import DataError

FRAME = pd.DataFrame(
    {"age": [30, 40, 50], "name": ["ann", "bob", "cid"], "height": [1.5, 1.75, None]}
)


@pytest.fixture
def table() -> str:
    """A CSV file."""
    FRAME.to_csv("people.csv", index=False)
    return "people.csv"


def data_error(read: Callable[[], object]) -> DataError:
    with pytest.raises(DataError) as caught:
        read()
    return caught.value


@pytest.mark.parametrize("kind", [CsvData, ParquetData])
def test_a_file_is_read_as_it_was_written(kind: Any) -> None:
    FRAME.to_csv("people", index=False) if kind is CsvData else FRAME.to_parquet("people")
    sample = kind(path="people").read()
    pd.testing.assert_frame_equal(sample.inputs, FRAME)
    assert sample.targets is None


def test_the_target_is_not_an_input(table: str) -> None:
    sample = CsvData(path=table, target="age", test_size=0).read()
    assert list(sample.inputs.columns) == ["name", "height"]
    assert sample.targets.tolist() == [30, 40, 50]


def test_columns_are_inputs_in_the_order_given(table: str) -> None:
    assert list(CsvData(path=table, columns=["height", "age"]).read().inputs.columns) == [
        "height",
        "age",
    ]


def test_records_are_dicts(table: str) -> None:
    assert CsvData(path=table, columns=["age", "name"], form="records").read().inputs[0] == {
        "age": 30,
        "name": "ann",
    }


@pytest.mark.parametrize(
    ("separator", "text"),
    [(";", "a;b\n1;2\n"), ("\t", "a\tb\n1\t2\n"), (r"\t", "a\tb\n1\t2\n"), (r"\s+", "a  b\n1 2\n")],
)
def test_the_separator_can_be_any_character_or_white_space(separator: str, text: str) -> None:
    Path("table.csv").write_text(text)
    assert CsvData(path="table.csv", separator=separator).read().inputs.to_dict("records") == [
        {"a": 1, "b": 2}
    ]


@pytest.mark.parametrize("separator", ["", "||", "((", 1, None])
def test_an_invalid_separator_is_rejected(separator: Any) -> None:
    with pytest.raises(ValidationError, match="separator"):
        CsvData(path="people.csv", separator=separator)


def test_a_model_is_named_after_the_file() -> None:
    assert CsvData(path="some/folder/wine.quality.csv").name == "wine.quality"


def test_the_path_is_not_part_of_the_identity(table: str, tmp_path: Path) -> None:
    assert CsvData(path=table).identity() == CsvData(path=str(tmp_path / "other.csv")).identity()
    assert CsvData(path=table).identity() != CsvData(path=table, target="age").identity()


def test_columns_with_numeric_names_are_selected_by_string() -> None:
    pd.DataFrame({0: [1, 2, 3], 1: [4, 5, 6]}).to_parquet("numbers.parquet")
    sample = ParquetData(path="numbers.parquet", target="1", test_size=0).read()
    assert list(sample.inputs.columns) == ["0"]
    assert sample.targets.tolist() == [4, 5, 6]


@pytest.mark.parametrize("kind", [CsvData, ParquetData])
def test_a_missing_file_is_named_with_the_working_directory(kind: Any, tmp_path: Path) -> None:
    error = data_error(kind(path="lost.table").read)
    assert str(error) == f"lost.table does not exist\ndata.path is relative to {tmp_path}."
    assert error.path == "lost.table"


@pytest.mark.parametrize("path", ["", "."])
def test_a_folder_is_rejected_as_a_file(path: str) -> None:
    assert "is a folder" in str(data_error(CsvData(path=path).read))


@pytest.mark.parametrize("kind", [CsvData, ParquetData])
def test_an_empty_file_is_rejected(kind: Any) -> None:
    Path("empty").touch()
    assert str(data_error(kind(path="empty").read)).startswith(
        "empty is empty\nGive a file with at least one row"
    )


@pytest.mark.parametrize(
    ("kind", "content", "wanted"),
    [
        (CsvData, b"\x89PNG\r\n\x1a\n\0\0\xff\xfe", "a CSV file in UTF-8"),
        (ParquetData, b"a,b\n1,2\n", "a Parquet file"),
        (ParquetData, b"PAR1", "a Parquet file"),
        (ParquetData, b"PAR1" + b"\0" * 50 + b"PAR1", "a Parquet file"),
    ],
    ids=["picture", "csv", "magic only", "zeros"],
)
def test_an_unreadable_file_is_reported_with_the_reason(
    kind: Any, content: bytes, wanted: str
) -> None:
    Path("broken").write_bytes(content)
    error = data_error(kind(path="broken").read)
    assert error.message.startswith("broken cannot be read: ")
    assert wanted in error.remedy
    assert error.__cause__ is not None
    assert "\n" not in error.message


def test_a_truncated_parquet_file_cannot_be_read() -> None:
    FRAME.to_parquet("people.parquet")
    whole = Path("people.parquet").read_bytes()
    Path("people.parquet").write_bytes(whole[: len(whole) // 2])
    assert "people.parquet cannot be read" in str(
        data_error(ParquetData(path="people.parquet").read)
    )


def test_an_invalid_file_name_cannot_be_read() -> None:
    assert "cannot be opened" in str(data_error(CsvData(path="x" * 300).read))


def test_an_unreadable_file_is_named(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "people.csv cannot be read: [Errno 13] Permission denied" in str(
        data_error(CsvData(path=table).read)
    )


@pytest.mark.parametrize("kind", [CsvData, ParquetData])
def test_a_table_without_rows_is_rejected(kind: Any) -> None:
    FRAME[:0].to_csv("none", index=False) if kind is CsvData else FRAME[:0].to_parquet("none")
    assert str(data_error(kind(path="none").read)).startswith("none has no rows")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"target": "hieght"},
            "people.csv has no column 'hieght', given in data.target (did you mean 'height'?)",
        ),
        (
            {"columns": ["age", "nmae"]},
            "people.csv has no column 'nmae', given in data.columns (did you mean 'name'?)",
        ),
        ({"target": "zzz"}, "people.csv has no column 'zzz', given in data.target\n"),
        ({"columns": []}, "people.csv has no input columns"),
    ],
)
def test_a_missing_column_is_named_with_the_existing_ones(
    table: str, options: dict[str, Any], text: str
) -> None:
    error = data_error(CsvData(path=table, **options).read)
    assert text in str(error)
    if error.column is not None:
        assert "Columns of the file: age, name, height." in error.remedy


def test_a_table_with_only_the_target_is_rejected() -> None:
    Path("one.csv").write_text("y\n1\n2\n")
    assert "no input columns" in str(data_error(CsvData(path="one.csv", target="y").read))


def test_string_targets_are_labels(table: str) -> None:
    targets = CsvData(path=table, target="name", test_size=0).read().targets
    assert isinstance(targets, np.ndarray)
    assert targets.tolist() == ["ann", "bob", "cid"]


def test_a_json_lines_file_is_read_without_blank_lines() -> None:
    Path("rows.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    assert JsonlData(path="rows.jsonl").read().inputs.to_dict("records") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"a": 1}\n\n[2]\n', "line 3: expected a JSON object, got list"),
        ('{"a": 1}\n{"a": \n', "line 2: expected JSON, got column 7: Expecting value"),
        ('{"a": NaN}\n', "line 1: expected JSON, got NaN, which is not valid JSON"),
    ],
)
def test_a_malformed_json_lines_file_is_reported_with_the_reason(content: str, reason: str) -> None:
    Path("rows.jsonl").write_text(content)
    error = data_error(JsonlData(path="rows.jsonl").read)
    assert error.message == f"rows.jsonl, {reason}"
    assert "a JSON Lines file" in error.remedy

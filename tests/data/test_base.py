from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modelpact import publish
from modelpact.data import DataSource
from modelpact.errors import DataError
from modelpact.types import Sample
from tests.support.publishing import steps


class RowsData(DataSource):
    """Numbered rows and targets."""

    n_rows: int = 10
    n_targets: int | None = 10

    def read(self) -> Sample:
        targets = None if self.n_targets is None else np.arange(self.n_targets)
        return self.hold_out(pd.DataFrame({"row": range(self.n_rows)}), targets)


def rows_of(sample: Sample | None) -> list[int]:
    assert sample is not None
    return list(sample.inputs["row"])


def test_the_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError, match="abstract"):
        DataSource()  # type: ignore[abstract]


def test_a_source_is_named_after_its_class() -> None:
    assert RowsData().name == "rows"


@settings(max_examples=50, deadline=None)
@given(n_rows=st.integers(2, 60), test_size=st.floats(0.01, 0.6), seed=st.integers(0, 2**32))
def test_every_row_is_in_one_part_with_its_own_target(
    n_rows: int, test_size: float, seed: int
) -> None:
    sample = RowsData(n_rows=n_rows, n_targets=n_rows, test_size=test_size, seed=seed).read()
    assert sample.holdout is not None
    assert sorted(rows_of(sample) + rows_of(sample.holdout)) == list(range(n_rows))
    assert len(rows_of(sample.holdout)) == max(1, round(n_rows * test_size))
    for part in (sample, sample.holdout):
        assert rows_of(part) == part.targets.tolist()


def test_the_seed_determines_the_held_out_rows() -> None:
    first, again, other = (rows_of(RowsData(seed=seed).read().holdout) for seed in (3, 3, 4))
    assert first == again != other


def test_the_index_is_reset_after_the_split() -> None:
    sample = RowsData().read()
    assert sample.holdout is not None
    assert list(sample.inputs.index) == list(range(8))
    assert list(sample.holdout.inputs.index) == [0, 1]


@pytest.mark.parametrize(
    "options", [{"test_size": 0}, {"n_targets": None}], ids=["no share", "no targets"]
)
def test_nothing_is_held_out_without_targets_or_test_size(options: dict[str, Any]) -> None:
    sample = RowsData(**options).read()
    assert sample.holdout is None
    assert rows_of(sample) == list(range(10))


def test_both_parts_have_the_params() -> None:
    sample = RowsData(params={"temperature": 0.2}).read()
    assert sample.holdout is not None
    assert sample.params == sample.holdout.params == {"temperature": 0.2}


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"n_rows": 0}, ["RowsData has no rows", "without data"]),
        ({"n_rows": 0, "n_targets": None}, ["RowsData has no rows"]),
        ({"n_targets": 9}, ["RowsData has 10 rows but 9 targets", "one target per row"]),
        ({"n_targets": 9, "test_size": 0}, ["RowsData has 10 rows but 9 targets"]),
        (
            {"n_rows": 1, "n_targets": 1},
            ["RowsData has 1 row(s)", "data.test_size=0.2", "Set data.test_size=0"],
        ),
        (
            {"n_rows": 2, "n_targets": 2, "test_size": 0.9},
            ["RowsData has 2 row(s)", "data.test_size=0.9"],
        ),
    ],
)
def test_rows_that_cannot_be_split_are_rejected(options: dict[str, Any], texts: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        RowsData(**options).read()
    assert all(text in str(caught.value) for text in texts), str(caught.value)
    assert caught.value.source == "RowsData"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("test_size", 1.0),
        ("test_size", -0.1),
        ("test_size", float("nan")),
        ("test_size", "0.2"),
        ("seed", -1),
        ("seed", 0.5),
        ("seed", True),
        ("metrics", "r2"),
        ("metrics", [1]),
        ("params", [("a", 1)]),
        ("shuffle", True),
    ],
)
def test_an_option_of_the_wrong_type_or_name_is_rejected_at_its_location(
    field: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as caught:
        RowsData(**{field: value})
    assert caught.value.errors()[0]["loc"][0] == field


class ForeignData(DataSource):
    """A table of a library that is not installed."""

    holds_out: bool

    def read(self) -> Sample:
        table = type("DataFrame", (), {"__module__": "pyspark.sql.dataframe"})()
        return self.hold_out(table, np.arange(3)) if self.holds_out else Sample(table)


@pytest.mark.parametrize("holds_out", [True, False])
def test_tables_of_other_libraries_are_refused_with_the_conversion(holds_out: bool) -> None:
    text = r"ForeignData reads inputs as a DataFrame of pyspark\nConvert .*: inputs\.toPandas\(\)"
    with pytest.raises(DataError, match=text):
        publish(**steps(data=ForeignData(holds_out=holds_out)))

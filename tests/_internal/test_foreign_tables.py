from __future__ import annotations

from typing import Any

import narwhals
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

from modelpact._internal.foreign_tables import conversion


def foreign(module: str, name: str = "DataFrame") -> Any:
    """Return an object of a class of a library that is not installed."""
    return type(name, (), {"__module__": module})()


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("pyspark.sql.classic.dataframe", "toPandas()"),
        ("pyspark.sql.connect.dataframe", "toPandas()"),
        ("pyspark.pandas.frame", "to_pandas()"),
        ("dask.dataframe.dask_expr._collection", "compute()"),
        ("modin.pandas.dataframe", "_to_pandas()"),
        ("cudf.core.dataframe", "to_pandas()"),
        ("ray.data.dataset", "to_pandas()"),
        ("duckdb", "df()"),
        ("xarray.core.dataset", "to_dataframe()"),
        ("xarray.core.dataarray", "to_numpy()"),
        ("torch", "numpy(force=True)"),
        ("torchtext.data", None),
        ("ray", None),
        ("tests", None),
    ],
)
def test_conversions_by_module(module: str, call: str | None) -> None:
    assert conversion(foreign(module)) == call
    subclass = type("Mine", (type(foreign(module)),), {"__module__": "mine"})
    assert conversion(subclass()) == call


@pytest.mark.parametrize(
    "table",
    [
        polars.LazyFrame({"a": [1]}),
        narwhals.from_native(pd.DataFrame({"a": [1]})),
        narwhals.from_native(polars.LazyFrame({"a": [1]})),
    ],
)
def test_the_call_converts(table: Any) -> None:
    converted = eval(f"table.{conversion(table)}")
    assert converted.to_dict("list") == {"a": [1]}


@pytest.mark.parametrize(
    "value",
    [pd.DataFrame({"a": [1]}), np.ones(2), [1], {"a": 1}, None, pa.table({"a": [1]}), "text"],
)
def test_other_values_need_no_conversion(value: Any) -> None:
    assert conversion(value) is None

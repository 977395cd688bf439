"""Tables and arrays of libraries that modelpact does not read, and how to convert them.

They are recognized by the names of their types, so that no library is imported to look for it.
"""

from __future__ import annotations

__all__ = ["conversion"]

_CONVERSIONS = {
    "pyspark.pandas": "to_pandas()",
    "pyspark.sql": "toPandas()",
    "awkward": "to_numpy()",
    "cudf": "to_pandas()",
    "cupy": "get()",
    "daft": "to_pandas()",
    "dask": "compute()",
    "databricks.koalas": "to_pandas()",
    "datasets": "to_pandas()",
    "duckdb": "df()",
    "_duckdb": "df()",
    "ibis": "to_pandas()",
    "jax": "__array__()",
    "jaxlib": "__array__()",
    "modin": "_to_pandas()",
    "narwhals": "to_pandas()",
    "polars.lazyframe": "to_pandas()",
    "ray.data": "to_pandas()",
    "snowflake": "to_pandas()",
    "tensorflow": "numpy()",
    "torch": "numpy(force=True)",
    "vaex": "to_pandas_df()",
    "xarray.core.dataset": "to_dataframe()",
    "xarray": "to_numpy()",
}
"""The method of a value that returns data of pandas or NumPy, by the start of its module."""


def conversion(value: object) -> str | None:
    """Return the call that converts a value of another library; None for all other values.

    Example:
        >>> conversion([1, 2]) is None
        True
    """
    for kind in type(value).__mro__:
        if kind.__module__.partition(".")[0] in ("numpy", "pandas"):
            return None
        for module, call in _CONVERSIONS.items():
            if f"{kind.__module__}.".startswith(f"{module}."):
                return f"collect().{call}" if kind.__name__ == "LazyFrame" else call
    return None

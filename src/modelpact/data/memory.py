"""`MemoryData`: data that the program has already."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import PrivateAttr

from modelpact._internal.type_checks import is_list_of
from modelpact.data.base import DataSource
from modelpact.errors import ConfigError, DataError
from modelpact.types import Sample

__all__ = ["MemoryData"]


class MemoryData(DataSource):
    """Inputs and targets in memory; `publish(model, X, y)` makes one.

    Rows are held out only if there are metrics to compute.

    Example:
        >>> MemoryData.of([[1.0], [2.0]], [3.0, 4.0]).read().targets
        array([3., 4.])
    """

    _inputs: Any = PrivateAttr(default=None)
    _targets: Any = PrivateAttr(default=None)

    @classmethod
    def of(
        cls, inputs: object, targets: object = None, *, as_frame: bool = False, **options: Any
    ) -> Self:
        """Return a source of values.

        Args:
            inputs: A DataFrame or a table, an array, a dict of arrays or lists, or a list of rows.
            targets: One target per row, or None.
            as_frame: Whether dicts of one row each become a DataFrame.
            options: The fields of `DataSource`.

        Raises:
            DataError: The inputs are a single value or a path.
        """
        options.setdefault("test_size", 0.2 if options.get("metrics") else 0.0)
        source = cls(**options)
        if isinstance(inputs, (str, bytes, int, float, Path)):
            raise DataError(
                f"the inputs are of type {type(inputs).__name__}, not rows",
                remedy="Give a DataFrame, an array or a list of rows, or a data source such as "
                "CsvData(path=...) for a file.",
            )
        source._inputs = _to_inputs(inputs, as_frame)
        targets = _to_pandas(targets)
        source._targets = (
            np.asarray(targets) if isinstance(targets, (list, tuple, range)) else targets
        )
        return source

    @property
    def label(self) -> str:
        return "the data"

    @property
    def name(self) -> str:
        """No data in memory has a name.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "the registered model has no name", remedy='Give one: publish(model, X, name="houses").'
        )

    def read(self) -> Sample:
        return self.hold_out(self._inputs, self._targets)


def _to_inputs(inputs: Any, as_frame: bool) -> object:
    """Convert tables and columns in lists to a DataFrame, and rows of numbers to an array."""
    is_columns = isinstance(inputs, dict) and is_list_of([*inputs.values()], list)
    if is_columns or (as_frame and is_list_of(inputs, dict) and inputs):
        import pandas as pd

        return pd.DataFrame(inputs)
    if is_list_of(inputs, list) and inputs:
        array: np.ndarray[Any, Any] = np.asarray(inputs)
        return inputs if array.dtype.kind in "OUS" else array
    return _to_pandas(inputs)


def _to_pandas(table: object) -> object:
    """Convert a table or a column of polars or Arrow to pandas."""
    package = type(table).__module__.partition(".")[0]
    convert = getattr(table, "to_pandas", None)
    return table if convert is None or package not in {"polars", "pyarrow"} else convert()

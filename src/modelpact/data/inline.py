"""Data written in the configuration itself: a few rows to try something with."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from modelpact._internal.text import truncate
from modelpact.data.base import DataSource
from modelpact.errors import DataError
from modelpact.types import Sample

__all__ = ["InlineData"]


class InlineData(DataSource):
    """Rows given as they are.

    Attributes:
        inputs: A list of rows: dicts for a frame or records, nested lists of numbers for a tensor.
        targets: One target a row, or None.
        form: Hand the rows over as a DataFrame, as the list itself, or as an ndarray.
        dtype: The NumPy dtype of a tensor.
    """

    inputs: list[Any]
    targets: list[Any] | None = None
    form: Literal["frame", "records", "tensor"] = "frame"
    dtype: str = "float64"

    def read(self) -> Sample:
        return self.hold_out(self._inputs(), self._targets())

    def _targets(self) -> Any:
        try:
            return None if self.targets is None else np.asarray(self.targets)
        except ValueError as error:
            raise DataError(
                f"data.targets cannot be made an array: {truncate(error, 200)}",
                remedy="Give targets of the same shape.",
            ) from error

    def _inputs(self) -> Any:
        if self.form == "records":
            return self.inputs
        try:
            if self.form == "tensor":
                return np.asarray(self.inputs, dtype=self.dtype)
            import pandas as pd

            return pd.DataFrame(self.inputs)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"data.inputs cannot be made a {self.form}: {truncate(error, 200)}",
                remedy="Give rows of the same shape, and for a tensor a dtype that NumPy has; or set data.form=records.",
            ) from error

"""Data written in the configuration itself: a few rows to try something with."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from modelpact.data.sources import DataSource
from modelpact.errors import DataError
from modelpact.schemas import Sample

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
        targets = None if self.targets is None else np.asarray(self.targets)
        return self.hold_out(self._inputs(), targets)

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
                f"data.inputs cannot be made a {self.form}: {error}",
                remedy="Give rows of the same shape, or set data.form=records.",
            ) from error

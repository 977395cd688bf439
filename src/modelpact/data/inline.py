"""Data written in the configuration, for trials with a few rows."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from modelpact._internal.text import truncate
from modelpact._internal.type_checks import is_list_of
from modelpact.data.base import DataSource
from modelpact.data.frames import relax_nullable, values_to_column
from modelpact.errors import DataError
from modelpact.types import Inputs, Sample

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InlineData"]


class InlineData(DataSource):
    """Rows written in the configuration.

    Attributes:
        inputs: List of rows: dicts for a DataFrame or records, nested lists for a tensor.
        targets: One target per row, or None.
        form: Type of the inputs: a DataFrame, a list (`records`), or an ndarray (`tensor`).
        dtype: NumPy dtype of a tensor.
    """

    inputs: list[Any]
    targets: list[Any] | None = None
    form: Literal["frame", "records", "tensor"] = "frame"
    dtype: str = "float64"

    def read(self) -> Sample:
        return self.hold_out(self._read_inputs(), self._read_targets())

    def _read_inputs(self) -> Inputs:
        if self.form == "records":
            return self.inputs
        try:
            if self.form == "tensor":
                return np.asarray(self.inputs, dtype=self.dtype)
            import pandas as pd

            if is_list_of(self.inputs, dict):
                names = dict.fromkeys(chain.from_iterable(self.inputs))
                return pd.DataFrame({name: self._read_column(name) for name in names})
            return pd.DataFrame(self.inputs)
        # pandas 2 raises an AttributeError for rows that are dicts and values.
        except (AttributeError, ValueError, TypeError) as error:
            raise DataError(
                f"data.inputs cannot be converted to a {self.form}: {truncate(error, 200)}",
                remedy="Give rows of equal shape, and for a tensor a NumPy dtype; "
                "or set data.form=records.",
            ) from error

    def _read_column(self, name: object) -> pd.Series:
        return relax_nullable(values_to_column([row.get(name) for row in self.inputs], str(name)))

    def _read_targets(self) -> Any:
        try:
            return None if self.targets is None else np.asarray(self.targets)
        except ValueError as error:
            raise DataError(
                f"data.targets cannot be converted to an array: {truncate(error, 200)}",
                remedy="Give targets of equal shape.",
            ) from error

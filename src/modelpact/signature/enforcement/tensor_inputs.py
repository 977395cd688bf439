"""A schema of tensors: one unnamed tensor, or a dict of named ones."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import Schema

from modelpact.signature.enforcement.payloads import as_frame
from modelpact.signature.enforcement.tensors import Tensor
from modelpact.signature.enforcement.violations import Code, Failures, near_miss

__all__ = ["Tensors"]


class Tensors:
    """The compiled tensors of a schema.

    Args:
        schema: MLflow's schema, of tensors.
        strict: Whether data that needs a conversion is refused.
        extra: What happens to tensors that the schema does not know: `ignore`, `warn` or `forbid`.
    """

    def __init__(self, schema: Schema, *, strict: bool, extra: str) -> None:
        specs: Any = schema.inputs
        self.tensors = [Tensor(spec, strict=strict) for spec in specs]
        self.names = [spec.name for spec in specs]
        self.named = self.names[0] is not None
        self.extra = extra

    def check(self, data: Any, failures: Failures) -> Any:
        """Check data of any kind against the tensors.

        Returns:
            An array or a sparse matrix, or where the tensors are named a dict of them in the schema's order.
        """
        if (
            not isinstance(data, (np.ndarray, dict, list, pd.DataFrame))
            and (frame := as_frame(data)) is not None
        ):
            data = frame
        if self.named:
            return self._named(data, failures)
        if isinstance(data, pd.DataFrame):
            return self.tensors[0].frame(data, failures)
        return self.tensors[0].check(data, (), failures)

    def _named(self, data: Any, failures: Failures) -> Any:
        if isinstance(data, np.ndarray) and len(self.names) == 1:
            data = {self.names[0]: data}
        if not isinstance(data, (dict, pd.DataFrame)):
            failures.add(Code.WRONG_KIND, (), None, f"a dict of {len(self.names)} tensors", data)
            return data
        unknown = [key for key in data if key not in set(self.names)]
        result = {}
        for name, tensor in zip(self.names, self.tensors, strict=True):
            if name not in data:
                hint = near_miss(name, unknown, "; there is {}")
                failures.say(
                    Code.MISSING_COLUMN, (name,), None, tensor.expected, f"no such tensor{hint}"
                )
            elif isinstance(data, dict):
                result[name] = tensor.check(data[name], (name,), failures)
            elif isinstance(data[name], pd.DataFrame):
                failures.say(
                    Code.DUPLICATE_COLUMN, (name,), None, "one column", "several of that name"
                )
            else:
                result[name] = tensor.column(data[name], (name,), failures)
        self._report(unknown, failures)
        same = (
            isinstance(data, dict)
            and list(data) == self.names
            and all(result.get(name) is data[name] for name in self.names)
        )
        return data if same else result

    def _report(self, unknown: list[Any], failures: Failures) -> None:
        for key in unknown:
            if self.extra == "forbid":
                failures.say(Code.EXTRA_COLUMN, (key,), None, "no such tensor", "one")
            elif self.extra == "warn":
                warnings.warn(
                    f"tensor {str(key)[:40]!r} is not in the signature and is ignored",
                    UserWarning,
                    stacklevel=2,
                )

"""Inference parameters: known names only, within the range of their types, defaults filled in."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import numpy as np
from mlflow.types.schema import DataType, ParamSchema, ParamSpec

from modelpact.signature.enforcement.nested import node
from modelpact.signature.enforcement.scalars import Refused, rule
from modelpact.signature.enforcement.violations import Code, Failures, near_miss

__all__ = ["Params"]

_FLOAT_MAX = float(np.finfo("float32").max)


class Params:
    """The compiled params of a signature.

    Args:
        schema: MLflow's params; None where the model takes none.
        strict: Whether values that need a conversion are refused.
    """

    def __init__(self, schema: ParamSchema | None, *, strict: bool) -> None:
        self.specs = {} if schema is None else {spec.name: spec for spec in schema.params}
        self.none = schema is None
        self.strict = strict
        self._nodes = {
            name: node(spec.dtype, nullable=False, strict=strict)
            for name, spec in self.specs.items()
        }

    def check(self, params: Any, failures: Failures) -> dict[str, Any] | None:
        """The params that the model is to be called with: what was given, then the defaults of the rest.

        Args:
            params: A dict by name, or None.
            failures: Takes what does not conform.
        """
        if params is None and self.none:
            return None
        params = {} if params is None else params
        if not isinstance(params, dict):
            failures.add(Code.WRONG_KIND, (), None, "a dict of params", params)
            return None
        given: dict[str, Any] = {}
        for key, value in params.items():
            name = str(key)
            if name in self.specs:
                given[name] = self._value(name, value, failures)
            else:
                known = (
                    f"; the params are {', '.join(self.specs)}"[:200]
                    if self.specs
                    else "; this model takes none"
                )
                hint = near_miss(name, self.specs) or known
                failures.say(Code.UNKNOWN_PARAM, (name,), None, "no such param", f"one{hint}")
        for name, spec in self.specs.items():
            if name not in given:
                given[name] = copy.deepcopy(spec.default)  # a model may append to it
        return given

    def _value(self, name: str, value: Any, failures: Failures) -> Any:
        spec: ParamSpec = self.specs[name]
        dtype: Any = spec.dtype
        if spec.shape is not None:
            if not isinstance(value, (list, tuple, np.ndarray)) or (
                isinstance(value, np.ndarray) and value.ndim != 1
            ):
                failures.add(
                    Code.WRONG_SHAPE, (name,), None, f"a list of {dtype.name} values", value
                )
                return value
            return [
                self._scalar(dtype, item, (name, index), failures)
                for index, item in enumerate(value)
            ]
        if isinstance(dtype, DataType):
            return self._scalar(dtype, value, (name,), failures)
        found = self._nodes[name]
        return value if found.fits([value]) else found.convert(value, (name,), None, failures)

    def _scalar(
        self, dtype: DataType, value: Any, place: tuple[Any, ...], failures: Failures
    ) -> Any:
        """One value as a plain Python one; None, which stands for unset, is let through."""
        if value is None:
            return None
        plain = (
            value.item()
            if isinstance(value, np.generic) and dtype is not DataType.datetime
            else value
        )
        try:
            converted = (
                _moment(value)
                if dtype is DataType.datetime
                else _RULES.get(dtype, rule(dtype).convert)(plain)
            )
        except Refused as refused:
            failures.add(refused.code, place, None, dtype.name, value)
            return value
        if self.strict and type(plain) is not type(converted):
            failures.add(Code.NEEDS_CONVERSION, place, None, dtype.name, value)
        return converted


def _float(value: Any) -> Any:
    """A float param stays the Python float that it is; only its range is that of 32 bits."""
    converted = rule(DataType.double).convert(value)
    if abs(converted) > _FLOAT_MAX and converted not in (float("inf"), float("-inf")):
        raise Refused(Code.OUT_OF_RANGE)
    return converted


def _moment(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        found = value.item()
        if isinstance(found, int):  # nanoseconds, which Python's own datetime does not have
            found = value.astype("datetime64[us]").item()
            if np.datetime64(found) != value:
                raise Refused(Code.LOSSY)
        return found
    if isinstance(value, str):
        return _parsed(value)
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if isinstance(value, (datetime.datetime, datetime.date)):
        return rule(DataType.datetime).convert(value)
    raise Refused(Code.WRONG_TYPE)


def _parsed(value: str) -> Any:
    """A date where the text has no time, as MLflow reads it."""
    try:
        return (
            datetime.date.fromisoformat(value)
            if len(value) == len("2026-01-01")
            else rule(DataType.datetime).convert(value)
        )
    except ValueError:
        raise Refused(Code.WRONG_TYPE) from None


_RULES = {DataType.float: _float}

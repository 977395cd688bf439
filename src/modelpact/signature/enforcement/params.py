"""Compiled checks of inference parameters."""

from __future__ import annotations

import copy
import datetime
import math
from typing import Any

import numpy as np
from mlflow.types.schema import DataType, ParamSchema

from modelpact._internal.text import did_you_mean
from modelpact.signature.enforcement.nested import compile_type
from modelpact.signature.enforcement.scalars import ConversionError, scalar_rule
from modelpact.signature.enforcement.violations import ViolationCode, Violations
from modelpact.signature.field_path import FieldPath

__all__ = ["CompiledParams"]


class CompiledParams:
    """The checks for the params of a signature.

    Args:
        schema: MLflow's schema; None if the model has no params.
        strict: Whether values that need a conversion are rejected.
    """

    def __init__(self, schema: ParamSchema | None, *, strict: bool) -> None:
        self._specs = {} if schema is None else {spec.name: spec for spec in schema.params}
        self._has_schema = schema is not None
        self._strict = strict
        self._nodes = {
            name: compile_type(spec.dtype, nullable=False, strict=strict)
            for name, spec in self._specs.items()
        }

    def check(self, params: object, violations: Violations) -> dict[str, Any] | None:
        """Return the params for the model: the given ones, then the defaults of the others.

        Args:
            params: A dict by name, or None.
            violations: Collects the violations.
        """
        if params is None:
            return self._add_defaults({}) if self._has_schema else None
        if not isinstance(params, dict):
            violations.add(ViolationCode.WRONG_KIND, (), None, "a dict of params", params)
            return None
        checked: dict[str, Any] = {}
        for key, value in params.items():
            name = str(key)
            if name in self._specs:
                checked[name] = self._check_value(name, value, violations)
            else:
                self._add_unknown(name, violations)
        return self._add_defaults(checked)

    def _add_defaults(self, checked: dict[str, Any]) -> dict[str, Any]:
        for name, spec in self._specs.items():
            if name not in checked:
                # A copy, because the model may change it.
                checked[name] = copy.deepcopy(spec.default)
        return checked

    def _add_unknown(self, name: str, violations: Violations) -> None:
        if not self._specs:
            known = "; the model has no params"
        else:
            known = f"; the params are {', '.join(self._specs)}"[:200]
        hint = "" if violations.total >= violations.limit else did_you_mean(name, self._specs)
        got = f"an unknown param{hint or known}"
        violations.add_message(
            ViolationCode.UNKNOWN_PARAM, (name,), "a param of the signature", got
        )

    def _check_value(self, name: str, value: object, violations: Violations) -> object:
        spec = self._specs[name]
        if spec.shape is not None:
            return self._check_list(name, value, violations)
        if isinstance(spec.dtype, DataType):
            return self._check_scalar(spec.dtype, value, (name,), violations)
        node = self._nodes[name]
        return (
            value if node.accepts_all([value]) else node.convert(value, (name,), None, violations)
        )

    def _check_list(self, name: str, value: object, violations: Violations) -> object:
        dtype: Any = self._specs[name].dtype
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = list(value)
        if not isinstance(value, (list, tuple)):
            expected = f"a list of {dtype.name} values"
            violations.add(ViolationCode.WRONG_SHAPE, (name,), None, expected, value)
            return value
        return [
            self._check_scalar(dtype, item, (name, index), violations)
            for index, item in enumerate(value)
        ]

    def _check_scalar(
        self, dtype: DataType, value: object, path: FieldPath, violations: Violations
    ) -> object:
        """Return a value as plain Python; None stands for an unset param and is accepted."""
        if value is None:
            return None
        plain = value
        if isinstance(value, np.generic) and dtype is not DataType.datetime:
            plain = value.item()
        try:
            converted = _CONVERTERS.get(dtype, scalar_rule(dtype).convert)(plain)
        except ConversionError as error:
            violations.add(error.code, path, None, dtype.name, value)
            return value
        if self._strict and type(plain) is not type(converted):
            violations.add(ViolationCode.NEEDS_CONVERSION, path, None, dtype.name, value)
        return converted


def _convert_float(value: object) -> float:
    """Return a float param as a Python float; only its range is that of 32 bits."""
    converted: float = scalar_rule(DataType.double).convert(value)
    with np.errstate(over="ignore"):
        rounded = np.float32(converted)
    if np.isinf(rounded) and not math.isinf(converted):
        raise ConversionError(ViolationCode.OUT_OF_RANGE)
    return converted


def _convert_datetime(value: object) -> object:
    if isinstance(value, np.datetime64):
        return _convert_datetime64(value)
    if isinstance(value, str):
        return _parse_datetime(value)
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if isinstance(value, (datetime.datetime, datetime.date)):
        return scalar_rule(DataType.datetime).convert(value)
    raise ConversionError(ViolationCode.WRONG_TYPE)


def _convert_datetime64(value: np.datetime64) -> object:
    converted = value.item()
    if not isinstance(converted, int):
        return converted
    # Nanoseconds, which Python's datetime does not have.
    converted = value.astype("datetime64[us]").item()
    if np.datetime64(converted) != value:
        raise ConversionError(ViolationCode.LOSSY)
    return converted


def _parse_datetime(value: str) -> object:
    """Parse ISO 8601 text; text without a time is a date, as in MLflow."""
    if len(value) != len("2026-01-01"):
        return scalar_rule(DataType.datetime).convert(value)
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise ConversionError(ViolationCode.WRONG_TYPE) from None


_CONVERTERS = {DataType.float: _convert_float, DataType.datetime: _convert_datetime}

"""What JSON has as text: bytes in base64, as MLflow's server reads them, and datetime tensors."""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import Array, DataType, Map, Object, Schema, TensorSpec

__all__ = ["JsonDecoder"]


class JsonDecoder:
    """Decodes base64 text under `binary`, and ISO 8601 text in tensors of datetimes.

    Other text is left as it is, and the enforcer reports it.

    Args:
        schema: MLflow's schema; None for none.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> decoder = JsonDecoder(parse({"inputs": {"image": "binary"}}).inputs)
        >>> decoder.decode([{"image": "aGk="}, {"image": "no"}])
        [{'image': b'hi'}, {'image': 'no'}]
    """

    def __init__(self, schema: Schema | None) -> None:
        specs: list[Any] = [] if schema is None else schema.inputs
        self._positions = {i: spec.type for i, spec in enumerate(specs) if _has_text(spec.type)}
        self._names = {specs[i].name: kind for i, kind in self._positions.items()}
        self._is_single = len(specs) == 1 and specs[0].name is None
        self._is_tensors = bool(specs) and isinstance(specs[0], TensorSpec)

    def decode(self, data: Any) -> Any:
        """Return a payload with decoded values: rows, columns, tensors, or a DataFrame."""
        if not self._positions:
            return data
        if hasattr(data, "columns"):
            return self._decode_frame(data)
        if isinstance(data, dict):
            return {key: self._decode_column(key, value) for key, value in data.items()}
        if self._is_single:
            return self._decode_values(data, self._positions[0])
        return [self._decode_row(row) for row in data] if isinstance(data, list) else data

    def _decode_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        names = self._names
        if None in names and self._is_tensors:
            names = dict.fromkeys(frame.columns, self._positions[0])
        elif None in names:
            labels = enumerate(frame.columns)
            names = {name: self._positions[i] for i, name in labels if i in self._positions}
        frame = frame.copy(deep=False)
        for name, kind in names.items():
            if name in frame:
                frame[name] = list(self._decode_values(frame[name].tolist(), kind))
        return frame

    def _decode_values(self, values: Any, kind: Any) -> Any:
        """Decode a tensor, or a list of cells."""
        if self._is_tensors:
            return _decode_tensor(values, kind)
        return [_decode(cell, kind) for cell in values] if isinstance(values, list) else values

    def _decode_column(self, name: str, value: Any) -> Any:
        kind = self._names.get(name)
        if kind is None:
            return value
        is_cell = isinstance(kind, Array) or not isinstance(value, list)
        if is_cell and not self._is_tensors:
            return _decode(value, kind)
        return self._decode_values(value, kind)

    def _decode_row(self, row: Any) -> Any:
        if isinstance(row, dict):
            return {key: _decode(value, self._names.get(key)) for key, value in row.items()}
        if isinstance(row, list):
            return [_decode(value, self._positions.get(i)) for i, value in enumerate(row)]
        return row


def _has_text(kind: Any) -> bool:
    if isinstance(kind, np.dtype):
        return kind.kind in "SM"
    if isinstance(kind, Object):
        return any(_has_text(prop.dtype) for prop in kind.properties)
    if isinstance(kind, (Array, Map)):
        return _has_text(kind.dtype if isinstance(kind, Array) else kind.value_type)
    return bool(kind == DataType.binary)


def _decode(value: Any, kind: Any) -> Any:
    if isinstance(value, str):
        return _decode_text(value) if kind == DataType.binary else value
    if isinstance(value, list):
        return [_decode(item, kind.dtype) for item in value] if isinstance(kind, Array) else value
    return _decode_dict(value, kind) if isinstance(value, dict) else value


def _decode_dict(value: dict[str, Any], kind: Any) -> dict[str, Any]:
    if isinstance(kind, Map):
        return {key: _decode(item, kind.value_type) for key, item in value.items()}
    if not isinstance(kind, Object):
        return value
    kinds = {prop.name: prop.dtype for prop in kind.properties}
    return {key: _decode(item, kinds.get(key)) for key, item in value.items()}


def _decode_tensor(value: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "S":
        return _map_nested(_decode_text, value)
    if not isinstance(value, list):
        return value
    try:
        moments = np.array(_map_nested(_parse_datetime, value))
        converted = np.array(moments, dtype=dtype)
    # The enforcer reports the value.
    except (ValueError, TypeError, OverflowError):
        return value
    is_exact = (converted.astype(moments.dtype) == moments) | np.isnat(converted)
    return converted if is_exact.all() else value


def _map_nested(convert: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_map_nested(convert, item) for item in value]
    return convert(value)


def _parse_datetime(text: str | None) -> np.datetime64:
    if text is None:
        return np.datetime64("NaT")
    # A ValueError for other formats, which pandas reads as well.
    datetime.datetime.fromisoformat(text)
    moment = pd.Timestamp(text)
    return (moment if moment.tz is None else moment.tz_convert(None)).to_datetime64()


def _decode_text(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        # MLflow breaks its text into lines.
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return text

"""Templates of the generated Pydantic modules: helper functions, scalar types and base classes."""

from __future__ import annotations

import numpy as np

from modelpact.signature.export.json_schema import overflow_limit

__all__ = ["BASES", "FUNCTIONS", "MODULES", "TYPES"]

FUNCTIONS = {
    "_convert_whole": '''
def _convert_whole(value: Any) -> Any:
    """Convert a float without a fraction to an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
''',
    "_limit_integers": '''
def _limit_integers(bits: int) -> Any:
    """Reject integers that a float may not represent exactly."""

    def check(value: Any) -> Any:
        if isinstance(value, int) and abs(value) > 2**bits:
            raise ValueError(f"integers must not exceed 2**{bits} for a float of this width")
        return value

    return BeforeValidator(check)
''',
    "_limit_floats": '''
def _limit_floats(limit: float) -> Any:
    """Reject finite floats that a narrower float rounds to infinity."""

    def check(value: float) -> float:
        if math.isfinite(value) and abs(value) >= limit:
            raise ValueError(f"must be less than {limit:g}")
        return value

    return AfterValidator(check)
''',
    "_parse_datetime": '''
def _parse_datetime(value: Any) -> Any:
    """Parse ISO 8601 text, and convert a time with a UTC offset to UTC."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        try:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("out of range in UTC") from None
    return value
''',
    "_decode_base64": '''
def _decode_base64(value: Any) -> Any:
    """Decode base64 text, the form of bytes in JSON."""
    if isinstance(value, str):
        return base64.b64decode(value.replace("\\n", "").replace("\\r", ""), validate=True)
    if not isinstance(value, bytes):
        raise ValueError("expected base64 text")
    return value
''',
    "_encode_base64": """
def _encode_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
""",
    "_reject": '''
def _reject(value: Any) -> Any:
    """Reject every value."""
    raise ValueError("JSON has no value of this type")
''',
    "_reject_list": '''
def _reject_list(value: Any) -> Any:
    """Reject lists, which would be another axis."""
    if isinstance(value, list):
        raise ValueError("a list would be another axis")
    return value
''',
    "_empty_to_null": '''
def _empty_to_null(value: Any) -> Any:
    """Convert an empty object to null."""
    return None if value == {} else value
''',
    "_take_first": '''
def _take_first(count: int) -> Any:
    """Drop the values of a row after the last column."""
    return BeforeValidator(lambda row: tuple(row[:count]) if isinstance(row, list) else row)
''',
}
"""Helper functions by name."""

MODULES = {
    "_decode_base64": ("base64",),
    "_limit_floats": ("math",),
    "_parse_datetime": ("datetime",),
}
"""Modules of the standard library that helper functions import."""

_FLOAT_LIMIT = f"_limit_floats({overflow_limit(np.dtype('float32'))!r})"


def _integer(bits: int) -> str:
    bounds = f"Field(ge=-(2**{bits}), lt=2**{bits})"
    return f"Annotated[int, BeforeValidator(_convert_whole), {bounds}]"


TYPES = {
    "_Boolean": ("bool", ()),
    "_Integer": (_integer(31), ("_convert_whole",)),
    "_Long": (_integer(63), ("_convert_whole",)),
    "_Float": (
        f"Annotated[float, _limit_integers(24), {_FLOAT_LIMIT}]",
        ("_limit_integers", "_limit_floats"),
    ),
    "_FloatParam": (
        f"Annotated[float, _limit_integers(53), {_FLOAT_LIMIT}]",
        ("_limit_integers", "_limit_floats"),
    ),
    "_Double": ("Annotated[float, _limit_integers(53)]", ("_limit_integers",)),
    "_String": ("str", ()),
    "_Binary": (
        "Annotated[bytes, BeforeValidator(_decode_base64), "
        'PlainSerializer(_encode_base64, when_used="json")]',
        ("_decode_base64", "_encode_base64"),
    ),
    "_Datetime": (
        "Annotated[datetime.datetime, BeforeValidator(_parse_datetime)]",
        ("_parse_datetime",),
    ),
    "_Nothing": ("Annotated[Any, BeforeValidator(_reject)]", ("_reject",)),
}
"""Scalar types by name: the annotation, and the helper functions that it uses."""

BASES = '''
class _Closed(BaseModel):
    """An object without extra properties."""

    model_config = ConfigDict(
        strict=True, extra="forbid", serialize_by_alias=True, protected_namespaces=()
    )


class _Row(_Closed):
    """A row, which may have extra columns."""

    model_config = ConfigDict(extra="ignore")
'''
"""The base classes of all models."""

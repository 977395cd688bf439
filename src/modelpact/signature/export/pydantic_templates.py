"""What modules of Pydantic models are put together from: the helpers, the scalar types, the base classes."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["BASES", "FUNCTIONS", "TYPES"]

FUNCTIONS = {
    "_whole": '''
def _whole(value: Any) -> Any:
    """A number without a fraction is an integer, however it is written."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
''',
    "_exact": '''
def _exact(bits: int) -> Any:
    """An integer is taken for a float only up to here: beyond, not each of them is one."""

    def check(value: Any) -> Any:
        if isinstance(value, int) and abs(value) > 2**bits:
            raise ValueError(f"an integer beyond 2**{bits} may not be a float of this width")
        return value

    return BeforeValidator(check)
''',
    "_single": '''
def _single(value: float) -> float:
    """A float that 32 bits hold."""
    try:
        held = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        held = None
    if held != value and not math.isnan(value):
        raise ValueError("not a float of 32 bits")
    return value
''',
    "_below": '''
def _below(limit: float) -> Any:
    """A float that a narrower one is near to."""

    def check(value: float) -> float:
        if math.isfinite(value) and abs(value) >= limit:
            raise ValueError(f"not below {limit:g}")
        return value

    return AfterValidator(check)
''',
    "_moment": '''
def _moment(value: Any) -> Any:
    """ISO 8601; what has an offset is brought to UTC, and then has none."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        try:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("not a day in UTC") from None
    return value
''',
    "_bytes": '''
def _bytes(value: Any) -> Any:
    """Bytes, which JSON has not."""
    if not isinstance(value, bytes):
        raise ValueError("bytes are wanted, which JSON has not")
    return value
''',
    "_nothing": '''
def _nothing(value: Any) -> Any:
    """There is no value of this type in JSON."""
    raise ValueError("JSON has no value of this type")
''',
    "_no_list": '''
def _no_list(value: Any) -> Any:
    """A list would be one more axis."""
    if isinstance(value, list):
        raise ValueError("a list would be one more axis")
    return value
''',
    "_null_if_empty": '''
def _null_if_empty(value: Any) -> Any:
    """An empty object stands for null."""
    return None if value == {} else value
''',
    "_first": '''
def _first(count: int) -> Any:
    """The values of a row, without those beyond the last column."""
    return BeforeValidator(lambda row: tuple(row[:count]) if isinstance(row, list) else row)
''',
}
"""Each helper of a module by its name."""

_BEYOND_SINGLE = math.nextafter(float(np.finfo("float32").max), math.inf)

TYPES = {
    "_Boolean": ("bool", ()),
    "_Integer": (
        "Annotated[int, BeforeValidator(_whole), Field(ge=-(2**31), lt=2**31)]",
        ("_whole",),
    ),
    "_Long": ("Annotated[int, BeforeValidator(_whole), Field(ge=-(2**63), lt=2**63)]", ("_whole",)),
    "_Float": ("Annotated[float, _exact(24), AfterValidator(_single)]", ("_exact", "_single")),
    "_FloatParam": (
        f"Annotated[float, _exact(53), _below({_BEYOND_SINGLE!r})]",
        ("_exact", "_below"),
    ),
    "_Double": ("Annotated[float, _exact(53)]", ("_exact",)),
    "_String": ("str", ()),
    "_Binary": ("Annotated[bytes, BeforeValidator(_bytes)]", ("_bytes",)),
    "_Datetime": ("Annotated[datetime.datetime, BeforeValidator(_moment)]", ("_moment",)),
    "_Nothing": ("Annotated[Any, BeforeValidator(_nothing)]", ("_nothing",)),
}
"""Each scalar type by its name: what it is, and the helpers it needs."""

BASES = '''
class _Closed(BaseModel):
    """An object with these properties and no others."""

    model_config = ConfigDict(strict=True, extra="forbid", serialize_by_alias=True, protected_namespaces=())


class _Row(_Closed):
    """A row; it may have more columns than these."""

    model_config = ConfigDict(extra="ignore")
'''
"""The classes that all others are of."""

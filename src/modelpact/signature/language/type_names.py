"""Names of types, and what to write instead of names from Python, pandas, SQL or JSON Schema."""

from __future__ import annotations

import re

import numpy as np
from mlflow.types.schema import AnyType, Array, DataType, Map, Object, SparkMLVector

from modelpact._internal.text import did_you_mean, preview

__all__ = [
    "SCALAR_TYPES",
    "TYPE_NAMES",
    "ColumnType",
    "describe_unknown_dtype",
    "describe_unknown_type",
]

ColumnType = DataType | Array | Object | Map | AnyType | SparkMLVector

SCALAR_TYPES: dict[str, DataType] = {kind.name: kind for kind in DataType}
TYPE_NAMES = [*SCALAR_TYPES, "any", "sparkml_vector"]

_NAMES_BY_CLASS = {AnyType: "any", SparkMLVector: "sparkml_vector"}

_ALIASES = {
    "long": "int int64 bigint int_ i64 intp longint uint32 u32",
    "integer": "int32 i32 int8 int16 i8 i16 uint8 uint16 smallint short",
    "double": "float64 f64 number numeric float_ real",
    "float": "float32 float16 f32 half",
    "string": "str text category categorical varchar char utf8 large_string unicode uuid",
    "boolean": "bool bool_ bit",
    "binary": "bytes bytearray blob base64 bytes_",
    "datetime": "date timestamp datetime64 datetime64[ns] datetime64[us] datetimetz",
    "any": "typing.any object_ json variant unknown",
}
_TYPE_BY_ALIAS = {alias: kind for kind, aliases in _ALIASES.items() for alias in aliases.split()}
_TYPE_BY_ALIAS |= dict(zip(TYPE_NAMES, TYPE_NAMES, strict=True))

_ARRAY = "write [type] for an array, such as [string]"
_COMPLEX = (
    "no MLflow column type is complex: use two columns of double, or a tensor such as "
    "complex128[-1]"
)
_DURATION = "no MLflow type holds a duration: use double (seconds) or long"
_NULLABLE = "write the type of the other values and end the key with a ?"
_TENSOR = "write the dtype and the shape of the tensor, such as float32[-1, 3]"
_ADVICE = {
    "uint64": "no MLflow type holds an unsigned 64-bit integer: use long below 2**63, or string",
    "decimal": "no MLflow type holds a decimal: use double, or string to keep every digit",
    "time": "no MLflow type holds a time of day: use string, or datetime with a date",
    "object": "write {name: type} for an object; for a pandas column of dtype object write the "
    "type of its values, such as string",
    "dict": 'write {name: type} for an object, or {"*": type} for a map',
    "map": 'write {"*": type} for a map',
    "struct": "write {name: type} for an object",
    **dict.fromkeys(("array", "list", "tuple", "set", "sequence"), _ARRAY),
    **dict.fromkeys(("complex", "complex64", "complex128"), _COMPLEX),
    **dict.fromkeys(("timedelta", "timedelta64"), _DURATION),
    **dict.fromkeys(("none", "null"), _NULLABLE),
    **dict.fromkeys(("ndarray", "tensor"), _TENSOR),
}

_PREFIX = re.compile(
    r"^(mlflow\.)?(types\.)?(schema\.)?"
    r"(datatype|typing|t|np|numpy|pd|pandas|pl|polars|pa|datetime)\.",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"^(?:typing\.)?(list|sequence|array|dict|map|mapping|optional)\s*[\[<(](.*)[\])>]$",
    re.IGNORECASE,
)
_CALL = re.compile(
    r"^(?:Tensor(?:Spec)?)?\s*\(?['\"]?((?:u?int|float|complex|bool|str)\d*)['\"]?"
    r"\s*,?\s*\(([-\d,\s]*)\)\)?$"
)


def type_name(dtype: DataType | AnyType | SparkMLVector) -> str:
    """Return the name of a type that contains no other types.

    Example:
        >>> type_name(DataType.long)
        'long'
    """
    return dtype.name if isinstance(dtype, DataType) else _NAMES_BY_CLASS[type(dtype)]


def describe_unknown_type(text: str) -> str:
    """Return a message for an unknown type, with the type to write instead where one is known.

    Example:
        >>> describe_unknown_type("int")
        "unknown type 'int'; write long"
        >>> describe_unknown_type("flot")
        "unknown type 'flot' (did you mean 'float'?)"
    """
    advice = _advise(text.strip())
    return f"unknown type {preview(text)}" + (
        f"; {advice}" if advice else did_you_mean(text, TYPE_NAMES)
    )


def _advise(text: str) -> str:
    if text.endswith("?") and _find_type(text[:-1].strip()):
        return f'the ? belongs to the key: "name?": {text[:-1].strip()}'
    if text.endswith("[]") and (inner := _find_type(text[:-2].strip())):
        return f"write [{inner}]"
    if generic := _GENERIC.match(text):
        return _advise_generic(generic[1].lower(), generic[2].strip())
    if tensor := _CALL.match(text):
        shape = ", ".join(re.findall(r"-?\d+", tensor[2]))
        return f"a tensor is written {tensor[1]}[{shape}]"
    word = _PREFIX.sub("", text)
    if kind := _find_type(word):
        is_dtype = re.fullmatch(r"(u?int|float)(8|16|32|64)", word)
        return f"write {kind}" + (f"; a tensor also needs a shape: {word}[-1]" if is_dtype else "")
    return _ADVICE.get(word.lower(), "")


def _find_type(word: str) -> str:
    """Return the type that a word stands for, or an empty string."""
    return _TYPE_BY_ALIAS.get(_PREFIX.sub("", word).lower(), "")


def _advise_generic(kind: str, inner: str) -> str:
    element = _find_type(inner.rsplit(",", 1)[-1].strip()) or "type"
    if kind in ("dict", "map", "mapping"):
        return f'write {{"*": {element}}} for a map'
    if kind == "optional":
        return f'write {element} and end the key with a ?: "name?": {element}'
    return f"write [{element}]"


_DTYPE_BY_ALIAS = {
    "double": "float64",
    "float": "float32",
    "long": "int64",
    "integer": "int32",
    "int": "int64",
    "boolean": "bool",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
    "any": "object",
}
_DTYPES = [
    "bool",
    "str",
    "bytes",
    "object",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "datetime64[ns]",
    "timedelta64[ns]",
]


def describe_unknown_dtype(text: str) -> str:
    """Return a message for an unknown tensor dtype, with the dtype to write instead if known.

    Example:
        >>> describe_unknown_dtype("double")
        "unknown tensor dtype 'double'; write float64"
    """
    word = _PREFIX.sub("", text)
    message = f"unknown tensor dtype {preview(text)}"
    if word in _DTYPE_BY_ALIAS:
        return f"{message}; write {_DTYPE_BY_ALIAS[word]}"
    try:
        return f"{message}; write {np.dtype(word).name}"
    except (TypeError, ValueError):
        return message + did_you_mean(word, _DTYPES)

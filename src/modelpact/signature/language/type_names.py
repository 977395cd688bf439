"""What people write for a type out of habit (Python, pandas, SQL, JSON Schema), and what it is called here."""

from __future__ import annotations

import re

import numpy as np
from mlflow.types.schema import DataType

from modelpact._internal.text import did_you_mean, preview

__all__ = ["SCALARS", "WORDS", "explain_type"]

SCALARS: dict[str, DataType] = {kind.name: kind for kind in DataType}
"""MLflow's scalar types by name."""

WORDS = [*SCALARS, "any", "sparkml_vector"]
"""Every type that is one word."""

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
_BY_ALIAS = {alias: kind for kind, aliases in _ALIASES.items() for alias in aliases.split()}

_ADVICE = {
    "uint64": "no MLflow type holds an unsigned 64-bit integer: use long below 2**63, or string",
    "decimal": "no MLflow type holds a decimal: use double, or string to keep every digit",
    "time": "no MLflow type holds a time of day: use string, or datetime with a date",
    "timedelta": "no MLflow type holds a duration: use double (seconds) or long",
    "timedelta64": "no MLflow type holds a duration: use double (seconds) or long",
    "complex": "no MLflow column type is complex: use two columns of double, or a tensor such as complex128[-1]",
    "object": "write {name: type} for an object; for a pandas column of dtype object write what it holds, such as string",
    "dict": 'write {name: type} for an object, or {"*": type} for a map',
    "map": 'write {"*": type} for a map',
    "struct": "write {name: type} for an object",
    "array": "write [type] for an array, such as [string]",
    "list": "write [type] for an array, such as [string]",
    "ndarray": "write the dtype and the shape of the tensor, such as float32[-1, 3]",
    "tensor": "write the dtype and the shape of the tensor, such as float32[-1, 3]",
    "none": "write the type of the other values and end the key with a ?",
    "null": "write the type of the other values and end the key with a ?",
}
_ADVICE |= {
    alias: _ADVICE[kind]
    for alias, kind in [
        ("complex64", "complex"),
        ("complex128", "complex"),
        ("tuple", "list"),
        ("set", "list"),
        ("sequence", "list"),
    ]
}

_PREFIX = re.compile(
    r"^(mlflow\.)?(types\.)?(schema\.)?(datatype|typing|t|np|numpy|pd|pandas|pl|polars|pa|datetime)\.",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"^(?:typing\.)?(list|sequence|array|dict|map|mapping|optional)\s*[\[<(](.*)[\])>]$",
    re.IGNORECASE,
)
_CALL = re.compile(
    r"^(?:Tensor(?:Spec)?)?\s*\(?['\"]?((?:u?int|float|complex|bool|str)\d*)['\"]?\s*,?\s*\(([-\d,\s]*)\)\)?$"
)


def explain_type(text: str) -> str:
    """Why a word is no type, and what to write instead.

    Example:
        >>> explain_type("int")
        "there is no type 'int'; write long"
        >>> explain_type("flot")
        "there is no type 'flot' (did you mean 'float'?)"
    """
    advice = _advice(text.strip())
    return f"there is no type {preview(text)}" + (
        f"; {advice}" if advice else did_you_mean(text, WORDS)
    )


def _advice(text: str) -> str:
    if text.endswith("?") and _known(text[:-1].strip()):
        return f'the ? belongs to the key: "name?": {text[:-1].strip()}'
    if text.endswith("[]") and (inner := _known(text[:-2].strip())):
        return f"write [{inner}]"
    if generic := _GENERIC.match(text):
        return _generic(generic[1].lower(), generic[2].strip())
    if tensor := _CALL.match(text):
        shape = ", ".join(re.findall(r"-?\d+", tensor[2]))
        return f"a tensor is written {tensor[1]}[{shape}]"
    word = _PREFIX.sub("", text)
    if kind := _known(word):
        return f"write {kind}" + (
            f"; a tensor has a shape as well: {word}[-1]" if _is_dtype(word) else ""
        )
    return _ADVICE.get(word.lower(), "")


def _is_dtype(word: str) -> bool:
    return re.fullmatch(r"(u?int|float)(8|16|32|64)", word) is not None


def _known(word: str) -> str:
    """The type that a word stands for, or nothing."""
    word = _PREFIX.sub("", word)
    lowered = word.lower()
    if word in WORDS:
        return word
    return _BY_ALIAS.get(lowered, lowered if lowered in WORDS else "")


def _generic(kind: str, inner: str) -> str:
    element = _known(inner.rsplit(",", 1)[-1].strip()) or "type"
    if kind in ("dict", "map", "mapping"):
        return f'write {{"*": {element}}} for a map'
    if kind == "optional":
        return f'write {element} and end the key with a ?: "name?": {element}'
    return f"write [{element}]"


def explain_dtype(text: str) -> str:
    """Why a word is no dtype of a tensor, and what to write instead.

    Example:
        >>> explain_dtype("double")
        "'double' is no dtype of a tensor; write float64"
    """
    spelled = {
        "double": "float64",
        "float": "float32",
        "long": "int64",
        "integer": "int32",
        "boolean": "bool",
        "string": "str",
    }
    spelled |= {"binary": "bytes", "datetime": "datetime64[ns]", "int": "int64", "any": "object"}
    word = _PREFIX.sub("", text)
    if word in spelled:
        return f"{preview(text)} is no dtype of a tensor; write {spelled[word]}"
    try:
        return f"{preview(text)} is no dtype of a tensor; write {np.dtype(word).name}"
    except (TypeError, ValueError):
        known = [
            "bool",
            "str",
            "bytes",
            "object",
            *(f"int{bits}" for bits in (8, 16, 32, 64)),
            *(f"uint{bits}" for bits in (8, 16, 32, 64)),
        ]
        known += [
            "float16",
            "float32",
            "float64",
            "complex64",
            "complex128",
            "datetime64[ns]",
            "timedelta64[ns]",
        ]
        return f"{preview(text)} is no dtype of a tensor{did_you_mean(word, known)}"

"""Names of classes and fields in generated Pydantic modules."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Container

from pydantic import BaseModel

__all__ = ["CLASS_NAMES", "PYDANTIC_NAMES", "choose_field_name", "number_name", "to_camel_case"]

PYDANTIC_NAMES = (
    "AfterValidator",
    "BaseModel",
    "BeforeValidator",
    "ConfigDict",
    "Field",
    "PlainSerializer",
    "RootModel",
)
"""Names that a module may import from Pydantic."""

CLASS_NAMES = ("Inputs", "InputsRow", "Params", "Outputs", "OutputsRow", "Request", "Response")
"""Names of the classes that users import."""

_RESERVED = {
    *dir(BaseModel),
    *keyword.kwlist,
    *PYDANTIC_NAMES,
    *CLASS_NAMES,
    *("Annotated", "Any"),
    *("bool", "bytes", "datetime", "dict", "float", "int", "list", "str", "tuple"),
}
"""Names that a field would hide from Pydantic, or from the annotations of later fields."""


def choose_field_name(label: str, taken: Container[str]) -> str:
    """Return a field name for a column: its own name if possible, otherwise a similar one.

    Example:
        >>> choose_field_name("e-mail", ()), choose_field_name("class", ())
        ('e_mail', 'class_')
    """
    normalized = unicodedata.normalize("NFKC", label)
    name = re.sub(r"\W", "_", normalized).lstrip("_") or "field"
    if not name.isidentifier():
        name = f"field_{name}"
    if name in _RESERVED or name.startswith(("Inputs", "Outputs", "Params")):
        name += "_"
    return number_name(name, taken, "_")


def number_name(name: str, taken: Container[str], separator: str = "") -> str:
    """Return a name that is not taken, with the lowest possible number appended.

    Example:
        >>> number_name("Row", {"Row"})
        'Row2'
    """
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}{separator}{number}"
    return candidate


def to_camel_case(label: object) -> str:
    """Return a label as a part of a class name; empty if it has no letters or digits.

    Example:
        >>> to_camel_case("e-mail address")
        'EMailAddress'
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", str(label)))
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if f"A{name}".isidentifier() else ""

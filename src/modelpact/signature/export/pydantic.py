"""Signatures as the text of a Python module of Pydantic models, for clients that want types without modelpact.

The module needs Pydantic 2.11 or later and nothing else. As in `export`, the types are read from the compiled checks themselves.
"""

from __future__ import annotations

import datetime
import keyword
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types.schema import DataType, ParamSpec, Schema, TensorSpec
from pydantic import BaseModel

from modelpact.signature.enforcement.columns import compile_column
from modelpact.signature.enforcement.nested import (
    AnyNode,
    ArrayNode,
    MapNode,
    Node,
    ObjectNode,
    ScalarNode,
    compile_type,
)
from modelpact.signature.export.pydantic_templates import BASES, FUNCTIONS, TYPES

__all__ = ["to_pydantic"]

_PYDANTIC = ("AfterValidator", "BaseModel", "BeforeValidator", "ConfigDict", "Field", "RootModel")

_CLASHES = {
    *(*dir(BaseModel), *keyword.kwlist, *_PYDANTIC, "Annotated", "Any"),
    *("bool", "bytes", "datetime", "dict", "float", "int", "list", "str", "tuple"),
}
"""Names that a field would hide, from Pydantic or from the annotations of the fields after it."""

_FIXED = ("Inputs", "InputsRow", "Params", "Outputs", "OutputsRow", "Request", "Answer")


_Field = tuple[str, str, bool, str | None]
"""A column's name, its annotation, whether it is required, and its default as Python."""


def to_pydantic(signature: ModelSignature, title: str = "") -> str:
    """The text of a Python module with Pydantic models of a signature.

    It has the classes `Inputs`, `Params` and `Outputs` as far as the signature has them, `InputsRow` and `OutputsRow` where they
    are of named columns, and `Request` and `Answer` for the bodies of `/predict`. A name that is no identifier, or that Pydantic
    needs itself, gets another one, with its own as alias.

    Args:
        signature: MLflow's signature.
        title: What the module's docstring says that it is of.

    Returns:
        Python that imports Pydantic and modules of the standard library only.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> text, module = to_pydantic(parse({"inputs": {"age": "long", "e-mail?": "string"}})), {}
        >>> exec(compile(text, "made.py", "exec", dont_inherit=True), module)
        >>> module["Inputs"].model_validate([{"age": 3.0, "e-mail": "a@b.c"}]).root[0].e_mail
        'a@b.c'
    """
    return _Writer().module(signature, title)


class _Writer:
    """Collects the classes of one module, and which helpers they need."""

    def __init__(self) -> None:
        self._classes: list[str] = []
        self._names = set(_FIXED)
        self._types: set[str] = set()
        self._functions: set[str] = set()

    def module(self, signature: ModelSignature, title: str) -> str:
        self._side("Inputs", signature.inputs)
        self._side("Outputs", signature.outputs)
        if signature.params is not None:
            self._params(list(signature.params))
        self._bodies(signature)
        for name in self._types:
            self._functions |= set(TYPES[name][1])
        about = f"Types of {title}." if title else "Types of a model."
        body = "\n\n".join(
            [
                *(
                    FUNCTIONS[name].strip("\n") + "\n"
                    for name in FUNCTIONS
                    if name in self._functions
                ),
                "\n".join(f"{name} = {TYPES[name][0]}" for name in TYPES if name in self._types)
                + "\n",
                BASES.strip("\n") + "\n",
                *self._classes,
            ]
        )
        docstring = _docstring(
            f"{about} Written by modelpact: export it again rather than edit it."
        )
        return re.sub(r"\n{4,}", "\n\n\n", f"{docstring}\n\n{self._imports(body)}\n\n{body}")

    def _imports(self, body: str) -> str:
        modules = {"_single": ("math", "struct"), "_below": ("math",), "_moment": ("datetime",)}
        wanted = {module for name in self._functions for module in modules.get(name, ())}
        lines = [f"import {module}" for module in sorted(wanted)]
        typing = [name for name in ("Annotated", "Any") if re.search(rf"\b{name}\b", body)]
        pydantic = [name for name in _PYDANTIC if re.search(rf"\b{name}\b", body)]
        return "\n".join(
            [
                *lines,
                f"from typing import {', '.join(typing)}",
                "",
                f"from pydantic import {', '.join(pydantic)}",
                "",
            ]
        )

    def _side(self, name: str, schema: Schema | None) -> None:
        if schema is None:
            return
        specs: Any = schema.inputs
        if schema.is_tensor_spec():
            named = schema.has_input_names()
            fields = (
                [(spec.name, self._tensor(spec), True, None) for spec in specs] if named else []
            )
            if named and all(isinstance(key, str) for key, *_ in fields):
                self._add_class(name, "_Row", "Tensors by name, each as nested lists.", fields)
            else:
                self._add_root(
                    name,
                    "_Nothing" if named else self._tensor(specs[0]),
                    "One tensor, as nested lists.",
                )
        elif specs[0].name is None:
            self._positional(
                name,
                [compile_column(spec, None).node for spec in specs]
                if len(specs) == 1
                else self._nodes(specs),
            )
        else:
            self._rows(name, specs)

    def _nodes(self, specs: list[Any]) -> list[Node]:
        return [compile_column(spec, index).node for index, spec in enumerate(specs)]

    def _rows(self, name: str, specs: list[Any]) -> None:
        """Named columns. JSON's names are text: no row has a column that is named by a number."""
        if any(spec.required and not isinstance(spec.name, str) for spec in specs):
            self._add_root(
                name,
                self._helper("_Nothing"),
                "JSON has no rows with columns that are named by numbers.",
            )
            return
        fields = [
            (
                spec.name,
                self._type(compile_column(spec, spec.name).node, f"{name}{_camel(spec.name)}"),
                bool(spec.required),
                None,
            )
            for spec in specs
            if isinstance(spec.name, str)
        ]
        self._add_class(f"{name}Row", "_Row", "One row.", fields)
        least = ", Field(min_length=1)" if any(spec.required for spec in specs) else ""
        self._add_root(
            name, f"Annotated[list[{name}Row]{least}]" if least else f"list[{name}Row]", "The rows."
        )

    def _positional(self, name: str, nodes: list[Node]) -> None:
        types = [self._type(found, f"{name}Value") for found in nodes]
        if len(types) == 1:
            self._add_root(
                name, f"list[{types[0]}]", "The values of the one column, a value a row."
            )
            return
        self._functions.add("_first")
        row = f"Annotated[tuple[{', '.join(types)}], _first({len(types)})]"
        self._add_root(
            name, f"Annotated[list[{row}], Field(min_length=1)]", "The rows, each a list of values."
        )

    def _params(self, specs: list[ParamSpec]) -> None:
        fields = []
        for spec in specs:
            where = f"Params{_camel(spec.name)}"
            if isinstance(spec.dtype, DataType):
                kind = (
                    f"{self._scalar(spec.dtype.name, param=True)} | None"  # null stands for unset
                )
                kind = kind if spec.shape is None else f"list[{kind}]"
            else:
                kind = self._type(compile_type(spec.dtype, nullable=False), where)
            fields.append((spec.name, kind, False, _literal(spec.default)))
        self._add_class("Params", "_Closed", "Inference parameters, with their defaults.", fields)

    def _bodies(self, signature: ModelSignature) -> None:
        inputs = "Any" if signature.inputs is None else "Inputs"
        params = "dict[str, _Nothing]" if signature.params is None else "Params"
        if signature.params is None:
            self._helper("_Nothing")
        self._add_class(
            "Request",
            "_Closed",
            "The body of a request to /predict.",
            [("inputs", inputs, True, None), ("params", f"{params} | None", False, "None")],
        )
        answer = "Any" if signature.outputs is None else "Outputs"
        fields: list[Any] = [
            ("prediction", answer, True, None),
            ("metadata", "dict[str, Any]", True, None),
        ]
        self._add_class("Answer", "_Closed", "The body of an answer of /predict.", fields)

    def _type(self, found: Node, where: str) -> str:
        """The annotation of a compiled type; `where` names the classes that it needs."""
        kind = "Any"
        if isinstance(found, AnyNode):
            return kind
        if isinstance(found, ScalarNode):
            kind = self._scalar(found.expected)
        elif isinstance(found, ArrayNode):
            kind = f"list[{self._type(found.item, f'{where}Item')}]"
        elif isinstance(found, MapNode):
            kind = f"dict[str, {self._type(found.item, f'{where}Value')}]"
        elif isinstance(found, ObjectNode):
            return self._object(found, where)
        return f"{kind} | None" if found.nullable else kind

    def _object(self, found: ObjectNode, where: str) -> str:
        name = self._free(where)
        fields = [
            (key, self._type(inner, f"{name}{_camel(key)}"), key in found.required, None)
            for key, inner in found.properties.items()
        ]
        self._add_class(name, "_Closed", "An object.", fields)
        if not found.nullable:
            return name
        if not found.required:
            return f"{name} | None"
        self._functions.add("_null_if_empty")
        return f"Annotated[{name} | None, BeforeValidator(_null_if_empty)]"

    def _scalar(self, name: str, *, param: bool = False) -> str:
        """A param of float stays the Python float that it is; only its range is that of 32 bits."""
        return self._helper("_FloatParam" if param and name == "float" else f"_{name.capitalize()}")

    def _helper(self, name: str) -> str:
        self._types.add(name)
        return name

    def _tensor(self, spec: TensorSpec) -> str:
        """Nested lists. A list that is empty has no further axes: only the last axis can be without items."""
        if not spec.shape or 0 in spec.shape[:-1]:
            return self._helper("_Nothing")
        if spec.type.kind == "O" and spec.shape == (-1,):
            return "list[Any]"
        kind = self._tensor_item(spec)
        for place, length in reversed(list(enumerate(spec.shape, start=1))):
            kind = f"list[{kind}]"
            if length != -1:
                kind = f"Annotated[{kind}, Field(min_length={length}, max_length={length})]"
            elif place < len(spec.shape):
                kind = f"Annotated[{kind}, Field(min_length=1)]"
        return kind

    def _tensor_item(self, spec: TensorSpec) -> str:
        dtype = spec.type
        if dtype.kind in "iu":
            self._functions.add("_whole")
            whole = np.iinfo(dtype)
            return f"Annotated[int, BeforeValidator(_whole), Field(ge={int(whole.min)}, le={int(whole.max)})]"
        if dtype.kind == "f":
            self._functions.add("_exact")
            width = np.finfo(dtype)
            bits = f"_exact({width.nmant + 1})"
            if dtype.itemsize >= 8:
                return f"Annotated[float, {bits}]"
            self._functions.add("_below")
            beyond = 2.0**width.maxexp - 2.0 ** (
                width.maxexp - width.nmant - 2
            )  # the first that rounds to infinity
            return f"Annotated[float, {bits}, _below({beyond!r})]"
        if dtype.kind == "O":
            self._functions |= {"_no_list"} if spec.shape[-1] != -1 else set()
            return "Any" if spec.shape[-1] == -1 else "Annotated[Any, BeforeValidator(_no_list)]"
        return {"b": "bool", "U": "str"}.get(dtype.kind) or self._helper("_Nothing")

    def _free(self, name: str) -> str:
        """A class name that no other has."""
        found, number = name, 1
        while found in self._names:
            number += 1
            found = f"{name}{number}"
        self._names.add(found)
        return found

    def _add_root(self, name: str, kind: str, about: str) -> None:
        if kind == "_Nothing":
            self._helper(kind)
        lines = [
            f"class {name}(RootModel[{kind}]):",
            f'    """{about}"""',
            "",
            "    model_config = ConfigDict(strict=True)",
            "",
        ]
        self._classes.append("\n".join(lines))

    def _add_class(self, name: str, base: str, about: str, fields: Sequence[_Field]) -> None:
        lines = [f"class {name}({base}):", f'    """{about}"""', ""]
        taken: set[str] = set()
        for key, kind, required, default in fields:
            label = _identifier(key, taken)
            taken.add(label)
            annotation = (
                kind
                if required or default is not None or kind.endswith("None")
                else f"{kind} | None"
            )
            value = None if required else default or "None"
            if label != key:
                inner = f"alias={key!r}" if value is None else f"default={value}, alias={key!r}"
                value = f"Field({inner})"
            lines.append(f"    {label}: {annotation}" + ("" if value is None else f" = {value}"))
        self._classes.append("\n".join([*lines, ""]))


def _identifier(key: str, taken: set[str]) -> str:
    """A name for a field that is near to a column's own, and the same wherever that will do."""
    plain = unicodedata.normalize("NFKC", key)
    found = re.sub(r"\W", "_", plain).lstrip("_") or "field"
    found = found if found.isidentifier() else f"field_{found}"
    if found in _CLASHES or found in _FIXED or found.startswith(("Inputs", "Outputs", "Params")):
        found += "_"
    label, number = found, 1
    while label in taken:
        number += 1
        label = f"{found}_{number}"
    return label


def _camel(key: Any) -> str:
    """A name as part of a class's name."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", str(key)))
    found = "".join(word[0].upper() + word[1:] for word in words)
    return found if f"A{found}".isidentifier() else ""


def _literal(value: Any) -> str:
    """A default as Python."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, datetime.datetime):
        return f"datetime.datetime.fromisoformat({value.isoformat()!r})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ", ".join(map(_literal, value)) + "]"
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        return f'float("{plain}")'
    return repr(plain)


def _docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{"".join(letter if letter.isprintable() else " " for letter in escaped)}"""'

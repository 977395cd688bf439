"""Derives schemas from type hints: as MLflow does, and from more kinds of hints."""

from __future__ import annotations

import datetime
import inspect
import typing
from collections.abc import Callable, Sequence
from enum import Enum
from types import UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from mlflow.exceptions import MlflowException
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Map, Object, Property, Schema
from pydantic import RootModel

from modelpact._internal.hints import unwrap_hint
from modelpact.errors import SignError
from modelpact.signature.inference.hint_advice import format_hint, is_container_hint, suggest_hint
from modelpact.signature.inference.hint_fields import (
    find_obstacle,
    has_fields,
    is_typed_dict,
    read_fields,
)
from modelpact.signature.language.type_names import ColumnType

__all__ = ["from_predict", "from_type_hint"]

_SCALARS: dict[object, DataType] = {
    int: DataType.long,
    str: DataType.string,
    bool: DataType.boolean,
    float: DataType.double,
    bytes: DataType.binary,
    datetime.datetime: DataType.datetime,
    datetime.date: DataType.datetime,
}
_UNIONS = (Union, UnionType)

_Parents = tuple[object, ...]


def from_type_hint(hint: object, *, role: Literal["inputs", "outputs"] = "inputs") -> Schema:
    """Return the schema of a type hint.

    Args:
        hint: For inputs `list[...]`, one item per row: of scalars, lists, dicts, Pydantic models,
            dataclasses or TypedDicts, to any depth. `Literal`, `Enum` and `date` become the type
            of their values. For outputs the list is optional.
        role: Whether the hint is that of the inputs or of the outputs.

    Returns:
        One unnamed column. A property is optional if the field may be None, and a union of several
        types is `any`. It equals MLflow's schema wherever MLflow supports the hint, except that
        inputs have the alias of a field that is validated by its alias, outputs have computed
        fields, and a root model is the type of its root.

    Raises:
        SignError: The hint has no schema. `hint` and `path` identify the part at fault, and the
            remedy is what to write instead.

    Example:
        >>> from pydantic import BaseModel
        >>> class Author(BaseModel):
        ...     name: str
        ...     orcid: str | None = None
        >>> from_type_hint(list[Author])
        [{name: string (required), orcid: string (optional)} (required)]
    """
    hint = unwrap_hint(hint)
    if hint is list or get_origin(hint) is list:
        element, path = _get_element(hint, role), f"{role}[]"
    elif role == "inputs":
        _reject_inputs_without_list(hint)
    else:
        element, path = hint, role
    dtype, required = _read_hint(element, path, ())
    if not required:
        remedy = "A row cannot be None: remove None, or use a Pydantic model with optional fields."
        _reject(element, path, remedy)
    return Schema([ColSpec(dtype)])


def from_predict(function: object) -> tuple[Schema | None, Schema | None]:
    """Return the schemas of the inputs and outputs, from the type hints of `predict`.

    Args:
        function: A `predict` function or method, a `PythonModel` (class or instance), or a callable
            object.

    Returns:
        The schemas of inputs and outputs. A schema is None if there is no hint, if the hint names a
        container but not its columns, such as `pandas.DataFrame`, or if the inputs are `Any`.

    Raises:
        SignError: A hint has no schema, or names an undefined type.

    Example:
        >>> def predict(model_input: list[str], params=None) -> list[float]: ...
        >>> from_predict(predict)
        ([string (required)], [double (required)])
    """
    predict: Any = function
    if not inspect.isroutine(function):
        predict = getattr(function, "predict", None) or function.__call__  # type: ignore[operator]
    try:
        hints = typing.get_type_hints(predict, include_extras=True)
        input_name = _find_input_name(predict)
    except (NameError, TypeError) as error:
        name = getattr(predict, "__qualname__", "predict")
        raise SignError(
            f"cannot read the type hints of {name}: {error}",
            remedy="Import the types of the hints at the top of the module, outside TYPE_CHECKING.",
            hint="",
            path="predict",
        ) from error
    return _read_role(hints.get(input_name), "inputs"), _read_role(hints.get("return"), "outputs")


def _read_role(hint: object, role: Literal["inputs", "outputs"]) -> Schema | None:
    hint = unwrap_hint(hint)
    if hint in (None, type(None)) or is_container_hint(hint):
        return None
    if role == "inputs" and hint == Any:
        return None
    return from_type_hint(hint, role=role)


def _find_input_name(predict: Callable[..., Any]) -> str:
    """Return the parameter of the inputs: the first one, or the second after MLflow's context."""
    parameters = list(inspect.signature(predict).parameters)
    names = [name for name in parameters if name != "self"]
    if parameters[:1] == ["self"] or inspect.ismethod(predict):
        has_context = "context" in names or len({*names} - {"params"}) == 2
    else:
        has_context = names[:1] == ["context"]
    return next(iter(names[has_context:]), "")


def _reject(hint: object, path: str, remedy: str) -> NoReturn:
    text = format_hint(hint)
    raise SignError(
        f"cannot derive a schema from the type hint {text} at {path}",
        remedy=remedy,
        hint=text,
        path=path,
    )


def _reject_inputs_without_list(hint: object) -> NoReturn:
    origin = get_origin(hint)
    if origin in _UNIONS and any(get_origin(part) is list for part in get_args(hint)):
        remedy = "The inputs are a list of rows, which cannot be None or a union: write the list."
        _reject(hint, "inputs", remedy)
    if _is_row_hint(hint):
        remedy = f"The inputs are a list of rows: write list[{format_hint(hint)}]."
        _reject(hint, "inputs", remedy)
    _reject(hint, "inputs", suggest_hint(hint))


def _is_row_hint(hint: object) -> bool:
    is_plain = hint == Any or hint in _SCALARS
    is_generic = get_origin(hint) in (dict, Literal, *_UNIONS)
    return is_plain or is_generic or has_fields(hint)


def _get_element(hint: object, path: str) -> object:
    arguments = get_args(hint)
    if len(arguments) != 1:
        _reject(hint, path, "A list needs the type of its items, such as list[str].")
    return arguments[0]


def _read_hint(hint: object, path: str, parents: _Parents) -> tuple[ColumnType, bool]:
    """Return the type of a hint, and whether a value is required.

    Args:
        hint: A type hint.
        path: Its position.
        parents: The models and TypedDicts that contain the hint.
    """
    _reject_obstacle(hint, getattr(hint, "__metadata__", ()), path)
    hint = unwrap_hint(hint)
    if hint == Any:
        return AnyType(), True
    if inspect.isclass(hint) and get_origin(hint) is None:
        return _read_class(hint, path, parents)
    return _read_generic(hint, path, parents)


def _reject_obstacle(hint: object, metadata: Sequence[object], path: str) -> None:
    obstacle = find_obstacle(metadata) if path.startswith("inputs") else ""
    if obstacle:
        _reject(hint, path, obstacle)


def _read_class(hint: type, path: str, parents: _Parents) -> tuple[ColumnType, bool]:
    if hint in _SCALARS:
        return _SCALARS[hint], True
    if issubclass(hint, RootModel):
        return _read_root(hint, path, parents)
    if has_fields(hint):
        return _read_object(hint, path, parents), True
    if issubclass(hint, Enum):
        return _read_values(hint, list(hint), path)
    _reject(hint, path, suggest_hint(hint))


def _read_generic(hint: object, path: str, parents: _Parents) -> tuple[ColumnType, bool]:
    origin = get_origin(hint)
    if origin is list:
        return Array(_read_hint(_get_element(hint, path), f"{path}[]", parents)[0]), True
    if origin is dict:
        return _read_dict(hint, path, parents), True
    if origin in _UNIONS:
        return _read_union(get_args(hint), path, parents)
    if origin is Literal:
        return _read_values(hint, get_args(hint), path)
    if is_typed_dict(hint):
        return _read_object(hint, path, parents), True
    _reject(hint, path, suggest_hint(hint))


def _read_dict(hint: object, path: str, parents: _Parents) -> Map:
    arguments = get_args(hint)
    if len(arguments) != 2:
        remedy = "A dict needs the types of its keys and values, such as dict[str, float]"
        _reject(hint, path, f"{remedy}; for named fields use a Pydantic model.")
    key, value = arguments
    if unwrap_hint(key) is not str:
        _reject(
            hint, path, f"The keys of a map are strings: write dict[str, {format_hint(value)}]."
        )
    return Map(_read_hint(value, f"{path}.*", parents)[0])


def _read_union(
    arguments: tuple[object, ...], path: str, parents: _Parents
) -> tuple[ColumnType, bool]:
    """Return the type of a union; like in MLflow, several types are `any`."""
    types = [argument for argument in arguments if argument is not type(None)]
    required = len(types) == len(arguments)
    if len(types) == 1:
        return _read_hint(types[0], path, parents)[0], required
    return AnyType(), required


def _read_values(hint: object, members: Sequence[object], path: str) -> tuple[DataType, bool]:
    """Return the type of the values of a `Literal` or an `Enum`; None makes it optional."""
    values = [member.value if isinstance(member, Enum) else member for member in members]
    kinds = {_SCALARS.get(type(value)) for value in values if value is not None}
    match list(kinds):
        case [DataType() as kind]:
            return kind, None not in values
    remedy = "Its values must have one type: all str, int, float, bool, bytes or datetime."
    _reject(hint, path, remedy)


def _read_object(hint: Any, path: str, parents: _Parents) -> Object:
    _reject_recursion(hint, path, parents)
    properties = []
    for field in read_fields(hint, "inputs" if path.startswith("inputs") else "outputs"):
        field_path = f"{path}.{field.name}"
        if field.key is None:
            remedy = f"A property has one name: give {field.name} an alias that is a string."
            _reject(hint, field_path, remedy)
        _reject_obstacle(field.hint, field.metadata, field_path)
        dtype, required = _read_hint(field.hint, field_path, (*parents, hint))
        if not required and field.needs_default:
            remedy = "A field that may be None needs the default None"
            _reject(
                field.hint, field_path, f"{remedy}: {field.name}: {format_hint(field.hint)} = None."
            )
        properties.append(Property(field.key, dtype, required and not field.may_be_absent))
    return _make_object(hint, properties, path)


def _read_root(
    model: type[RootModel[Any]], path: str, parents: _Parents
) -> tuple[ColumnType, bool]:
    """Return the type of the only value of a root model, which is a row itself."""
    _reject_recursion(model, path, parents)
    return _read_hint(model.model_fields["root"].annotation, path, (*parents, model))


def _reject_recursion(hint: object, path: str, parents: _Parents) -> None:
    if hint in parents:
        remedy = "A schema cannot be recursive: write out the depth that is needed, or use Any."
        _reject(hint, path, remedy)


def _make_object(hint: object, properties: list[Property], path: str) -> Object:
    try:
        return Object(properties)
    except MlflowException:
        remedy = "An object needs at least one field; for free keys write dict[str, Any]."
        _reject(hint, path, remedy)

"""Schemas read from type hints: MLflow's own where MLflow has one, more where the meaning is plain, an error elsewhere."""

from __future__ import annotations

import datetime
import inspect
import typing
from collections.abc import Callable
from enum import Enum
from types import UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from mlflow.exceptions import MlflowException
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Map, Object, Property, Schema
from pydantic import BaseModel

from modelpact.errors import SignError
from modelpact.signature.inference.hint_advice import hint_text, remedy_for, states_no_schema

__all__ = ["from_predict", "from_type_hint"]

_SCALARS: dict[Any, DataType] = {
    int: DataType.long,
    str: DataType.string,
    bool: DataType.boolean,
    float: DataType.double,
    bytes: DataType.binary,
    datetime.datetime: DataType.datetime,
    datetime.date: DataType.datetime,
}
_NONE = type(None)
_WRAPPERS = (typing.Annotated, typing.Required, typing.NotRequired)


def from_type_hint(hint: Any, *, role: Literal["inputs", "outputs"] = "inputs") -> Schema:
    """The schema that a type hint states.

    Args:
        hint: For inputs `list[...]`, one item a row: of scalars, lists, dicts, Pydantic models or TypedDicts, to any depth.
            `Literal`, `Enum` and `date` become the type of their values. For outputs the list may be left out.
        role: Whether the hint is that of the inputs or of the outputs.

    Returns:
        One unnamed column. It equals MLflow's own schema wherever MLflow supports the hint: a property is named after its field
        (not its alias), it is optional where the field may be None, and a union of several types is `any`.

    Raises:
        SignError: The hint states no schema; `hint` and `place` say which part of it, the remedy what to write instead.

    Example:
        >>> class Author(BaseModel):
        ...     name: str
        ...     orcid: str | None = None
        >>> from_type_hint(list[Author])
        [{name: string (required), orcid: string (optional)} (required)]
    """
    plain = _unwrapped(hint)
    if plain is list or get_origin(plain) is list:
        element, place = _element(plain, role), f"{role}[]"
    elif role == "inputs":
        _refuse_bare_inputs(plain)
    else:
        element, place = plain, role
    dtype, required = _column(element, place, ())
    if not required:
        _fail(
            element,
            place,
            "A row cannot be None: drop None here, and use a Pydantic model for values that may be missing.",
        )
    return Schema([ColSpec(dtype)])


def from_predict(function: Any) -> tuple[Schema | None, Schema | None]:
    """The schemas that the hints of a `predict` state.

    Args:
        function: A `predict` function or method, a `PythonModel` (its class or an instance), or any object that can be called.

    Returns:
        The schema of the inputs and that of the outputs; None where there is no hint, or one that names a container but not its
        columns, such as `pandas.DataFrame`, or `Any` for the inputs as a whole.

    Raises:
        SignError: A hint states no schema, or names a type that is not defined.

    Example:
        >>> def predict(model_input: list[str], params=None) -> list[float]: ...
        >>> from_predict(predict)
        ([string (required)], [double (required)])
    """
    predict = (
        function
        if inspect.isroutine(function)
        else getattr(function, "predict", None) or function.__call__
    )
    try:
        hints = typing.get_type_hints(predict)
        name = _input_name(predict)
    except (NameError, TypeError) as error:
        raise SignError(
            f"the type hints of {getattr(predict, '__qualname__', 'predict')} cannot be read: {error}",
            remedy="Import the types that the hints name at the top of the module, outside of TYPE_CHECKING.",
            hint="",
            place="predict",
        ) from error
    return _schema(hints.get(name), "inputs"), _schema(hints.get("return"), "outputs")


def _schema(hint: Any, role: Literal["inputs", "outputs"]) -> Schema | None:
    if (
        hint is None
        or hint is _NONE
        or states_no_schema(hint)
        or (role == "inputs" and hint == Any)
    ):
        return None
    return from_type_hint(hint, role=role)


def _input_name(predict: Callable[..., Any]) -> str:
    """The argument that takes the inputs: the first one, or the second where the first is MLflow's context."""
    names = list(inspect.signature(predict).parameters)
    method = names[:1] == ["self"] or inspect.ismethod(predict)
    names = [name for name in names if name != "self"]
    others = [name for name in names if name != "params"]
    with_context = names[:1] == ["context"] or (method and ("context" in names or len(others) == 2))
    inputs = names[1:] if with_context else names
    return inputs[0] if inputs else ""


def _fail(hint: Any, place: str, remedy: str) -> NoReturn:
    text = hint_text(hint)
    raise SignError(
        f"the type hint {text} at {place} states no schema", remedy=remedy, hint=text, place=place
    )


def _unwrapped(hint: Any) -> Any:
    """The type inside of `Annotated`, `Required`, `NewType` and `type X = ...`, which only decorate it."""
    while True:
        if get_origin(hint) in _WRAPPERS:
            hint = get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":  # `type X = list[int]`, from Python 3.12 on
            hint = hint.__value__
        else:
            return hint


def _refuse_bare_inputs(hint: Any) -> NoReturn:
    if get_origin(hint) in (Union, UnionType) and any(
        get_origin(part) is list for part in get_args(hint)
    ):
        _fail(
            hint,
            "inputs",
            "The inputs are a list of rows and cannot be None or of several types: write the list alone.",
        )
    if (
        hint == Any
        or hint in _SCALARS
        or get_origin(hint) in (dict, Union, UnionType, Literal)
        or _is_model(hint)
        or _is_typed_dict(hint)
    ):
        _fail(hint, "inputs", f"The inputs are a list of rows: write list[{hint_text(hint)}].")
    _fail(hint, "inputs", remedy_for(hint))


def _element(hint: Any, place: str) -> Any:
    arguments = get_args(hint)
    if len(arguments) != 1:
        _fail(hint, place, "A list names the one type of its items, such as list[str].")
    return arguments[0]


def _column(hint: Any, place: str, above: tuple[Any, ...]) -> tuple[Any, bool]:
    """The type of a hint and whether a value is required, in the order in which MLflow decides."""
    hint = _unwrapped(hint)
    if hint == Any:
        return AnyType(), True
    if isinstance(hint, type) and hint in _SCALARS:
        return _SCALARS[hint], True
    if _is_model(hint):
        return _of_model(hint, place, above), True
    if _is_typed_dict(hint):
        return _of_typed_dict(hint, place, above), True
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _of_values(hint, [member.value for member in hint], place)
    origin = get_origin(hint)
    if origin is list:
        return Array(_column(_element(hint, place), f"{place}[]", above)[0]), True
    if origin is dict:
        return _of_dict(hint, place, above), True
    if origin in (Union, UnionType):
        return _of_union(get_args(hint), place, above)
    if origin is Literal:
        return _of_values(
            hint,
            [value.value if isinstance(value, Enum) else value for value in get_args(hint)],
            place,
        )
    return _fail(hint, place, remedy_for(hint))


def _of_dict(hint: Any, place: str, above: tuple[Any, ...]) -> Map:
    arguments = get_args(hint)
    if len(arguments) != 2:
        _fail(
            hint,
            place,
            "A dict names the types of its keys and values, such as dict[str, float]; for named fields use a Pydantic model.",
        )
    if _unwrapped(arguments[0]) is not str:
        _fail(
            hint, place, f"The keys of a map are text: write dict[str, {hint_text(arguments[1])}]."
        )
    return Map(_column(arguments[1], f"{place}.*", above)[0])


def _of_union(arguments: tuple[Any, ...], place: str, above: tuple[Any, ...]) -> tuple[Any, bool]:
    """MLflow makes a union of several types `any`, so that its values are not checked at all."""
    some = [argument for argument in arguments if argument is not _NONE]
    required = len(some) == len(arguments)
    if len(some) == 1:
        return _column(some[0], place, above)[0], required
    return AnyType(), required


def _of_values(hint: Any, values: list[Any], place: str) -> tuple[DataType, bool]:
    """The one type of the values of a `Literal` or an `Enum`; None among them makes it optional."""
    kinds = {_SCALARS.get(type(value)) for value in values if value is not None}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        _fail(
            hint,
            place,
            "Its values must be of one type: all text, all integers, all floats, all booleans or all moments.",
        )
    return kind, None not in values


def _is_model(hint: Any) -> bool:
    return inspect.isclass(hint) and get_origin(hint) is None and issubclass(hint, BaseModel)


def _is_typed_dict(hint: Any) -> bool:
    return (
        inspect.isclass(hint) and hasattr(hint, "__required_keys__") and hasattr(hint, "__total__")
    )


def _of_model(model: type[BaseModel], place: str, above: tuple[Any, ...]) -> Object:
    _refuse_circle(model, place, above)
    if not model.__pydantic_complete__:
        model.model_rebuild(raise_errors=False)
    properties = []
    for name, field in model.model_fields.items():
        dtype, required = _column(field.annotation, f"{place}.{name}", (*above, model))
        if not required and field.is_required():
            _fail(
                field.annotation,
                f"{place}.{name}",
                f"A field that may be None needs the default None: {name}: {hint_text(field.annotation)} = None.",
            )
        properties.append(Property(name, dtype, required))
    return _object(model, properties, place)


def _of_typed_dict(hint: Any, place: str, above: tuple[Any, ...]) -> Object:
    _refuse_circle(hint, place, above)
    properties = []
    for name, annotation in typing.get_type_hints(hint, include_extras=True).items():
        dtype, required = _column(annotation, f"{place}.{name}", (*above, hint))
        said = get_origin(
            annotation
        )  # NotRequired is not in __required_keys__ where annotations are postponed
        present = said is typing.Required or (
            said is not typing.NotRequired and name in hint.__required_keys__
        )
        properties.append(Property(name, dtype, required and present))
    return _object(hint, properties, place)


def _refuse_circle(hint: Any, place: str, above: tuple[Any, ...]) -> None:
    if hint in above:
        _fail(
            hint,
            place,
            "A schema has an end: this type contains itself. Write out the depth that is needed, or use Any here.",
        )


def _object(hint: Any, properties: list[Property], place: str) -> Object:
    try:
        return Object(properties)
    except MlflowException:
        _fail(hint, place, "An object has at least one field; for free keys write dict[str, Any].")

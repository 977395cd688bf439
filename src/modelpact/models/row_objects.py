"""Rows as the objects that the type hints of `predict` name, and predicted objects as plain data.

Only a saved model whose `predict` has such hints carries this module.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterable
from enum import Enum
from types import UnionType
from typing import Any, Literal, NoReturn, get_args, get_origin

import typing_extensions
from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import ErrorDetails

from modelpact._internal.hints import unwrap_hint
from modelpact._internal.text import truncate
from modelpact.errors import InputsError
from modelpact.signature.enforcement.violations import (
    DEFAULT_LIMIT,
    ViolationCode,
    Violations,
    describe_value,
)

__all__ = [
    "RowHint",
    "call_predict",
    "convert_inputs",
    "read_row_hint",
    "to_data",
    "uses_objects",
]

_EXACT: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (float, int),
    str: (str,),
    bool: (bool,),
}
"""The types of the values that a hint accepts; Pydantic alone would convert "1" to 1."""

_PLAIN = frozenset({bool, int, float, str, bytes, type(None)})


def call_predict(model: Any, inputs: Any, params: Any = None) -> Any:
    """Call `predict` with objects of its type hint, and return plain data.

    Args:
        model: An object with a method `predict`. Without type hints of rows, its inputs and its
            prediction are left as they are.
        inputs: Rows as dicts and lists, a DataFrame `(n_rows, n_columns)`, or objects.
        params: Inference parameters.

    Raises:
        InputsError: The inputs violate the type hint.

    Example:
        >>> class Row(BaseModel):
        ...     w: float
        >>> class Squares:
        ...     def predict(self, inputs: list[Row], params=None) -> list[Row]:
        ...         return [Row(w=row.w**2) for row in inputs]
        >>> call_predict(Squares(), [{"w": 2.0}])
        [{'w': 4.0}]
    """
    predict = type(model).predict
    hint = read_row_hint(predict)
    prediction = model.predict(inputs if hint is None else hint.to_objects(inputs), params)
    return to_data(prediction) if uses_objects(predict) else prediction


def convert_inputs(model: Any, method: str, inputs: Any) -> Any:
    """Return inputs as a method of a model takes them: as `predict` does.

    If the method has a type hint of its own for its first parameter, that hint counts.

    Args:
        model: The model.
        method: `fit`, `fallback` or `predict_stream`.
        inputs: As for `call_predict`.

    Raises:
        InputsError: The inputs violate the type hint.
    """
    hint = read_row_hint(type(model).predict)
    if hint is None:
        return inputs
    if _read_first_hint(own := getattr(type(model), method)) is not Any:
        hint = read_row_hint(own)
    return inputs if hint is None else hint.to_objects(inputs)


def uses_objects(predict: Callable[..., Any]) -> bool:
    """Return whether a method `predict` is hinted to take rows, or to return objects."""
    return read_row_hint(predict) is not None or _has_objects(_read_hints(predict).get("return"))


@functools.lru_cache(maxsize=256)
def read_row_hint(predict: Callable[..., Any]) -> RowHint | None:
    """Return the type hint `list[...]` of the inputs of a method `predict`, if there is one."""
    hint = _read_first_hint(predict)
    if get_origin(hint) is not list:
        return None
    try:
        return RowHint(hint)
    # Pydantic cannot validate the hint, and neither can MLflow.
    except (PydanticUserError, NameError):
        return None


def _read_first_hint(method: Callable[..., Any]) -> Any:
    """Return the type hint of the inputs of a method; Any without one."""
    parameters = inspect.signature(method).parameters
    first = next((name for name in parameters if name not in ("self", "context")), "")
    return unwrap_hint(_read_hints(method).get(first, Any))


def _read_hints(predict: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(predict, include_extras=True)
    # The hints name types that are imported for type checkers only.
    except (NameError, TypeError):
        return {}


class RowHint:
    """The type hint of rows, as a validator.

    Args:
        hint: `list[...]`.
    """

    def __init__(self, hint: Any) -> None:
        self.hint = hint if sys.version_info >= (3, 12) else _with_new_typed_dicts(hint)
        self._adapter: TypeAdapter[Any] = TypeAdapter(self.hint)
        row = unwrap_hint(get_args(self.hint)[0])
        is_class = inspect.isclass(row)
        fields = _find_fields(row) if is_class else None
        self._fields = fields or {}
        self._has_names = get_origin(row) is dict or fields is not None

    def to_objects(self, inputs: Any, limit: int = DEFAULT_LIMIT) -> Any:
        """Return inputs as the hint has them: objects, enumeration members, dates.

        Values are not converted to other types, such as text to numbers, except that JSON has
        base64 for bytes, and text for dates.

        Args:
            inputs: As for `call_predict`.
            limit: The number of violations that an error lists.

        Raises:
            InputsError: The inputs violate the hint.
        """
        rows = self._to_rows(inputs)
        try:
            return self._adapter.validate_python(rows, strict=True)
        except ValidationError:
            # Strict mode accepts neither JSON's forms of dates and enumerations nor dataclasses.
            prepared = _prepare(rows, self.hint)
        try:
            return self._adapter.validate_python(prepared)
        except ValidationError as error:
            _raise_inputs_error(error, limit)

    def _to_rows(self, inputs: Any) -> Any:
        if hasattr(inputs, "columns") and hasattr(inputs, "iloc"):
            # MLflow and the signature engine pass unnamed data as the column 0.
            is_column = list(inputs.columns) == [0]
            if not is_column and (len(inputs.columns) != 1 or self._has_names):
                return list(map(self._without_nulls, inputs.to_dict(orient="records")))
            inputs = inputs.iloc[:, 0]
        return inputs.tolist() if hasattr(inputs, "tolist") else inputs

    def _without_nulls(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row of a DataFrame, in which an absent value is null; NaN is a float as well."""
        return {
            key: value
            for key, value in row.items()
            if not _is_null(value) or unwrap_hint(self._fields.get(key, float)) is float
        }


def _is_null(value: Any) -> bool:
    is_nan = isinstance(value, float) and value != value  # noqa: PLR0124
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


@dataclasses.dataclass(frozen=True)
class _Mismatch:
    """A value of a wrong type, which Pydantic rejects in its place."""

    value: Any


def _prepare(value: Any, hint: Any) -> Any:
    """Return a value for Pydantic: decoded, and with mismatches marked."""
    hint = unwrap_hint(hint)
    if hasattr(value, "dtype"):
        # A value of NumPy, which only becomes a Python datetime in microseconds.
        value = (value.astype("datetime64[us]") if value.dtype.kind == "M" else value).tolist()
    if inspect.isclass(hint):
        return _prepare_for_class(value, hint)
    return _prepare_for_generic(value, get_origin(hint), get_args(hint))


def _prepare_for_class(value: Any, hint: Any) -> Any:
    if hint in _EXACT:
        is_exact = isinstance(value, _EXACT[hint]) and isinstance(value, bool) == (hint is bool)
        return value if is_exact else _Mismatch(value)
    if issubclass(hint, RootModel):
        return _prepare(value, hint.model_fields["root"].annotation)
    fields = _find_fields(hint)
    if fields is None:
        return _prepare_leaf(value, hint)
    if not isinstance(value, dict):
        return value
    return {key: _prepare(item, fields.get(key, Any)) for key, item in value.items()}


def _prepare_for_generic(value: Any, origin: Any, arguments: tuple[Any, ...]) -> Any:
    if origin in (list, dict) and isinstance(value, origin):
        return _prepare_items(value, arguments[-1])
    if origin is Literal:
        return _prepare_literal(value, arguments)
    if origin in (typing.Union, UnionType) and value is not None:
        others = [argument for argument in arguments if argument is not type(None)]
        return _prepare(value, others[0]) if len(others) == 1 else value
    return value


def _prepare_items(values: list[Any] | dict[Any, Any], hint: Any) -> Any:
    if isinstance(values, list):
        return [_prepare(item, hint) for item in values]
    return {key: _prepare(item, hint) for key, item in values.items()}


def _prepare_literal(value: Any, members: tuple[Any, ...]) -> Any:
    value = _decode_member(value, members)
    return next((one for one in members if isinstance(one, Enum) and one.value == value), value)


def _decode_member(value: Any, members: Iterable[Any]) -> Any:
    """Return the bytes of base64 text if a member is bytes."""
    has_bytes = any(isinstance(member, bytes) for member in map(to_data, members))
    return _decode(value) if has_bytes and isinstance(value, str) else value


def _decode(text: str) -> Any:
    """Return the bytes of base64 text, as MLflow's server does."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        return _Mismatch(text)


def _prepare_leaf(value: Any, hint: Any) -> Any:
    """Return a value that JSON has as text, such as a date, for models in strict mode as well."""
    if hint is bytes and isinstance(value, str):
        return _decode(value)
    if issubclass(hint, Enum):
        value = _decode_member(value, hint)
    # A datetime is a date as well.
    if type(value) is hint:
        return value
    try:
        return _leaf_adapter(hint).validate_python(value)
    except (ValidationError, PydanticUserError):
        return value


@functools.lru_cache(maxsize=256)
def _leaf_adapter(hint: type) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


@functools.lru_cache(maxsize=256)
def _find_fields(kind: type) -> dict[str, Any] | None:
    """Return the type hints of a class with fields, by name and by alias; None without fields."""
    if issubclass(kind, BaseModel):
        names = {name: field.annotation for name, field in kind.model_fields.items()}
        aliases = {
            field.validation_alias: field.annotation
            for field in kind.model_fields.values()
            if isinstance(field.validation_alias, str)
        }
        return {**names, **aliases}
    if dataclasses.is_dataclass(kind) or typing_extensions.is_typeddict(kind):
        return typing.get_type_hints(kind, include_extras=True)
    return None


def _has_objects(hint: Any) -> bool:
    """Return whether values of a hint are objects, which JSON does not have, at any depth."""
    hint = unwrap_hint(hint)
    if inspect.isclass(hint):
        return issubclass(hint, (BaseModel, Enum)) or dataclasses.is_dataclass(hint)
    return any(map(_has_objects, get_args(hint)))


def _with_new_typed_dicts(hint: Any) -> Any:
    """Return a hint with the TypedDicts of typing_extensions, which Pydantic needs before 3.12."""
    if typing_extensions.is_typeddict(hint):
        return _new_typed_dict(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    new = tuple(map(_with_new_typed_dicts, arguments))
    if new == arguments or origin is Literal:
        return hint
    if origin is UnionType:
        origin = typing.Union
    return origin[new if len(new) > 1 else new[0]]


def _new_typed_dict(hint: Any) -> Any:
    fields = typing.get_type_hints(hint, include_extras=True)
    known = {name: _with_new_typed_dicts(field) for name, field in fields.items()}
    for name in known.keys() - hint.__required_keys__:
        if get_origin(known[name]) not in (typing.Required, typing.NotRequired):
            known[name] = typing.NotRequired[known[name]]
    return typing_extensions.TypedDict(hint.__name__, known)  # type: ignore[operator]


def _raise_inputs_error(error: ValidationError, limit: int) -> NoReturn:
    violations = Violations(limit)
    violations.cause = error
    for issue in error.errors(include_url=False):
        row, *path = issue["loc"] or (None,)
        position = row if isinstance(row, int) else None
        where = () if row is None else (0, *path)
        violations.add_message(ViolationCode.TYPE_HINT, where, *_describe_issue(issue), position)
    violations.raise_if_any(InputsError, "inputs")
    raise AssertionError("Pydantic raised an error without an issue") from error


def _describe_issue(issue: ErrorDetails) -> tuple[str, str]:
    value = issue["input"]
    if issue["type"] in ("value_error", "assertion_error"):
        # The message of a validator of the user may repeat the data.
        return "a value that the validators of the type hint accept", truncate(issue["msg"])
    if issue["type"] == "missing":
        return "a value", "nothing"
    got = describe_value(value.value if isinstance(value, _Mismatch) else value)
    return issue["msg"].removeprefix("Input should be "), got


def to_data(value: Any) -> Any:
    """Return plain data for predicted objects, as MLflow's server does: `model_dump`.

    Computed fields are included, and fields have their own names, not their aliases.

    Example:
        >>> @dataclasses.dataclass
        ... class Area:
        ...     w: float
        >>> to_data([Area(2.0)])
        [{'w': 2.0}]
    """
    if isinstance(value, BaseModel):
        return to_data(value.model_dump())
    if dataclasses.is_dataclass(type(value)):
        return {item.name: to_data(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        is_plain = set(map(type, value)) <= _PLAIN
        return list(value) if is_plain else list(map(to_data, value))
    if isinstance(value, dict):
        return {key: to_data(item) for key, item in value.items()}
    return value

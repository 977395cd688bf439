"""The fields of Pydantic models, dataclasses and TypedDicts, as rows and predictions have them."""

from __future__ import annotations

import dataclasses
import inspect
import operator
import typing
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from itertools import chain
from typing import Any, Literal, get_origin

from pydantic import AliasChoices, BaseModel, Json, RootModel
from pydantic.fields import FieldInfo

__all__ = [
    "HintField",
    "find_obstacle",
    "has_fields",
    "is_typed_dict",
    "object_to_row",
    "read_fields",
]


_EMPTY_RANGES: dict[tuple[str, str], Callable[[Any, Any], bool]] = {
    ("gt", "lt"): operator.ge,
    ("gt", "le"): operator.ge,
    ("ge", "lt"): operator.ge,
    ("ge", "le"): operator.gt,
    ("min_length", "max_length"): operator.gt,
}
"""When no value is within two limits."""


@dataclasses.dataclass(frozen=True, slots=True)
class HintField:
    """One field of a class.

    Attributes:
        name: The name in the class.
        key: The name of the property; None if no single key of a row sets the field.
        hint: The type hint.
        may_be_absent: Whether the key itself is optional.
        needs_default: Whether the field has no default, so that None must be given.
        metadata: The constraints of the field.
    """

    name: str
    key: str | None
    hint: Any
    may_be_absent: bool = False
    needs_default: bool = False
    metadata: Sequence[Any] = ()


def find_obstacle(metadata: Sequence[Any]) -> str:
    """Return why no input can satisfy the metadata of an `Annotated` hint or a field, or "".

    Example:
        >>> from pydantic import Field
        >>> find_obstacle([Field(gt=5, lt=3)])
        'No value is within gt=5 and lt=3.'
    """
    if any(Json in (item, type(item)) for item in metadata):
        return "Write str, and parse the JSON in predict."
    limits = _read_limits(metadata)
    for (low, high), is_empty in _EMPTY_RANGES.items():
        if low in limits and high in limits and is_empty(limits[low], limits[high]):
            return f"No value is within {low}={limits[low]} and {high}={limits[high]}."
    return ""


def _read_limits(metadata: Sequence[Any]) -> dict[str, Any]:
    """Return the limits of a value and of its length by their names."""
    nested = (item.metadata if isinstance(item, FieldInfo) else [item] for item in metadata)
    names = set(chain.from_iterable(_EMPTY_RANGES))
    return {
        name: getattr(part, name)
        for part in chain.from_iterable(nested)
        for name in names
        if getattr(part, name, None) is not None
    }


def has_fields(hint: Any) -> bool:
    """Return whether a hint is a class whose fields become the properties of an object."""
    if not inspect.isclass(hint) or get_origin(hint) is not None:
        return is_typed_dict(hint)
    return issubclass(hint, BaseModel) or dataclasses.is_dataclass(hint) or is_typed_dict(hint)


def is_typed_dict(hint: Any) -> bool:
    """Return whether a hint is a TypedDict, of typing or of typing_extensions."""
    if not inspect.isclass(hint):
        return False
    return hasattr(hint, "__required_keys__") and hasattr(hint, "__total__")


def read_fields(kind: Any, role: Literal["inputs", "outputs"]) -> Iterator[HintField]:
    """Yield the fields of a class.

    In inputs, a field has the name that Pydantic validates: its alias, unless the model accepts its
    own name as well. In outputs, it has the name that `model_dump` gives it, and computed fields
    are included.
    """
    if is_typed_dict(kind):
        yield from _typed_dict_fields(kind)
    elif hasattr(kind, "__pydantic_fields__"):
        yield from _pydantic_fields(kind, role)
    else:
        yield from _dataclass_fields(kind, role)


def object_to_row(value: Any) -> Any:
    """Return an object as the plain values that it can be validated from, at every depth.

    Example:
        >>> class Person(BaseModel):
        ...     name: str
        >>> object_to_row([Person(name="Ada")])
        [{'name': 'Ada'}]
    """
    if isinstance(value, RootModel):
        return object_to_row(value.root)
    if has_fields(type(value)):
        return _fields_to_row(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [object_to_row(item) for item in value]
    if isinstance(value, dict):
        return {key: object_to_row(item) for key, item in value.items()}
    return value


def _fields_to_row(value: Any) -> dict[str, Any]:
    fields = read_fields(type(value), "inputs")
    return {field.key or field.name: object_to_row(getattr(value, field.name)) for field in fields}


def _typed_dict_fields(kind: Any) -> Iterator[HintField]:
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        origin = get_origin(hint)
        # With postponed annotations, __required_keys__ does not account for NotRequired.
        is_key_required = origin is typing.Required or (
            origin is not typing.NotRequired and name in kind.__required_keys__
        )
        yield HintField(name, name, hint, may_be_absent=not is_key_required)


def _dataclass_fields(kind: Any, role: Literal["inputs", "outputs"]) -> Iterator[HintField]:
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        defaults = {field.default, field.default_factory}
        if field.init or role == "outputs":
            is_required = defaults == {dataclasses.MISSING}
            yield HintField(field.name, field.name, hints[field.name], False, is_required)


def _pydantic_fields(kind: Any, role: Literal["inputs", "outputs"]) -> Iterator[HintField]:
    is_model = issubclass(kind, BaseModel)
    if is_model:
        # Does nothing if the model is complete.
        kind.model_rebuild(raise_errors=False)
    config = kind.model_config if is_model else kind.__pydantic_config__
    get_key = _validated_key if role == "inputs" else _serialized_key
    for name, field in kind.__pydantic_fields__.items():
        if role == "inputs" or not field.exclude:
            key = get_key(name, field, config)
            yield HintField(name, key, field.annotation, False, field.is_required(), field.metadata)
    if is_model and role == "outputs":
        yield from _computed_fields(kind, config)


def _computed_fields(model: type[BaseModel], config: Any) -> Iterator[HintField]:
    for name, computed in model.model_computed_fields.items():
        yield HintField(name, _serialized_key(name, computed, config), computed.return_type)


def _validated_key(name: str, field: FieldInfo, config: Any) -> str | None:
    """Return the key that sets a field; None if the alias is the path to a nested value."""
    alias: Any = field.validation_alias
    accepts_name = config.get("populate_by_name") or config.get("validate_by_name")
    if alias is None or accepts_name:
        return name
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    return alias if isinstance(alias, str) else None


def _serialized_key(name: str, field: Any, config: Any) -> str:
    alias = getattr(field, "serialization_alias", None) or getattr(field, "alias", None)
    return alias if alias and config.get("serialize_by_alias") else name

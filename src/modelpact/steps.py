"""`Step`: what every configurable part of a run is: a strict, frozen Pydantic model that knows its own name."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Step"]


class Step(BaseModel):
    """One configurable part of a run.

    A subclass declares its options as fields and implements the one verb of its family. Unknown options and wrong types are
    refused when it is built; once built it does not change. What it learns (a fitted estimator) lives in private attributes.

    Example:
        >>> class Greeter(Step):
        ...     word: str = "hello"
        >>> Greeter().KIND
        'Greeter'
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        ser_json_inf_nan="constants",
    )

    KIND: ClassVar[str] = "Step"
    """The name of the class, as it stands in tags and receipts."""

    not_identity: ClassVar[frozenset[str]] = frozenset()
    """The fields that say where or how, not what: left out of the job key (paths, retries)."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.KIND = cls.__name__

    def identity(self) -> dict[str, Any]:
        """What makes this step do what it does: its class and the options that matter, as plain data for the job key."""
        options = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in self.not_identity
        }
        return {
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "options": _plain(options),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Step):
        return value.identity()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    if "<" not in getattr(
        value, "__qualname__", "<"
    ):  # a class or a function, whose repr may be an address
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "tolist"):  # an array, whose repr may be cut short
        return _plain(value.tolist())
    if hasattr(value, "get_params"):  # a scikit-learn estimator: its class and hyperparameters
        parameters = _plain(value.get_params(deep=False))
        return {
            "class": f"{type(value).__module__}.{type(value).__qualname__}",
            "options": parameters,
        }
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return repr(value)

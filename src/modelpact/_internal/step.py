"""`Step`, the base class of all steps, and the aliases of what models take.

`modelpact.types` exports them; they are a module of their own because every saved model carries it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["Inputs", "Params", "Step", "caller_reports_errors"]

log = logging.getLogger(__name__)

Inputs = Any
"""MLflow's PyFuncInput: DataFrame `(n_rows, n_columns)`, ndarray or dict of ndarrays, list or dict.

The first axis is rows.
"""

Params = dict[str, Any]
"""Inference parameters by name, such as `{"temperature": 0.2}`."""

_LOGGED_METHODS = ("read", "sign", "save", "load", "verify", "register")

_caller_reports: ContextVar[bool] = ContextVar("modelpact_caller_reports", default=False)


@contextlib.contextmanager
def caller_reports_errors() -> Iterator[bool]:
    """Do not log errors of steps: the caller reports them. Yield whether another caller does."""
    token = _caller_reports.set(True)
    try:
        yield token.old_value is True
    finally:
        _caller_reports.reset(token)


class Step(BaseModel):
    """One configurable part of a run: a strict, frozen Pydantic model.

    A subclass declares its options as fields and implements the method of its family. Unknown
    options and wrong types are errors. Hydra's `ListConfig` and `DictConfig` are accepted. State
    that a step learns, such as a fitted estimator, belongs in private attributes.

    Errors that a step raises are logged as well, unless `publish` or the command line reports them.

    Attributes:
        KIND: The name of the class, a `Literal`: the discriminator of unions of steps.

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

    KIND: str = "Step"

    excluded_from_key: ClassVar[frozenset[str]] = frozenset()
    """Fields that do not change the result, such as paths and timeouts; the job key omits them."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__annotations__ = {"KIND": Literal[cls.__name__], **inspect.get_annotations(cls)}
        cls.KIND = cls.__name__
        for name in _LOGGED_METHODS:
            method = vars(cls).get(name)
            if inspect.isfunction(method) and not getattr(method, "__isabstractmethod__", False):
                setattr(cls, name, _logging_errors(method))

    if not TYPE_CHECKING:

        def __init__(self, /, **options: Any) -> None:
            super().__init__(**_without_configs(options))

        # Without this mark, or with a validator, `model_validate_json` would not validate as JSON.
        __init__.__pydantic_base_init__ = True

    @classmethod
    def option_fields(cls) -> dict[str, FieldInfo]:
        """Return the fields that a user may set, by name: all but `KIND`."""
        return {name: info for name, info in cls.model_fields.items() if name != "KIND"}

    def identity(self) -> dict[str, Any]:
        """Return the class and the options that determine the result, as plain data."""
        options = {
            name: getattr(self, name)
            for name in self.option_fields()
            if name not in self.excluded_from_key
        }
        return {"class": _qualified_name(type(self)), "options": _to_plain(options)}


def _logging_errors(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def logged(self: Step, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        # The class of errors is in a layer above.
        except Exception as error:
            if hasattr(error, "remedy") and not _caller_reports.get():
                log.error("%s.%s: %s", self.KIND, method.__name__, error)
            raise

    return logged


def _without_configs(value: Any) -> Any:
    """Convert the containers that `hydra.utils.instantiate` passes to dicts and lists."""
    if isinstance(value, dict):
        return {key: _without_configs(item) for key, item in value.items()}
    if type(value).__module__.partition(".")[0] != "omegaconf":
        return value
    if isinstance(value, Mapping):
        return {key: _without_configs(item) for key, item in value.items()}
    return [_without_configs(item) for item in value]


def _qualified_name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _to_plain(value: Any) -> Any:
    if isinstance(value, Step):
        return value.identity()
    if isinstance(value, dict):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_to_plain, value))
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    return _describe(value)


def _describe(value: Any) -> Any:
    """Return a scalar unchanged, and another object as a text or data that identify it."""
    # The repr of a class or a function may contain an address.
    if "<" not in getattr(value, "__qualname__", "<"):
        return _qualified_name(value)
    # The repr of an array may be truncated.
    if hasattr(value, "tolist"):
        plain = value.tolist()
        # A long double has no type of Python.
        return repr(plain) if type(plain) is type(value) else _to_plain(plain)
    # A scikit-learn estimator.
    if hasattr(value, "get_params"):
        hyperparameters = _to_plain(value.get_params(deep=False))
        return {"class": _qualified_name(type(value)), "options": hyperparameters}
    return value if isinstance(value, (str, int, float, NoneType)) else repr(value)

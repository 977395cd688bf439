"""`FunctionModel`: a function that predicts."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, cast

import cloudpickle
from pydantic import PrivateAttr

from modelpact._internal.requirements import find_own_code
from modelpact._internal.step import Inputs, Params
from modelpact.models.base import Model

__all__ = ["FunctionModel"]

FILE = "function.pkl"


class FunctionModel(Model):
    """A function or a method of the inputs, or of the inputs and the params.

    The saved model contains the function as a pickle, by value where its module is not installed.

    Example:
        >>> def double(inputs):
        ...     return [2 * value for value in inputs]
        >>> FunctionModel.of(double).predict([1, 2])
        [2, 4]
    """

    _function: Callable[..., Any] = PrivateAttr()

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Self:
        """Return the model of a function."""
        model = cls()
        model._function = function
        return model

    def fit(self, inputs: Inputs, targets: Any) -> None:
        """Call `fit` of the object whose method the function is, if it has one."""
        owner: Any = getattr(self._function, "__self__", None)
        if hasattr(owner, "fit"):
            owner.fit(inputs, targets)

    def identity(self) -> dict[str, Any]:
        return super().identity() | {"function": hashlib.sha256(self._pickle()).hexdigest()}

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        takes_params = len(inspect.signature(self._function).parameters) > 1
        return self._function(inputs, params) if takes_params else self._function(inputs)

    def dump(self, folder: Path) -> None:
        (folder / FILE).write_bytes(self._pickle())

    def load(self, folder: Path) -> None:
        self._function = cloudpickle.loads((folder / FILE).read_bytes())

    def _pickle(self) -> bytes:
        module = inspect.getmodule(self._function)
        if module is None or find_own_code(module.__name__) is None:
            return cast("bytes", cloudpickle.dumps(self._function))
        cloudpickle.register_pickle_by_value(module)
        try:
            return cast("bytes", cloudpickle.dumps(self._function))
        finally:
            cloudpickle.unregister_pickle_by_value(module)

"""`Model`, the base class of everything that can be published."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr

from modelpact._internal.step import Inputs, Params, Step
from modelpact.errors import ModelConfigError, ModelConfigNotFound

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["Model", "read_config"]


class Model(Step, ABC):
    """A model that can be fitted, called, saved to a folder and loaded again.

    Only `predict` is required. A model that learns implements `fit`, `dump` and `load`, and keeps
    its state in private attributes. A model may define `fallback(inputs, params, error)`, which is
    called if `predict` raises.

    Example:
        >>> class Doubler(Model):
        ...     factor: float = 2.0
        ...     def predict(self, inputs, params=None):
        ...         return [self.factor * value for value in inputs]
        >>> Doubler().predict([1.0, 2.0])
        [2.0, 4.0]
    """

    extra_requirements: ClassVar[tuple[str, ...]] = ()
    """Distributions to add to those that MLflow infers, which omits what modelpact requires."""

    deterministic: ClassVar[bool] = True
    """Whether equal inputs give equal predictions, so that verifiers can compare them."""

    takes_any_form: ClassVar[bool] = False
    """Whether `predict` takes a DataFrame and a list of rows alike. Otherwise, a saved model gets
    the form that it was signed with."""

    native_method: ClassVar[str] = "predict"
    """The method of `native_model()` that predicts what `predict` returns."""

    _context: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def context(self) -> dict[str, Any]:
        """The configuration that was passed to `load_context`; empty by default."""
        return self._context

    @property
    def flavors(self) -> tuple[str, ...]:
        """MLflow flavors that can save `native_model()`, the preferred one first; may be empty."""
        return ()

    def native_model(self) -> Any:
        """Return the object that MLflow's own flavor saves, or None without such a flavor."""
        return None

    def stored_signature(self) -> Signature | None:
        """Return the signature that a stored model has already, or None.

        A new signature of the model must accept every call that this one accepts.
        """
        return None

    def fit(self, inputs: Inputs, targets: Any) -> None:
        """Fit the model. The default does nothing.

        Args:
            inputs: Model inputs; the first axis is rows.
            targets: One target per row, or None.
        """

    @abstractmethod
    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        """Return one prediction per row.

        Args:
            inputs: Model inputs; the first axis is rows.
            params: Inference parameters.
        """

    def load_context(self, config: Mapping[str, Any] | str | Path | None) -> None:
        """Set the model's configuration, from a JSON file or a mapping.

        Raises:
            ModelConfigError: `config` is missing, or is not a JSON object.
            ModelConfigNotFound: The file does not exist.
        """
        self._context = read_config(config)

    def options(self) -> dict[str, Any]:
        """Return the constructor arguments as JSON data.

        A saved model is rebuilt from them. Anything that JSON cannot hold belongs in `dump`.
        """
        return self.model_dump(mode="json", exclude={"KIND"})

    def overridable_config(self) -> dict[str, Any]:
        """Return the configuration that a caller may override when loading the saved model.

        Overrides are passed as `mlflow.pyfunc.load_model(uri, model_config={...})`.
        """
        return self.context

    def unused_modules(self) -> tuple[str, ...]:
        """Return modules of modelpact that this model never imports, and that are not saved."""
        return ()

    def unused_options(self, targets: Any) -> frozenset[str]:
        """Return the options that do not matter for these targets; a run does not record them."""
        return frozenset()

    def lineage_tags(self) -> dict[str, str]:
        """Return tags that record the model's origin, for its registered version."""
        return {}

    def dump(self, folder: Path) -> None:
        """Write the fitted state to an empty folder. The default writes nothing."""

    def load(self, folder: Path) -> None:
        """Read the fitted state that `dump` wrote. The default reads nothing."""


def read_config(config: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """Return a model's configuration: the content of a JSON file, or a copy of a mapping.

    Raises:
        ModelConfigError: `config` is missing, or the file is not a JSON object.
        ModelConfigNotFound: The file does not exist.

    Example:
        >>> read_config({"protocol": 1})
        {'protocol': 1}
    """
    if config in (None, ""):
        raise ModelConfigError(
            "the model has no configuration",
            remedy="Give a JSON file: saver.config_file=model_config.json.",
        )
    if isinstance(config, Mapping):
        return dict(config)
    path = Path(config)
    return _parse_object(_read_text(path), path)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelConfigNotFound(
            f"the model's configuration {path} does not exist",
            remedy=f"The path is relative to {Path.cwd()}.",
            path=str(path),
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelConfigError(
            f"the model's configuration {path} cannot be read: {error}", path=str(path)
        ) from error


def _parse_object(text: str, path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}",
            remedy="Check quotes, commas and trailing commas.",
            path=str(path),
            line=error.lineno,
        ) from error
    if not isinstance(parsed, dict):
        raise ModelConfigError(
            f"{path} contains a {type(parsed).__name__}, not a JSON object",
            remedy='Write {"key": value}.',
            path=str(path),
        )
    return parsed

"""`Model`: what can be published."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PrivateAttr

from modelpact.errors import ModelConfigError, ModelConfigNotFound
from modelpact.types import Inputs, Params, Step

__all__ = ["Model", "read_config"]


class Model(Step, ABC):
    """Something that answers inputs, and can be put into a folder and taken out again.

    A subclass implements `predict`. One that learns implements `fit`, `dump` and `load`; one with a configuration of its own
    reads it from `self.context`. One that can still answer when `predict` fails defines `fallback(inputs, params, error)`.
    """

    extra_requirements: ClassVar[tuple[str, ...]] = ()
    """Distributions that it runs on and that are modelpact's own as well: those MLflow does not list among its requirements."""

    deterministic: ClassVar[bool] = True
    """Whether the same question gets the same answer, so that a verifier may compare the two."""

    _context: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def context(self) -> dict[str, Any]:
        """The configuration that `load_context` read; empty before."""
        return self._context

    @property
    def flavors(self) -> tuple[str, ...]:
        """The MLflow flavors that can hold what `native_model` gives, the usual one first; empty where there is none."""
        return ()

    def native_model(self) -> Any:
        """The object that MLflow's own flavor saves; None where there is no such flavor."""
        return None

    def fit(self, inputs: Inputs, targets: Any) -> None:
        """Learn from rows and their targets. A model that learns nothing has nothing to do here."""

    @abstractmethod
    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        """Answer each row of `inputs`; the first axis of the answer is rows as well."""

    def load_context(self, config: Mapping[str, Any] | str | Path | None) -> None:
        """Take up the model's own configuration: a JSON file, or what such a file holds.

        Raises:
            ModelConfigError: There is none, or it is not a JSON object.
            ModelConfigNotFound: The file does not exist.
        """
        self._context = read_config(config)

    def options(self) -> dict[str, Any]:
        """The options to build this model with again, as JSON can hold them. What cannot be put there belongs into `dump`."""
        return self.model_dump(mode="json", exclude={"KIND"})

    def overridable_config(self) -> dict[str, Any]:
        """The part of its configuration that a loader may give anew: `mlflow.pyfunc.load_model(uri, model_config={...})`."""
        return self.context

    def lineage_tags(self) -> dict[str, str]:
        """Facts about where the model itself came from, as tags for its version; none for one that is made here."""
        return {}

    def dump(self, folder: Path) -> None:
        """Write what the model has learned into an empty folder."""

    def load(self, folder: Path) -> None:
        """Take up what `dump` wrote."""


def read_config(config: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """Read a configuration from a JSON file, or copy it from a mapping.

    Raises:
        ModelConfigError: There is none, or it is not a JSON object; line and column are given.
        ModelConfigNotFound: The file does not exist.

    Example:
        >>> read_config({"protocol": 1})
        {'protocol': 1}
    """
    if config is None or config == "":
        raise ModelConfigError(
            "the model has no configuration",
            remedy="Give a JSON file: saver.config_file=model_config.json.",
        )
    if isinstance(config, Mapping):
        return dict(config)
    path = Path(config)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelConfigNotFound(
            f"the model's configuration {path} does not exist",
            remedy=f"It is read from {Path.cwd()}.",
            path=str(path),
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelConfigError(
            f"the model's configuration {path} cannot be read: {error}", path=str(path)
        ) from error
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}",
            remedy="Mind quotes, commas and trailing commas.",
            path=str(path),
            line=error.lineno,
        ) from error
    if not isinstance(found, dict):
        raise ModelConfigError(
            f"{path} holds a {type(found).__name__}, not an object",
            remedy='Write {"key": value}.',
            path=str(path),
        )
    return found

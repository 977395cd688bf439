"""scikit-learn's estimators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import skops.io  # here, and so before MLflow: when it is imported it looks through all modules that there are
from pydantic import PrivateAttr

from modelpact._internal.text import truncate
from modelpact.errors import ConfigError, FitError, PredictError
from modelpact.models.base import Model
from modelpact.types import Inputs, Params

__all__ = ["EstimatorModel", "SklearnModel", "untrusted_types"]


class EstimatorModel(Model):
    """A model that has learned one thing: a fitted scikit-learn estimator."""

    _fitted: Any = PrivateAttr(default=None)

    @property
    def fitted(self) -> Any:
        """The fitted estimator.

        Raises:
            PredictError: It was neither fitted nor loaded.
        """
        if self._fitted is None:
            raise PredictError(
                f"this {self.KIND} has learned nothing yet", remedy="Call fit or load before."
            )
        return self._fitted

    def dump(self, folder: Path) -> None:
        """Write the estimator as skops, a format that runs no code when it is read.

        Types beyond scikit-learn's and NumPy's own are listed beside it: they, and no others, are trusted when it is loaded.
        """
        path = folder / "estimator.skops"
        skops.io.dump(self.fitted, path)
        (folder / "trusted.json").write_text(
            json.dumps(skops.io.get_untrusted_types(file=path)), encoding="utf-8"
        )

    def load(self, folder: Path) -> None:
        trusted = json.loads((folder / "trusted.json").read_text(encoding="utf-8"))
        self._fitted = skops.io.load(folder / "estimator.skops", trusted=trusted)


class SklearnModel(EstimatorModel):
    """Any scikit-learn estimator.

    Attributes:
        estimator: The estimator, unfitted; it is cloned before it is fitted.
        classifier: What to use instead when the targets are labels (strings, booleans) rather than numbers; None for `estimator`.
    """

    estimator: Any = None
    classifier: Any = None

    @property
    def flavors(self) -> tuple[str, ...]:
        library = type(self.estimator).__module__.partition(".")[0]
        return ("sklearn",) if library == "sklearn" else ("sklearn", library)

    def native_model(self) -> Any:
        return self.fitted

    def fit(self, inputs: Inputs, targets: Any) -> None:
        from sklearn.base import clone
        from sklearn.utils import get_tags

        labels = targets is not None and np.asarray(targets).dtype.kind not in "iuf"
        chosen = self.classifier if labels and self.classifier is not None else self.estimator
        if not hasattr(chosen, "fit"):
            raise ConfigError(
                f"model.estimator is a {type(chosen).__name__}, not a scikit-learn estimator",
                remedy="Name one: model.estimator={_target_: sklearn.linear_model.Ridge}.",
            )
        if targets is None and get_tags(chosen).target_tags.required:
            raise FitError(
                f"{type(chosen).__name__} learns from targets, and there are none",
                remedy="Name the column to learn: data.target=...",
            )
        try:
            self._fitted = clone(chosen).fit(inputs, targets)
        except ValueError as error:
            columns = _not_numeric(inputs)
            if not columns:
                raise
            raise FitError(
                f"fit failed: {truncate(error, 200)}; not all cells are numbers in: {truncate(', '.join(columns), 200)}",
                remedy="Correct them in the data, leave the columns out (data.columns=[...]), or encode them in a Pipeline.",
                columns=columns,
            ) from error

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        return self.fitted.predict(inputs)

    def options(self) -> dict[str, Any]:
        return {}


def _not_numeric(inputs: Inputs) -> list[str]:
    """The columns of a frame that hold something else than numbers and booleans."""
    dtypes = getattr(inputs, "dtypes", None)
    return (
        []
        if dtypes is None
        else [
            str(name) for name, dtype in dtypes.items() if getattr(dtype, "kind", "O") not in "iufb"
        ]
    )


def untrusted_types(estimator: Any) -> list[str] | None:
    """The types beyond scikit-learn's and NumPy's own that skops must be told to trust; None where there are none."""
    found: list[str] = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
    return found or None

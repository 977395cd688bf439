"""`SklearnModel`, any scikit-learn estimator, saved without pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np

# Imported at the top, before MLflow: on import, skops inspects all modules that are loaded.
import skops.io
from pydantic import PrivateAttr

from modelpact._internal.step import Inputs, Params
from modelpact.errors import ConfigError, FitError, PredictError, SaveError
from modelpact.models.base import Model
from modelpact.models.fit_hints import find_hint

__all__ = ["EstimatorModel", "SklearnModel", "untrusted_types"]


class EstimatorModel(Model):
    """Base class of models whose state is one fitted scikit-learn estimator.

    `fit` of a subclass sets `_estimator`.
    """

    _estimator: Any = PrivateAttr(default=None)

    @property
    def fitted_estimator(self) -> Any:
        """The fitted estimator.

        Raises:
            PredictError: The model was neither fitted nor loaded.
        """
        if self._estimator is None:
            raise PredictError(f"this {self.KIND} is not fitted", remedy="Call fit or load first.")
        return self._estimator

    def dump(self, folder: Path) -> None:
        """Write the estimator in the skops format, which runs no code when it is loaded.

        Types that skops does not trust by default are listed in `trusted.json`; `load` trusts
        exactly those.
        """
        path = folder / "estimator.skops"
        skops.io.dump(self.fitted_estimator, path)
        trusted = skops.io.get_untrusted_types(file=path)
        own = [name for name in trusted if name.startswith("__main__.")]
        if own:
            raise SaveError(
                f"the estimator uses {own[0]}, which cannot be imported where the model is loaded",
                remedy="Define it in a module, and import it from there; or save the model with "
                "saver=builtin, which pickles it.",
                model=self.KIND,
            )
        (folder / "trusted.json").write_text(json.dumps(trusted), encoding="utf-8")

    def load(self, folder: Path) -> None:
        trusted = json.loads((folder / "trusted.json").read_text(encoding="utf-8"))
        self._estimator = skops.io.load(folder / "estimator.skops", trusted=trusted)


class SklearnModel(EstimatorModel):
    """Any scikit-learn estimator.

    Attributes:
        estimator: The unfitted estimator; `fit` clones it.
        classifier: Estimator to use instead if the targets are labels (strings or booleans).
    """

    estimator: Any = None
    classifier: Any = None

    @classmethod
    def fitted(cls, estimator: Any) -> Self:
        """Return the model of an estimator that is fitted already."""
        model = cls(estimator=estimator)
        model._estimator = estimator
        return model

    @property
    def flavors(self) -> tuple[str, ...]:
        package = type(self.estimator).__module__.partition(".")[0]
        return ("sklearn",) if package == "sklearn" else ("sklearn", package)

    def native_model(self) -> Any:
        return self.fitted_estimator

    def fit(self, inputs: Inputs, targets: Any) -> None:
        from sklearn.base import clone

        estimator = self._choose_estimator(targets)
        try:
            self._estimator = clone(estimator).fit(inputs, targets)
        except (ValueError, TypeError) as error:
            hint = find_hint(error, estimator, inputs, targets)
            if hint is None:
                raise
            raise FitError(
                f"fit failed: {str(error).strip()}\nThe data has {hint.text}.",
                remedy=hint.remedy,
                columns=hint.columns,
            ) from error

    def unused_options(self, targets: Any) -> frozenset[str]:
        return frozenset({"estimator" if self._uses_classifier(targets) else "classifier"})

    def _uses_classifier(self, targets: Any) -> bool:
        has_labels = targets is not None and np.asarray(targets).dtype.kind not in "iuf"
        return has_labels and self.classifier is not None

    def _choose_estimator(self, targets: Any) -> Any:
        from sklearn.utils import get_tags

        estimator = self.classifier if self._uses_classifier(targets) else self.estimator
        if not hasattr(estimator, "fit"):
            raise ConfigError(
                f"model.estimator is a {type(estimator).__name__}, not a scikit-learn estimator",
                remedy="Give one: model.estimator={_target_: sklearn.linear_model.Ridge}.",
            )
        if targets is None and get_tags(estimator).target_tags.required:
            raise FitError(
                f"{type(estimator).__name__} requires targets, but the data has none",
                remedy="Name the target column: data.target=...",
            )
        return estimator

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        names = getattr(self.fitted_estimator, "feature_names_in_", None)
        if names is not None and hasattr(inputs, "columns"):
            # Columns that the signature calls optional may be absent.
            absent = [name for name in names if name not in inputs.columns]
            if absent:
                inputs = inputs.assign(**dict.fromkeys(absent))[list(names)]
        return self.fitted_estimator.predict(inputs)

    def options(self) -> dict[str, Any]:
        return {}


def untrusted_types(estimator: Any) -> list[str] | None:
    """Return the types in an estimator that skops does not trust by default, or None."""
    types: list[str] = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
    return types or None

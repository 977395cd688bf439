"""scikit-learn's scorers, applied to predictions instead of a fitted estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import ConfigError
from modelpact.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.utils import Tags

__all__ = ["check_scorers", "score"]


def score(
    outputs: object, sample: Sample, names: Sequence[str], *, learned: object = None
) -> dict[str, float]:
    """Return the scores of a prediction, by scorer name.

    A prediction `(n_rows, n_classes)` for one-dimensional targets is read as probabilities of the
    classes, in sorted order.

    Args:
        outputs: The prediction for `sample.inputs`, one per row.
        sample: The rows and their targets.
        names: scikit-learn scorer names (`sklearn.metrics.get_scorer_names`).
        learned: Targets that the model was fitted to. They define the classes, because the scored
            rows may lack one. None if unknown.

    Raises:
        ConfigError: A scorer does not exist, or does not fit the targets.

    Example:
        >>> sample = Sample(inputs=[0, 0], targets=np.array([1.0, 2.0]))
        >>> score([1.0, 3.0], sample, ["neg_mean_absolute_error"])
        {'neg_mean_absolute_error': -0.5}
    """
    from sklearn.metrics import get_scorer

    try:
        predicted = _wrap_outputs(np.asarray(outputs), np.asarray(sample.targets), learned)
    except ValueError as error:
        raise ConfigError(
            f"data.metrics: the prediction cannot be scored: {truncate(error, 200)}",
            remedy="Set data.metrics=[] to compute no metrics.",
        ) from error
    check_scorers(names)
    scores = {}
    for name in names:
        try:
            scores[name] = float(get_scorer(name)(predicted, sample.inputs, sample.targets))
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"data.metrics: {name!r} does not fit these targets: {truncate(error, 200)}",
                remedy="Choose other scorers (data.metrics=[...]), or none (data.metrics=[]).",
            ) from error
    return scores


def check_scorers(names: Sequence[str]) -> None:
    """Check that scikit-learn has the named scorers.

    Raises:
        ConfigError: A scorer does not exist.
    """
    from sklearn.metrics import get_scorer_names

    known = get_scorer_names()
    for name in names:
        if name not in known:
            raise ConfigError(
                f"data.metrics: unknown scikit-learn scorer {name!r}{did_you_mean(name, known)}",
                remedy="List them: "
                "python -c 'import sklearn.metrics as m; print(*m.get_scorer_names())'.",
            )


def _wrap_outputs(
    outputs: NDArray[np.generic], targets: NDArray[np.generic], learned: Any
) -> _PredictedOutputs:
    from sklearn.utils.multiclass import type_of_target

    if targets.ndim == 1 and outputs.shape[1:] == (1,):
        outputs = outputs[:, 0]
    if type_of_target(targets).startswith("continuous"):
        return _PredictedOutputs(outputs, None)
    classes = np.unique(targets if learned is None else learned)
    if targets.ndim != 1 or outputs.ndim != 2:
        return _PredictedOutputs(outputs, classes)
    if outputs.shape[1] != len(classes):
        raise ValueError(
            f"{outputs.shape[1]} probabilities per row, but {len(classes)} classes in the targets"
        )
    return _PredictedProbabilities(outputs, classes)


class _PredictedOutputs:
    """Predictions with the interface of a fitted estimator, as scorers expect."""

    def __init__(self, outputs: NDArray[np.generic], classes: NDArray[np.generic] | None) -> None:
        self.outputs = outputs
        if classes is not None:
            self.classes_ = classes

    def predict(self, inputs: object) -> NDArray[np.generic]:
        return self.outputs

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        is_classifier = hasattr(self, "classes_")
        return Tags(
            estimator_type="classifier" if is_classifier else "regressor",
            target_tags=TargetTags(required=True),
            input_tags=InputTags(),
            classifier_tags=ClassifierTags() if is_classifier else None,
            regressor_tags=None if is_classifier else RegressorTags(),
        )


class _PredictedProbabilities(_PredictedOutputs):
    """Predicted probabilities `(n_rows, n_classes)`."""

    def predict(self, inputs: object) -> NDArray[np.generic]:
        labels: NDArray[np.generic] = self.classes_[self.outputs.argmax(axis=1)]
        return labels

    def predict_proba(self, inputs: object) -> NDArray[np.generic]:
        return self.outputs

"""Scores on held-out rows, by scikit-learn's scorer names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import ConfigError
from modelpact.types import Sample

__all__ = ["check_scorers", "score"]


def score(
    outputs: Any, sample: Sample, names: Sequence[str], *, learned: Any = None
) -> dict[str, float]:
    """Score what a model answered to the rows of `sample`.

    An answer `(n_rows, n_classes)` to one-dimensional targets is read as probabilities, with the classes in sorted order: those
    of the targets that the model learned, since the rows scored here may lack one.

    Args:
        outputs: What the model answered, one a row.
        sample: The rows and their targets.
        names: scikit-learn's scorer names (`sklearn.metrics.get_scorer_names`).
        learned: The targets that the model was fitted to; None where they are not known.

    Raises:
        ConfigError: There is no such scorer, or it does not suit these targets.

    Example:
        >>> score([1.0, 3.0], Sample(inputs=[0, 0], targets=np.array([1.0, 2.0])), ["neg_mean_absolute_error"])
        {'neg_mean_absolute_error': -0.5}
    """
    from sklearn.metrics import get_scorer

    try:
        answered = _answered(np.asarray(outputs), np.asarray(sample.targets), learned)
    except ValueError as error:
        raise ConfigError(
            f"data.metrics: what the model answered cannot be scored: {truncate(error, 200)}",
            remedy="Ask for no metrics with data.metrics=[].",
        ) from error
    check_scorers(names)
    scores = {}
    for name in names:
        try:
            scores[name] = float(get_scorer(name)(answered, sample.inputs, sample.targets))
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"data.metrics: {name!r} does not suit these targets: {truncate(error, 200)}",
                remedy="Choose others with data.metrics=[...], or none with data.metrics=[].",
            ) from error
    return scores


def check_scorers(names: Sequence[str]) -> None:
    """Refuse names that are no scorers of scikit-learn.

    Raises:
        ConfigError: There is no such scorer.
    """
    from sklearn.metrics import get_scorer_names

    for name in names:
        if name not in get_scorer_names():
            raise ConfigError(
                f"data.metrics names no scorer of scikit-learn: {name!r}{did_you_mean(name, get_scorer_names())}",
                remedy="All of them: python -c 'import sklearn.metrics as m; print(*m.get_scorer_names())'.",
            )


def _answered(
    outputs: np.ndarray[Any, Any], targets: np.ndarray[Any, Any], learned: Any
) -> _Answered:
    from sklearn.utils.multiclass import type_of_target

    if targets.ndim == 1 and outputs.ndim == 2 and outputs.shape[1] == 1:  # a column of answers
        outputs = outputs[:, 0]
    if type_of_target(targets).startswith("continuous"):
        return _Answered(outputs, None)
    classes = np.unique(targets if learned is None else learned)
    if targets.ndim == 1 and outputs.ndim == 2:
        if outputs.shape[1] != len(classes):
            raise ValueError(
                f"{outputs.shape[1]} probabilities a row, and {len(classes)} classes among the targets"
            )
        return _Probabilities(outputs, classes)
    return _Answered(outputs, classes)


class _Answered:
    """The model's answers in the shape of a fitted estimator, as scorers want one."""

    def __init__(self, outputs: np.ndarray[Any, Any], classes: np.ndarray[Any, Any] | None) -> None:
        self.outputs = outputs
        if classes is not None:
            self.classes_ = classes

    def predict(self, inputs: Any) -> Any:
        return self.outputs

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classifies = hasattr(self, "classes_")
        return Tags(
            estimator_type="classifier" if classifies else "regressor",
            target_tags=TargetTags(required=True),
            input_tags=InputTags(),
            classifier_tags=ClassifierTags() if classifies else None,
            regressor_tags=None if classifies else RegressorTags(),
        )


class _Probabilities(_Answered):
    """Answers `(n_rows, n_classes)`: the probability of each class."""

    def predict(self, inputs: Any) -> Any:
        return self.classes_[self.outputs.argmax(axis=1)]

    def predict_proba(self, inputs: Any) -> Any:
        return self.outputs

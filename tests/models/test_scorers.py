from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from modelpact.data import DiabetesData, IrisData
from modelpact.errors import ConfigError
from modelpact.models import score
from modelpact.types import Sample

NUMBERS = Sample([0] * 4, np.array([1.0, 2.0, 3.0, 4.5]))
LABELS = Sample([0] * 4, np.array(["b", "a", "c", "a"]))
DIGITS = Sample([0] * 4, np.array([0, 2, 1, 0]))
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.4, 0.5, 0.1], [0.3, 0.4, 0.3]])


def test_regressions_have_the_scores_of_scikit_learn() -> None:
    answers = [1.5, 2.0, 2.0, 5.0]
    assert score(answers, NUMBERS, ["r2", "neg_root_mean_squared_error"]) == {
        "r2": metrics.r2_score(NUMBERS.targets, answers),
        "neg_root_mean_squared_error": -metrics.root_mean_squared_error(NUMBERS.targets, answers),
    }


def test_labels_have_the_scores_of_scikit_learn() -> None:
    answers = np.array(["b", "a", "a", "a"])
    assert score(answers, LABELS, ["accuracy", "balanced_accuracy"]) == {
        "accuracy": 0.75,
        "balanced_accuracy": 2 / 3,
    }


def test_probabilities_give_the_likeliest_class_and_the_loss() -> None:
    scores = score(PROBABILITIES, DIGITS, ["accuracy", "neg_log_loss", "roc_auc_ovr"])
    assert scores["accuracy"] == 0.75
    assert scores["neg_log_loss"] == pytest.approx(-metrics.log_loss(DIGITS.targets, PROBABILITIES))
    assert scores["roc_auc_ovr"] == pytest.approx(
        metrics.roc_auc_score(DIGITS.targets, PROBABILITIES, multi_class="ovr")
    )


def test_probabilities_of_labels_are_in_sorted_order() -> None:
    one_hot = np.eye(3)[[1, 0, 2, 0]]
    assert score(one_hot, LABELS, ["accuracy"]) == {"accuracy": 1.0}


def test_scores_of_a_classifier_equal_those_of_scikit_learn() -> None:
    sample = IrisData().read()
    assert sample.holdout is not None
    fitted = LogisticRegression(max_iter=1000).fit(sample.inputs, sample.targets)
    names = ["accuracy", "neg_log_loss", "roc_auc_ovr"]
    found = score(fitted.predict_proba(sample.holdout.inputs), sample.holdout, names)
    for name in names:
        assert found[name] == pytest.approx(
            metrics.get_scorer(name)(fitted, sample.holdout.inputs, sample.holdout.targets)
        )


def test_two_classes_are_scored_by_the_probability_of_the_second() -> None:
    sample = Sample([0] * 4, np.array([0, 1, 1, 0]))
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    expected = metrics.roc_auc_score(sample.targets, probabilities[:, 1])
    assert score(probabilities, sample, ["roc_auc"]) == {"roc_auc": expected}


@pytest.mark.parametrize("classes", [np.array([0, 1, 2]), np.array(["a", "b", "c"])])
def test_held_out_rows_that_lack_a_class_are_scored_with_the_fitted_classes(
    classes: Any,
) -> None:
    sample = Sample([0] * 2, classes[[2, 0]])
    assert score(PROBABILITIES[[1, 0]], sample, ["accuracy"], learned=classes) == {"accuracy": 1.0}


@pytest.mark.parametrize("targets", [np.array(["a", "c"]), np.array([1, 3])])
def test_probabilities_of_unknown_classes_are_rejected(targets: Any) -> None:
    with pytest.raises(ConfigError, match="3 probabilities per row, but 2 classes in the targets"):
        score(PROBABILITIES[:2], Sample([0] * 2, targets), ["accuracy"])


@pytest.mark.parametrize(
    ("sample", "name"),
    [(LABELS, "accuracy"), (NUMBERS, "r2"), (DIGITS, "accuracy")],
    ids=["labels", "numbers", "digits"],
)
@pytest.mark.parametrize(
    "form", [pd.DataFrame, lambda column: np.asarray(column)[:, None]], ids=["frame", "array"]
)
def test_one_output_column_is_scored_like_a_vector(sample: Sample, name: str, form: Any) -> None:
    assert score(form(sample.targets), sample, [name]) == {name: 1.0}


def test_several_targets_per_row_are_scored_together() -> None:
    targets = np.array([[1.0, 2.5], [2.0, 3.0], [3.0, 5.5]])
    assert score(targets, Sample([0] * 3, targets), ["r2"]) == {"r2": 1.0}


def test_no_names_give_no_scores() -> None:
    assert score([1, 2, 3, 4], NUMBERS, []) == {}


def test_an_unknown_scorer_is_named_with_the_closest_match() -> None:
    with pytest.raises(ConfigError) as caught:
        score([1, 2, 3, 4], NUMBERS, ["r2", "neg_mean_square_error"])
    assert caught.value.message == (
        "data.metrics: unknown scikit-learn scorer 'neg_mean_square_error' "
        "(did you mean 'neg_mean_squared_error'?)"
    )
    assert "get_scorer_names" in caught.value.remedy


@pytest.mark.parametrize(
    ("sample", "answers", "name"),
    [
        (NUMBERS, [1.0, 2.0, 3.0, 4.0], "accuracy"),
        (LABELS, LABELS.targets, "r2"),
        (LABELS, LABELS.targets, "neg_log_loss"),
        (NUMBERS, [1.0, 2.0], "r2"),
        (Sample([0, 0]), [1.0, 2.0], "r2"),
    ],
)
def test_a_scorer_that_does_not_fit_the_targets_is_named(
    sample: Sample, answers: Any, name: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        score(answers, sample, [name])
    assert f"data.metrics: {name!r} does not fit these targets: " in str(caught.value)
    assert "data.metrics=[]" in str(caught.value)


@pytest.mark.parametrize(
    ("answers", "targets"), [([[1], [2, 3]], [1.0, 2.5]), ([1, 2], [[1], [2, 3]])]
)
def test_outputs_that_are_not_arrays_cannot_be_scored(answers: Any, targets: Any) -> None:
    with pytest.raises(ConfigError, match="the prediction cannot be scored"):
        score(answers, Sample([0, 0], targets), ["r2"])


def test_models_of_the_bundled_data_score_well() -> None:
    sample = DiabetesData().read()
    assert sample.holdout is not None
    assert score(sample.holdout.targets, sample.holdout, DiabetesData().metrics) == {
        "r2": 1.0,
        "neg_root_mean_squared_error": 0.0,
    }

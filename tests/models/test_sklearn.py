from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tiny_models
from modelpact.data import IrisData
from modelpact.errors import ConfigError, PredictError
from modelpact.models import SklearnModel, untrusted_types

X = np.arange(12.0).reshape(6, 2)
Y = X.sum(axis=1)
LABELS = np.array(["no", "no", "no", "yes", "yes", "yes"])


class Mean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A user's own estimator."""

    def fit(self, inputs: Any, targets: Any) -> Mean:
        self.mean_ = float(np.mean(targets))
        return self

    def predict(self, inputs: Any) -> Any:
        return np.full(len(inputs), self.mean_)


def test_predicts_as_the_estimator_does() -> None:
    model = SklearnModel(estimator=Ridge(alpha=2.0))
    model.fit(X, Y)
    assert model.predict(X).tolist() == Ridge(alpha=2.0).fit(X, Y).predict(X).tolist()


def test_the_given_estimator_is_not_fitted() -> None:
    estimator = Ridge()
    SklearnModel(estimator=estimator).fit(X, Y)
    assert not hasattr(estimator, "coef_")


@pytest.mark.parametrize(
    ("targets", "chosen"),
    [
        (Y, RandomForestRegressor),
        ((Y * 10).astype(int), RandomForestRegressor),
        (LABELS, RandomForestClassifier),
        (LABELS.astype(object), RandomForestClassifier),
        (LABELS == "yes", RandomForestClassifier),
        (list(LABELS), RandomForestClassifier),
    ],
    ids=["floats", "integers", "strings", "objects", "booleans", "list"],
)
def test_the_classifier_is_fitted_to_labels_and_the_estimator_to_numbers(
    targets: Any, chosen: type
) -> None:
    model = SklearnModel(
        estimator=RandomForestRegressor(n_estimators=2),
        classifier=RandomForestClassifier(n_estimators=2),
    )
    model.fit(X, targets)
    assert type(model.native_model()) is chosen


def test_missing_targets_are_not_labels() -> None:
    model = SklearnModel(estimator=KMeans(2, n_init=1), classifier=LogisticRegression())
    model.fit(X, None)
    assert type(model.native_model()) is KMeans


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [(None, "NoneType"), ("sklearn.linear_model.Ridge", "str"), ({"alpha": 1}, "dict")],
)
def test_an_invalid_estimator_is_rejected_with_an_example(estimator: Any, kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SklearnModel(estimator=estimator).fit(X, Y)
    assert f"model.estimator is a {kind}, not a scikit-learn estimator" in str(caught.value)
    assert "_target_: sklearn.linear_model.Ridge" in str(caught.value)


@pytest.mark.parametrize(
    ("estimator", "flavors"),
    [(Ridge(), ("sklearn",)), (Mean(), ("sklearn", "tests"))],
)
def test_the_sklearn_flavor_comes_first(estimator: Any, flavors: tuple[str, ...]) -> None:
    assert SklearnModel(estimator=estimator).flavors == flavors


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(n_estimators=3, random_state=0),
    ],
    ids=["linear", "pipeline", "forest"],
)
def test_the_fitted_state_survives_dump_and_load(estimator: Any, tmp_path: Path) -> None:
    sample = IrisData().read()
    model = SklearnModel(estimator=estimator)
    model.fit(sample.inputs, sample.targets)
    model.dump(tmp_path)
    again = SklearnModel(**model.options())
    again.load(tmp_path)
    assert again.predict(sample.inputs).tolist() == model.predict(sample.inputs).tolist()


def fitted(estimator: Any) -> SklearnModel:
    model = SklearnModel(estimator=estimator)
    model.fit(X, Y)
    return model


@pytest.mark.parametrize(
    "ask", [lambda model: model.predict(X), lambda model: model.native_model()]
)
def test_an_unfitted_model_raises(ask: Any) -> None:
    with pytest.raises(PredictError, match="is not fitted"):
        ask(SklearnModel(estimator=Ridge()))


def test_no_pickle_is_written(tmp_path: Path) -> None:
    fitted(Ridge()).dump(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["estimator.skops", "trusted.json"]
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads((tmp_path / "estimator.skops").read_bytes())


def test_scikit_learns_types_are_trusted() -> None:
    assert untrusted_types(Ridge().fit(X, Y)) is None


def test_a_user_defined_estimator_is_trusted_by_its_name(tmp_path: Path) -> None:
    model = fitted(Mean())
    assert untrusted_types(model.native_model()) == ["tests.models.test_sklearn.Mean"]
    model.dump(tmp_path)
    assert json.loads((tmp_path / "trusted.json").read_text()) == ["tests.models.test_sklearn.Mean"]
    again = SklearnModel()
    again.load(tmp_path)
    assert again.predict(X).tolist() == model.predict(X).tolist()


def test_a_type_that_was_not_trusted_on_saving_is_not_loaded(tmp_path: Path) -> None:
    fitted(Mean()).dump(tmp_path)
    (tmp_path / "trusted.json").write_text("[]")
    with pytest.raises(Exception, match=r"tests.models.test_sklearn\.Mean"):
        SklearnModel().load(tmp_path)


def test_hyperparameters_are_part_of_the_identity() -> None:
    one, same, other = (
        SklearnModel(estimator=Ridge(alpha=alpha)).identity() for alpha in (1.0, 1.0, 2.0)
    )
    assert one == same != other
    assert tiny_models.Doubler().identity() != one


@pytest.mark.slow
def test_model_table_takes_text_and_missing_values_and_absent_columns(tmp_path: Path) -> None:
    with initialize_config_module("modelpact.conf", version_base="1.3"):
        model = instantiate(compose("config", ["model=table"]).model)
    n_rows = 60
    table = pd.DataFrame(
        {
            "size": np.where(np.arange(n_rows) % 7, np.arange(n_rows) * 1.0, np.nan),
            "kind": [("a", "b", None)[row % 3] for row in range(n_rows)],
            "new": [row % 2 == 0 for row in range(n_rows)],
            "day": pd.date_range("2026-01-01", periods=n_rows),
        }
    )
    for targets in (np.arange(n_rows) * 2.0, np.array(["x", "y"] * (n_rows // 2))):
        model.fit(table, targets)
        model.dump(tmp_path)
        again = SklearnModel()
        again.load(tmp_path)
        assert list(again.predict(table)) == list(model.predict(table))
        unseen = table.assign(kind="unseen")
        assert len(again.predict(unseen)) == n_rows
        assert list(again.predict(table[["day", "new"]])) == list(
            again.predict(table.assign(size=np.nan, kind=None))
        )

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import Lasso, Ridge

from modelpact.data import CsvData, digest_sample
from modelpact.models import SklearnModel
from modelpact.pipeline.job_key import job_key
from modelpact.savers import CustomSaver
from modelpact.signers import ExplicitSigner, InferSigner
from modelpact.verifiers import ReplayVerifier
from tests.support.publishing import numbers, steps
from tiny_models import Doubler, Scaled

DECISIVE = ("data", "model", "signer", "saver", "loader", "verifier")


def key(name: str = "sums", **changes: Any) -> str:
    chosen = steps(**changes)
    return job_key(
        name, {group: chosen[group] for group in DECISIVE}, digest_sample(chosen["data"].read())
    )


def test_the_same_job_has_the_same_key() -> None:
    assert key() == key()
    assert len(key()) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"model": Doubler(factor=3.0)},
        {"model": Scaled()},
        {"signer": InferSigner(on_any="warn")},
        {"signer": ExplicitSigner()},
        {"saver": CustomSaver(pip_requirements=["numpy", "scipy"])},
        {"verifier": ReplayVerifier(rtol=0.5)},
        {"data": numbers(n_rows=9, metrics=["r2"])},
        {"data": numbers(metrics=[])},
        {"data": numbers(metrics=["r2"], seed=1)},
        {"data": numbers(metrics=["r2"], params={"scale": 1.0})},
    ],
    ids=str,
)
def test_whatever_decides_the_outcome_changes_the_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()


def test_an_estimator_counts_with_its_hyperparameters() -> None:
    first = key(model=SklearnModel(estimator=Ridge(alpha=1.0)))
    assert key(model=SklearnModel(estimator=Ridge(alpha=1.0))) == first
    assert key(model=SklearnModel(estimator=Ridge(alpha=2.0))) != first
    assert key(model=SklearnModel(estimator=Lasso(alpha=1.0))) != first


def test_the_data_count_and_not_where_they_lie() -> None:
    Path("one.csv").write_text("a,b\n1,2\n3,4\n5,6\n")
    Path("two.csv").write_text("a,b\n1,2\n3,4\n5,6\n")
    Path("three.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    keys = [key(data=CsvData(path=f"{name}.csv", target="b")) for name in ("one", "two", "three")]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


@pytest.mark.parametrize(
    ("group", "changed"), [("saver", CustomSaver(path="elsewhere", pip_requirements=["numpy"]))]
)
def test_paths_do_not_count(group: str, changed: Any) -> None:
    assert key(**{group: changed}) == key()


def test_the_code_of_a_users_own_step_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "own_signer.py"
    text = (
        "from modelpact.signers import InferSigner\n\n\nclass OwnSigner(InferSigner):\n    pass\n"
    )
    keys = []
    for version in (text, text, text + "# another version\n"):
        module.write_text(version)
        importlib.invalidate_caches()
        keys.append(key(signer=importlib.import_module("own_signer").OwnSigner()))
        del sys.modules["own_signer"]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_the_code_of_modelpact_counts(mocker: Any) -> None:
    before = key()
    mocker.patch("modelpact.pipeline.job_key._package_digest", return_value="another release")
    assert key() != before

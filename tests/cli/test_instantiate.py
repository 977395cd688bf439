"""Steps are built by Hydra and hydra-zen as by modelpact's own command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import hydra
import pytest
from hydra_zen import builds, instantiate, make_config, zen
from mlflow.pyfunc.model import PythonModel
from omegaconf import OmegaConf
from sklearn.linear_model import Ridge

import modelpact
from modelpact import (
    data,
    loaders,
    models,
    registers,
    savers,
    serving,
    signers,
    tracking,
    verifiers,
)
from modelpact.types import Step
from tests.support.publishing import client

FAMILIES = (data, models, signers, savers, loaders, verifiers, serving, registers, tracking)

REQUIRED: dict[str, dict[str, Any]] = {
    "CsvData": {"path": "table.csv"},
    "InlineData": {"inputs": [{"a": 1.0}, {"a": 2.0}], "targets": [1.0, 2.0]},
    "JsonlData": {"path": "table.jsonl"},
    "MlflowModel": {"uri": "models:/sums/1"},
    "ParquetData": {"path": "table.parquet"},
    "ServerTracking": {"uri": "http://127.0.0.1:5000"},
}


def concrete_steps() -> Iterator[type[Step]]:
    for family in FAMILIES:
        for name in family.__all__:
            kind = getattr(family, name)
            if isinstance(kind, type) and issubclass(kind, Step) and not inspect.isabstract(kind):
                yield kind


@pytest.mark.parametrize("kind", list(concrete_steps()), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("full", [False, True], ids=["explicit", "full signature"])
def test_hydra_zen_builds_every_step(kind: type[Step], full: bool) -> None:
    options = REQUIRED.get(kind.__name__, {})
    config = builds(kind, populate_full_signature=full, **options)
    assert instantiate(config) == kind(**options)


def test_hydra_instantiates_nested_options_without_convert() -> None:
    config = OmegaConf.create(
        {
            "folder": "src",
            "saver": {
                "_target_": "modelpact.savers.CustomSaver",
                "code_paths": ["${folder}"],
                "leak_allowlist": [{"place": "x", "kind": "entropy", "reason": "a test"}],
            },
        }
    )
    saver = hydra.utils.instantiate(config.saver)
    assert saver.code_paths == ["src"]
    assert type(saver.code_paths) is list
    assert saver.leak_allowlist[0].place == "x"


def test_zen_runs_publish() -> None:
    config = make_config(
        data=builds(data.InlineData, **REQUIRED["InlineData"]),
        model=builds(models.SklearnModel, estimator=builds(Ridge)),
        signer=builds(signers.InferSigner, integers_as="double"),
        saver=builds(savers.CustomSaver, pip_requirements=["scikit-learn"]),
        loader=builds(loaders.CustomLoader),
        verifier=builds(verifiers.ReplayVerifier),
        register=builds(registers.MlflowRegister, tags={"team": "lab"}),
        tracking=builds(tracking.SqliteTracking),
        name="zen",
    )
    receipt = zen(modelpact.publish)(config)
    assert (receipt.status, receipt.version) == ("ok", "1")
    assert client().get_model_version("zen", "1").tags["team"] == "lab"
    assert receipt.run_id is not None
    assert client().get_run(receipt.run_id).data.params["signer.integers_as"] == "double"


def test_the_interfaces_of_steps_are_on_their_base_classes() -> None:
    assert {"path", "config_file"} <= savers.Saver.option_fields().keys()
    assert "config_file" in loaders.Loader.option_fields()
    assert registers.Register.option_fields()["tags"].annotation == dict[str, Any]
    assert loaders.Loader.Adapter is loaders.CustomLoader.Adapter is modelpact.Adapter
    assert issubclass(savers.CustomSaver.Adapter, PythonModel)

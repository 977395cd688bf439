"""A sweep's fast composition against Hydra's own."""

from __future__ import annotations

import pickle

import pytest
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import setup_globals
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from pytest_mock import MockerFixture

from modelpact.cli.sweeps.composer import SweepComposer
from tests.support.many_cases import sample_params


@pytest.fixture(scope="module")
def loader() -> ConfigLoader:
    setup_globals()
    return Hydra.create_main_hydra2(
        "modelpact", create_config_search_path("pkg://modelpact.conf")
    ).config_loader


def master(loader: ConfigLoader, *overrides: str) -> DictConfig:
    return loader.load_configuration("config", list(overrides), RunMode.MULTIRUN)


@pytest.fixture(scope="module")
def swept(loader: ConfigLoader) -> DictConfig:
    return master(loader, "hydra.sweep.subdir=x", "signer=infer")


COMBINATIONS = [
    ["model.estimator.alpha=0.5"],
    ["model=forest"],
    ["model=forest", "model.estimator.n_estimators=7", "signer=explicit"],
    ["model.estimator.alpha=0.5", "model=ridge", "name=mine", "seed=3"],
    ["name=null", "seed=4", "+model.estimator.solver=svd", "++data.test_size=0.5"],
    ["~model.estimator.alpha"],
    ["experiment=tensor", "model.hidden=8"],
    ["data=iris", "model=logistic", "contract=diabetes", "register.tags={a: 1, b: two}"],
    ["hydra.job.chdir=false", "seed=1"],
    ["register=none", "signer.on_any='a=b,c'"],
    ["+tracking@store=sqlite", "seed=2"],
    [],
]


@pytest.mark.parametrize("overrides", sample_params(COMBINATIONS, every=3), ids=" ".join)
def test_composes_what_hydra_composes(
    loader: ConfigLoader, swept: DictConfig, overrides: list[str]
) -> None:
    composer = SweepComposer(loader)
    composer.load_sweep_config(swept, ["model.estimator.alpha=9.0"])  # does not change shared state
    ours, hydras = (
        composer.load_sweep_config(swept, overrides),
        loader.load_sweep_config(swept, overrides),
    )
    assert OmegaConf.to_container(ours) == OmegaConf.to_container(hydras)
    assert OmegaConf.is_struct(ours) == OmegaConf.is_struct(hydras) is True
    assert OmegaConf.get_cache(ours) == OmegaConf.get_cache(hydras)


@pytest.mark.parametrize(
    "wrong",
    sample_params(
        [
            "model.estimator.nothing.at.all=1",
            "~model.nothing",
            "+model.estimator.alpha=1",
            "tusk=publish",
            "data={path: x}",
        ],
        every=3,
    ),
)
def test_errors_have_the_message_of_hydra(
    loader: ConfigLoader, swept: DictConfig, wrong: str
) -> None:
    with pytest.raises(ConfigCompositionException) as hydras:
        loader.load_sweep_config(swept, [wrong])
    with pytest.raises(ConfigCompositionException) as ours:
        SweepComposer(loader).load_sweep_config(swept, [wrong])
    assert str(ours.value) == str(hydras.value)


def test_files_are_read_once_for_jobs_that_differ_only_in_values(
    loader: ConfigLoader, swept: DictConfig, mocker: MockerFixture
) -> None:
    composer = SweepComposer(loader)
    spy = mocker.spy(loader, "load_configuration")
    for model in ("ridge", "forest"):
        for seed in range(3):
            composer.load_sweep_config(swept, [f"model={model}", f"seed={seed}"])
    assert spy.call_count == 2


def test_a_validated_configuration_is_used_once(loader: ConfigLoader, swept: DictConfig) -> None:
    composer = SweepComposer(loader)
    checked = composer.compose_ahead(swept, ["seed=1"])
    assert composer.load_sweep_config(swept, ["seed=1"]) is checked
    assert composer.load_sweep_config(swept, ["seed=1"]) is not checked


def test_a_pickled_composer_is_the_loader_of_hydra(loader: ConfigLoader, swept: DictConfig) -> None:
    composer = SweepComposer(loader)
    composer.compose_ahead(swept, ["seed=1"])
    assert not isinstance(pickle.loads(pickle.dumps(composer)), SweepComposer)

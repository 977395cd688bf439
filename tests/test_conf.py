"""Every file of `conf`, composed and built; and every class that a file should be there for."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra.types import RunMode
from hydra.utils import get_class
from omegaconf import OmegaConf

from modelpact.cli.compose import build
from modelpact.cli.config_groups import list_groups, list_options, read_option
from modelpact.models import Model
from modelpact.signature import compile as compile_signature
from modelpact.signature import parse
from modelpact.types import Step
from tests.support.commands import CommandRunner, modelpact
from tests.support.fake_chat_server import ChatServer
from tests.support.publishing import versions

__all__ = ["modelpact"]  # the fixture

CONF = Path(__file__).parents[1] / "conf"

FAMILIES = {
    "data": "Data",
    "model": "Model",
    "signer": "Signer",
    "saver": "Saver",
    "loader": "Loader",
    "verifier": "Verifier",
    "register": "Register",
    "tracking": "Tracking",
    "task": "Task",
}
"""Each group whose options are classes, with the suffix of the class names."""

HOMES = (
    "data",
    "models",
    "signers",
    "savers",
    "loaders",
    "verifiers",
    "registers",
    "tracking",
    "serving",
    "cli.tasks",
)
"""The modules that export those classes."""


def required(group: str, option: str) -> list[str]:
    """Return the values of keys without a default, from the example of the option's file."""
    example = shlex.split(read_option(group, option)[1].get("Example", ""))
    return [part for part in example if part.startswith(f"{group}.")]


OPTIONS = [(group, option) for group in FAMILIES for option in list_options(group)]
FILES = sorted(path for path in CONF.rglob("*.yaml"))


def composed(*overrides: str) -> Any:
    with initialize_config_module("modelpact.conf", version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


def content(group: str, option: str) -> dict[str, Any]:
    """Return the content of an option's file, including the options that it extends."""
    found: dict[str, Any] = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
    for parent in found.pop("defaults", []):
        found = {**content(group, parent), **found}
    return found


def camel(option: str, suffix: str) -> str:
    return "".join(part.capitalize() for part in option.split("_")) + suffix


def concrete() -> dict[str, type[Step]]:
    """Every public step that can be built, by its name."""
    found = {}
    for home in HOMES:
        module = importlib.import_module(f"modelpact.{home}")
        for name in module.__all__:
            thing = getattr(module, name)
            if (
                isinstance(thing, type)
                and issubclass(thing, Step)
                and not inspect.isabstract(thing)
            ):
                found[name] = thing
    return found


def test_config_groups_are_pinned() -> None:
    assert list_groups() == sorted([*FAMILIES, "contract", "experiment"])


def build_task(task: str, **chosen: str) -> Any:
    """Compose and build a task with the chosen options."""
    chosen = {"task": task, **chosen}
    values = [value for choice in chosen.items() for value in required(*choice)]
    cfg = composed(*(f"{group}={option}" for group, option in chosen.items()), *values)
    settings = SimpleNamespace(
        runtime=SimpleNamespace(choices=cfg.hydra.runtime.choices), mode=RunMode.RUN
    )
    return build(cfg, settings)  # type: ignore[arg-type]


@functools.cache
def build_steps(number: int) -> dict[str, Any]:
    """Build the option of this number of every group: one task is faster than one per option."""
    chosen = {}
    for group in FAMILIES.keys() - {"task"}:
        options = list_options(group)
        chosen[group] = options[number % len(options)]
    task = build_task("publish", **chosen)
    fields = task.option_fields().items()
    return {field.alias or name: getattr(task, name) for name, field in fields}


@pytest.mark.parametrize(("group", "option"), OPTIONS)
class TestEachOption:
    def test_can_be_composed_and_instantiated(self, group: str, option: str) -> None:
        step = (
            build_task(option)
            if group == "task"
            else build_steps(list_options(group).index(option))[group]
        )
        assert content(group, option)["_target_"].rpartition(".")[2] == step.KIND

    def test_has_the_keys_of_its_class_with_the_same_defaults(
        self, group: str, option: str
    ) -> None:
        written = content(group, option)
        fields = get_class(written.pop("_target_")).option_fields()  # type: ignore[attr-defined]
        by_alias = {field.alias or name: field for name, field in fields.items()}
        assert sorted(written) == sorted(by_alias)
        for key, field in by_alias.items():
            value = written[key]
            constant = not isinstance(value, dict | str) or not re.search(
                r"\$\{|\?\?\?|_target_", json.dumps(value)
            )
            if constant and not field.is_required():
                default = field.get_default(call_default_factory=True)
                if value is None and default == {}:
                    continue  # Hydra merges into {}, and rejects keys that it does not have
                assert value == default or field.default is None, key
                assert type(value) is type(default) or default is None, key

    def test_is_named_after_its_class(self, group: str, option: str) -> None:
        raw = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
        if "_target_" not in raw:
            (option,) = raw["defaults"]
        assert content(group, option)["_target_"].rpartition(".")[2] == camel(
            option, FAMILIES[group]
        )


def test_every_public_class_has_a_config_file() -> None:
    targets = {content(group, option)["_target_"] for group, option in OPTIONS}
    # Data in memory exists in Python only.
    assert set(concrete()) - {"MemoryData"} <= {target.rpartition(".")[2] for target in targets}


def test_every_class_belongs_to_a_family() -> None:
    assert {"SklearnModel", "InferSigner", "CustomSaver", "PublishTask", "SqliteTracking"} <= set(
        concrete()
    )
    assert issubclass(concrete()["SklearnModel"], Model)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONF)))
class TestEachFile:
    def test_starts_with_a_descriptive_comment(self, path: Path) -> None:
        comments = [
            line
            for line in path.read_text().splitlines()
            if line.startswith("# ") and "@package" not in line
        ]
        assert comments
        assert 10 < len(comments[0]) <= 130

    def test_documents_every_key(self, path: Path) -> None:
        if path.parent.name not in FAMILIES:
            return
        bare = []
        for line in path.read_text().splitlines():
            key, _, rest = line.partition(":")
            interpolated = (
                rest.strip() == f"${{{key}}}"
            )  # a task includes a group: the group documents it
            if (
                line
                and line[0] not in " #-"
                and key not in {"_target_", "defaults", "estimator", "classifier"}
                and not interpolated
            ):
                bare += [] if " # " in line else [line]
        assert bare == []

    def test_ends_with_a_line(self, path: Path) -> None:
        assert path.read_text().endswith("\n")
        assert "\t" not in path.read_text()


@pytest.mark.parametrize("name", list_options("contract"))
def test_contracts_of_bundled_data_accept_that_data(name: str) -> None:
    from modelpact import data

    written = yaml.safe_load((CONF / "contract" / f"{name}.yaml").read_text())
    if name in list_options("data"):
        sample = getattr(data, camel(name, "Data"))().read()
    else:
        recipe = yaml.safe_load((CONF / "experiment" / f"{name}.yaml").read_text())
        sample = data.InlineData(**recipe["data"]).read()
    signature = parse(written)
    compile_signature(signature).enforce_inputs(sample.inputs)
    assert signature.outputs is not None


def test_every_bundled_data_set_has_a_contract() -> None:
    assert {"diabetes", "iris", "digits"} <= set(list_options("contract"))


@pytest.fixture
def chat_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a chat server, and the key that the recipe names."""
    monkeypatch.setenv("LITELLM_MASTER_KEY", "key-of-the-recipe")
    with ChatServer(key="key-of-the-recipe") as server:
        yield server.base_url


RECIPES = [recipe for recipe in list_options("experiment") if not recipe.startswith("sweep_")]
"""Experiments of one run; the sweeps are in test_sweep_launchers.py because they need extras."""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_experiment_publishes(
    recipe: str, modelpact: CommandRunner, chat_server: str
) -> None:
    elsewhere = [f"model.base_url={chat_server}"] if recipe == "chat" else []
    ended = modelpact(f"experiment={recipe}", "saver.pip_requirements=[scikit-learn]", *elsewhere)
    assert ended.status == 0, ended.err
    assert versions() == [1]


@pytest.mark.slow
def test_a_sweep_over_experiments_publishes_each(modelpact: CommandRunner) -> None:
    recipes = [
        recipe for recipe in RECIPES if recipe != "chat"
    ]  # it needs a URL, which the others do not accept
    ended = modelpact(
        "-m", f"experiment={','.join(recipes)}", "saver.pip_requirements=[scikit-learn]"
    )
    assert ended.status == 0, ended.err
    assert len(versions()) == len(recipes)


def test_top_level_keys_are_documented() -> None:
    cfg = composed()
    keys = [key for key in cfg if key not in {*list_groups(), "hydra"}]
    text = (CONF / "config.yaml").read_text()
    assert keys == ["name", "seed", "resume", "sweep"]
    assert all(re.search(rf"(?m)^{key}:( .+|\n  \w+: .+) # .+", text) for key in keys)


def test_interpolations_are_resolved_at_composition() -> None:
    cfg = composed("signer=explicit", "data=iris")
    resolved = OmegaConf.to_container(cfg.task, resolve=True)
    assert "${" not in json.dumps(resolved)

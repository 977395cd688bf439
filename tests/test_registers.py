from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from pytest_mock import MockerFixture

from modelpact.errors import AliasError, ConfigError, RegisterError
from modelpact.registers import MlflowRegister, NoneRegister, Register, record_checks
from modelpact.registry.aliases import Aliases
from modelpact.savers import CustomSaver
from modelpact.signature import digest, infer
from modelpact.tracking import SqliteTracking
from modelpact.types import JOB_KEY, Check, Job, Verdict
from tests.support.publishing import client, not_none, numbers, restore, versions
from tiny_models import Doubler

VERIFIED = Verdict((Check(code="PREDICTIONS_EQUAL", ok=True),))


def signature_of(saved: str) -> Any:
    """The signature of a saved model."""
    return mlflow.models.Model.load(
        client().get_logged_model(saved.removeprefix("models:/")).artifact_location
    ).signature


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, str]:
    """A folder whose store has a saved model, a copy of the store, and the URI of the model."""
    folder = tmp_path_factory.mktemp("saved")
    rows = numbers().read().inputs
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELPACT_CACHE", str(cache))
        with SqliteTracking().open():
            info = CustomSaver(pip_requirements=["numpy"]).save(
                Doubler(), infer(rows, Doubler().predict(rows)), rows
            )
            record_checks(info.model_uri, VERIFIED)
    shutil.copy(folder / "mlflow.db", folder / "copy.db")
    return folder, str(info.model_uri)


@pytest.fixture
def saved(shared: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of that model, in the open store without any version."""
    folder, uri = shared
    restore(folder / "copy.db", folder / "mlflow.db")
    monkeypatch.chdir(folder)
    with SqliteTracking().open():
        yield uri


def test_the_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Register()  # type: ignore[abstract]


def test_versions_are_numbered_and_tagged(saved: str) -> None:
    register = MlflowRegister(tags={"team": "lab"})
    made = [register.register("sums", saved, tags={"fact": "1"}) for _ in range(2)]
    assert [int(version.version) for version in made] == [1, 2]
    assert {"team": "lab", "fact": "1"}.items() <= made[0].tags.items()
    assert made[0].source == saved


def test_a_version_has_tags_of_its_checks_and_digests(saved: str) -> None:
    client().set_logged_model_tags(
        saved.removeprefix("models:/"), {"modelpact.artifact_digest": "d1"}
    )
    assert MlflowRegister().register("sums", saved).tags == {
        "modelpact.checks": "PREDICTIONS_EQUAL",
        "modelpact.artifact_digest": "d1",
        "modelpact.signature_digest": digest(signature_of(saved)),
        "modelpact.compatibility": '{"mode": "none"}',
    }


def test_aliases_move_to_the_new_version(saved: str) -> None:
    register = MlflowRegister(aliases=["champion", "blue"])
    for expected in (1, 2):
        register.register("sums", saved)
        for alias in ("champion", "blue"):
            assert int(client().get_model_version_by_alias("sums", alias).version) == expected


@pytest.mark.parametrize("name", ["", "   ", "a/b", "a:b", "a\nb", "x" * 257])
def test_invalid_names_are_rejected_before_and_during_registration(name: str, saved: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid name of a registered model"):
        MlflowRegister().check(name)
    with pytest.raises(ConfigError):
        MlflowRegister().register(name, saved)
    assert versions() == []


@pytest.mark.parametrize("name", ["a", "my model", "modèle-1", "it's", "x" * 256])
def test_valid_names_are_registered(name: str, saved: str) -> None:
    register = MlflowRegister(if_exists="reuse")
    register.check(name)
    register.register(name, saved, tags={JOB_KEY: "k"})
    found = register.find(name, "k")
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("alias", ["", "v1", "V12", "latest", "Latest", "a b", "a/b", "a@b"])
def test_invalid_aliases_are_rejected_before_any_work(alias: str) -> None:
    with pytest.raises(ConfigError, match=r"register\.aliases"):
        MlflowRegister(aliases=[alias]).check("sums")


@pytest.mark.parametrize("uri", ["models:/sums/1", "runs:/abc/model", "/a/folder", "models:/m-XYZ"])
def test_only_uris_of_saved_models_are_registered(uri: str, saved: str) -> None:
    with pytest.raises(RegisterError, match="not the URI of a saved model"):
        MlflowRegister().register("sums", uri)


def test_a_missing_model_is_not_registered(saved: str) -> None:
    with pytest.raises(RegisterError, match="MLflow could not register"):
        MlflowRegister().register("sums", "models:/m-" + "0" * 32)
    assert client().search_registered_models() == []


def test_a_failed_model_is_not_registered(saved: str) -> None:
    client().finalize_logged_model(saved.removeprefix("models:/"), "FAILED")
    with pytest.raises(RegisterError, match="FAILED, not READY"):
        MlflowRegister().register("sums", saved)
    assert client().search_registered_models() == []


def test_an_error_of_the_registry_is_reported(saved: str, mocker: MockerFixture) -> None:
    mocker.patch(
        "mlflow.MlflowClient.create_registered_model", side_effect=MlflowException("no more names")
    )
    with pytest.raises(RegisterError, match="no more names"):
        MlflowRegister().register("sums", saved)


@pytest.mark.parametrize("if_exists", ["new", "reuse", "error"])
def test_an_unknown_job_key_is_not_found(if_exists: Any, saved: str) -> None:
    assert MlflowRegister(if_exists=if_exists).find("sums", "k1") is None
    MlflowRegister().register("sums", saved, tags={JOB_KEY: "k1"})
    MlflowRegister().register("others", saved, tags={JOB_KEY: "k2"})
    assert MlflowRegister(if_exists=if_exists).find("sums", "k2") is None


def test_the_version_of_a_known_job_key_is_found(saved: str) -> None:
    MlflowRegister().register("sums", saved, tags={JOB_KEY: "k1"})
    assert int(not_none(MlflowRegister(if_exists="reuse").find("sums", "k1")).version) == 1
    assert MlflowRegister(if_exists="new").find("sums", "k1") is None
    with pytest.raises(RegisterError, match="version 1 of sums") as raised:
        MlflowRegister(if_exists="error").find("sums", "k1")
    assert (raised.value.name, raised.value.version) == ("sums", "1")


def test_none_register_registers_nothing(saved: str) -> None:
    register = NoneRegister()
    register.check("any/name")
    assert register.find("sums", "k") is None
    assert register.register("sums", saved) is None
    assert versions() == []


@pytest.mark.parametrize("name", ["sums", "it's"])
def test_a_rejected_version_leaves_no_empty_registered_model(
    name: str, saved: str, mocker: MockerFixture
) -> None:
    mocker.patch(
        "mlflow.MlflowClient.create_model_version", side_effect=MlflowException("no more versions")
    )
    with pytest.raises(RegisterError, match="no more versions"):
        MlflowRegister().register(name, saved)
    assert client().search_registered_models() == []


def test_a_rejected_version_keeps_the_other_versions(saved: str, mocker: MockerFixture) -> None:
    MlflowRegister().register("sums", saved)
    mocker.patch(
        "mlflow.MlflowClient.create_model_version", side_effect=MlflowException("no more versions")
    )
    with pytest.raises(RegisterError):
        MlflowRegister().register("sums", saved)
    assert versions("sums") == [1]


def test_a_registered_model_created_concurrently_is_used(saved: str, mocker: MockerFixture) -> None:
    create = mlflow.MlflowClient.create_model_version
    calls: list[str] = []

    def absent_at_first(self: Any, name: str, **options: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            client().create_registered_model(name)  # as another process does, between our two calls
            raise MlflowException("not yet", error_code=RESOURCE_DOES_NOT_EXIST)
        return create(self, name, **options)

    mocker.patch("mlflow.MlflowClient.create_model_version", absent_at_first)
    assert int(MlflowRegister().register("sums", saved).version) == 1


def test_an_unreachable_registry_is_reported(saved: str, mocker: MockerFixture) -> None:
    mocker.patch(
        "mlflow.MlflowClient.create_model_version", side_effect=MlflowException("no answer")
    )
    with pytest.raises(RegisterError, match="no answer"):
        MlflowRegister().register("sums", saved)


def test_alias_moves_are_recorded_in_the_history(saved: str) -> None:
    for _ in range(2):
        MlflowRegister(aliases=["champion"]).register("sums", saved)
    moves = Aliases(client(), "sums").state("champion").moves
    assert [(move.by, move.before, move.to) for move in moves] == [
        ("register", None, 1),
        ("register", 1, 2),
    ]


def test_protected_aliases_are_rejected_before_the_job_runs(saved: str) -> None:
    register = MlflowRegister(aliases=["blue", "champion"])
    register.register("sums", saved)
    Aliases(client(), "sums").protect("champion")
    with pytest.raises(
        AliasError,
        match=r"register\.aliases cannot move champion: champion of sums is protected, by ",
    ) as caught:
        register.find("sums", "k1")
    assert "task=promote task.uri=models:/sums/<version> task.alias=champion" in caught.value.remedy
    assert MlflowRegister(aliases=["blue"]).find("sums", "k1") is None
    with pytest.raises(
        RegisterError, match="no version of sums was registered: champion was not moved"
    ):  # protected concurrently
        register.register("sums", saved)
    assert versions("sums") == [1]
    assert client().get_registered_model("sums").aliases == {"blue": 1, "champion": 1}
    assert [move.by for move in Aliases(client(), "sums").state("blue").moves] == [
        "register",
        "register",
        "undo",
    ]


def test_an_alias_moved_concurrently_is_not_restored(saved: str, mocker: MockerFixture) -> None:
    for _ in range(2):
        MlflowRegister().register("sums", saved)
    move = mlflow.MlflowClient.set_registered_model_alias

    def move_or_fail(self: Any, name: str, alias: str, version: str) -> None:
        if alias == "green" and int(version) == 3:
            Aliases(client(), "sums").move("champion", 2)
            raise MlflowException("the store is gone")
        move(self, name, alias, version)

    mocker.patch("mlflow.MlflowClient.set_registered_model_alias", move_or_fail)
    with pytest.raises(RegisterError, match="no alias was moved"):
        MlflowRegister(aliases=["champion", "green"]).register("sums", saved)
    assert client().get_registered_model("sums").aliases == {"champion": 2}
    assert [move.to for move in Aliases(client(), "sums").state("green").moves] == [3, None]


@pytest.mark.parametrize("first", [True, False], ids=["a new model", "a second version"])
def test_a_failed_alias_removes_the_version_and_restores_other_aliases(
    first: bool, saved: str, mocker: MockerFixture
) -> None:
    if not first:
        MlflowRegister(aliases=["champion"]).register("sums", saved)
    move = mlflow.MlflowClient.set_registered_model_alias

    def move_or_fail(self: Any, name: str, alias: str, version: str) -> None:
        if alias == "green":
            raise MlflowException("the store is gone")
        move(self, name, alias, version)

    mocker.patch("mlflow.MlflowClient.set_registered_model_alias", move_or_fail)
    with pytest.raises(RegisterError, match="no alias was moved"):
        MlflowRegister(aliases=["champion", "green"]).register("sums", saved)

    assert versions() == ([] if first else [1])
    if not first:
        assert int(client().get_model_version_by_alias("sums", "champion").version) == 1


class TestResumedJob:
    """The job was killed after its version was created and before its aliases were moved."""

    JOB = Job(sweep="parent", number=3, resumed=True)

    def made(self, saved: str, job: Job) -> int:
        return int(
            MlflowRegister().register("sums", saved, tags={JOB_KEY: "k1", **job.tags()}).version
        )

    def test_sets_its_aliases(self, saved: str) -> None:
        version = self.made(saved, self.JOB)
        register = MlflowRegister(aliases=["champion", "blue"])
        for _ in range(2):
            assert int(not_none(register.find("sums", "k1", self.JOB)).version) == version
            assert client().get_registered_model("sums").aliases == {
                "champion": version,
                "blue": version,
            }

    def test_keeps_aliases_of_later_versions(self, saved: str) -> None:
        self.made(saved, self.JOB)
        later = self.made(saved, Job(sweep="parent", number=4))
        client().set_registered_model_alias("sums", "champion", str(later))
        found = MlflowRegister(aliases=["champion"]).find("sums", "k1", self.JOB)
        assert int(not_none(found).version) == 1
        assert client().get_registered_model("sums").aliases == {"champion": later}


@pytest.mark.parametrize("value", [None, ["lab"], {"name": "lab"}])
def test_tags_must_be_scalars(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"register\.tags: 'team' is not a valid tag") as raised:
        MlflowRegister(tags={"team": value}).check("sums")
    assert "use a string, a number or a boolean" in raised.value.remedy

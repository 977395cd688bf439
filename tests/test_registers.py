from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from modelpact.errors import AliasError, ConfigError, RegisterError
from modelpact.registers import JOB_KEY, MlflowRegister, NoneRegister, Register, record_checks
from modelpact.registry.aliases import Aliases
from modelpact.savers import CustomSaver
from modelpact.signature import digest, infer
from modelpact.tracking import SqliteTracking
from modelpact.types import Check, Job, Verdict
from tests.support.publishing import client, numbers, versions
from tiny_models import Doubler

VERIFIED = Verdict((Check(code="PREDICTIONS_EQUAL", ok=True),))


def signature_of(saved: str) -> Any:
    """The signature of a saved model."""
    return mlflow.models.Model.load(
        client().get_logged_model(saved.removeprefix("models:/")).artifact_location
    ).signature


@pytest.fixture
def saved() -> Iterator[str]:
    """The URI of a saved model, in an open store."""
    rows = numbers().read().inputs
    with SqliteTracking().open():
        info = CustomSaver(pip_requirements=["numpy"]).save(
            Doubler(), infer(rows, Doubler().predict(rows)), rows
        )
        record_checks(info.model_uri, VERIFIED)
        yield info.model_uri


def test_the_base_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Register()  # type: ignore[abstract]


def test_versions_count_up_and_carry_their_tags(saved: str) -> None:
    register = MlflowRegister(tags={"team": "lab"})
    made = [register.register("sums", saved, tags={"fact": "1"}) for _ in range(2)]
    assert [int(version.version) for version in made] == [1, 2]
    assert {"team": "lab", "fact": "1"}.items() <= made[0].tags.items()
    assert made[0].source == saved


def test_a_version_says_why_it_can_be_trusted(saved: str) -> None:
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
def test_a_bad_name_is_refused_before_and_at_registration(name: str, saved: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid name of a registered model"):
        MlflowRegister().check(name)
    with pytest.raises(ConfigError):
        MlflowRegister().register(name, saved)
    assert versions() == []


@pytest.mark.parametrize("name", ["a", "my model", "modèle-1", "it's", "x" * 256])
def test_a_good_name_registers(name: str, saved: str) -> None:
    register = MlflowRegister(if_exists="reuse")
    register.check(name)
    register.register(name, saved, tags={JOB_KEY: "k"})
    found = register.find(name, "k")
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("alias", ["", "v1", "V12", "latest", "Latest", "a b", "a/b", "a@b"])
def test_a_bad_alias_is_refused_before_any_work(alias: str) -> None:
    with pytest.raises(ConfigError, match=r"register\.aliases"):
        MlflowRegister(aliases=[alias]).check("sums")


@pytest.mark.parametrize("uri", ["models:/sums/1", "runs:/abc/model", "/a/folder", "models:/m-XYZ"])
def test_only_a_saved_model_can_be_registered(uri: str, saved: str) -> None:
    with pytest.raises(RegisterError, match="not the URI of a saved model"):
        MlflowRegister().register("sums", uri)


def test_a_model_that_does_not_exist_is_not_registered(saved: str) -> None:
    with pytest.raises(RegisterError, match="MLflow could not register"):
        MlflowRegister().register("sums", "models:/m-" + "0" * 32)
    assert client().search_registered_models() == []


def test_a_failed_model_is_not_registered(saved: str) -> None:
    client().finalize_logged_model(saved.removeprefix("models:/"), "FAILED")
    with pytest.raises(RegisterError, match="FAILED, not READY"):
        MlflowRegister().register("sums", saved)
    assert client().search_registered_models() == []


def test_what_the_registry_refuses_is_told(saved: str, mocker: Any) -> None:
    mocker.patch(
        "mlflow.MlflowClient.create_registered_model", side_effect=MlflowException("no more names")
    )
    with pytest.raises(RegisterError, match="no more names"):
        MlflowRegister().register("sums", saved)


@pytest.mark.parametrize("if_exists", ["new", "reuse", "error"])
def test_a_job_that_was_not_done_is_to_be_done(if_exists: Any, saved: str) -> None:
    assert MlflowRegister(if_exists=if_exists).find("sums", "k1") is None
    MlflowRegister().register("sums", saved, tags={JOB_KEY: "k1"})
    MlflowRegister().register("others", saved, tags={JOB_KEY: "k2"})
    assert MlflowRegister(if_exists=if_exists).find("sums", "k2") is None


def test_a_job_that_was_done_is_found(saved: str) -> None:
    MlflowRegister().register("sums", saved, tags={JOB_KEY: "k1"})
    assert int(MlflowRegister(if_exists="reuse").find("sums", "k1").version) == 1
    assert MlflowRegister(if_exists="new").find("sums", "k1") is None
    with pytest.raises(RegisterError, match="version 1 of sums") as raised:
        MlflowRegister(if_exists="error").find("sums", "k1")
    assert (raised.value.name, raised.value.version) == ("sums", "1")


def test_none_registers_nothing(saved: str) -> None:
    register = NoneRegister()
    register.check("any/name")
    assert register.find("sums", "k") is None
    assert register.register("sums", saved) is None
    assert versions() == []


@pytest.mark.parametrize("name", ["sums", "it's"])
def test_a_version_that_is_refused_leaves_no_empty_model_behind(
    name: str, saved: str, mocker: Any
) -> None:
    mocker.patch(
        "mlflow.MlflowClient.create_model_version", side_effect=MlflowException("no more versions")
    )
    with pytest.raises(RegisterError, match="no more versions"):
        MlflowRegister().register(name, saved)
    assert client().search_registered_models() == []


def test_a_version_that_is_refused_leaves_the_others_alone(saved: str, mocker: Any) -> None:
    MlflowRegister().register("sums", saved)
    mocker.patch(
        "mlflow.MlflowClient.create_model_version", side_effect=MlflowException("no more versions")
    )
    with pytest.raises(RegisterError):
        MlflowRegister().register("sums", saved)
    assert versions("sums") == [1]


def test_somebody_faster_may_make_the_registered_model(saved: str, mocker: Any) -> None:
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


def test_a_registry_that_does_not_answer_is_told(saved: str, mocker: Any) -> None:
    mocker.patch(
        "mlflow.MlflowClient.create_model_version", side_effect=MlflowException("no answer")
    )
    with pytest.raises(RegisterError, match="no answer"):
        MlflowRegister().register("sums", saved)


def test_moves_of_aliases_are_in_their_history(saved: str) -> None:
    for _ in range(2):
        MlflowRegister(aliases=["champion"]).register("sums", saved)
    moves = Aliases(client(), "sums").state("champion").moves
    assert [(move.by, move.before, move.to) for move in moves] == [
        ("register", None, 1),
        ("register", 1, 2),
    ]


def test_a_protected_alias_is_refused_before_the_job_is_done(saved: str) -> None:
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
    ):  # protected meanwhile
        register.register("sums", saved)
    assert versions("sums") == [1]
    assert client().get_registered_model("sums").aliases == {"blue": 1, "champion": 1}
    assert [move.by for move in Aliases(client(), "sums").state("blue").moves] == [
        "register",
        "register",
        "undo",
    ]


def test_an_alias_that_somebody_else_has_moved_since_is_not_put_back(
    saved: str, mocker: Any
) -> None:
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
def test_a_failing_alias_leaves_no_version_and_puts_the_others_back(
    first: bool, saved: str, mocker: Any
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


class TestAJobThatIsResumed:
    """It was killed when its version was made, and before the aliases were moved."""

    JOB = Job(sweep="parent", number=3, resumed=True)

    def made(self, saved: str, job: Job) -> int:
        return int(
            MlflowRegister().register("sums", saved, tags={JOB_KEY: "k1", **job.tags()}).version
        )

    def test_gets_its_aliases(self, saved: str) -> None:
        version = self.made(saved, self.JOB)
        register = MlflowRegister(aliases=["champion", "blue"])
        for _ in range(2):
            assert int(register.find("sums", "k1", self.JOB).version) == version
            assert client().get_registered_model("sums").aliases == {
                "champion": version,
                "blue": version,
            }

    def test_takes_no_alias_from_a_later_version(self, saved: str) -> None:
        self.made(saved, self.JOB)
        later = self.made(saved, Job(sweep="parent", number=4))
        client().set_registered_model_alias("sums", "champion", str(later))
        assert int(MlflowRegister(aliases=["champion"]).find("sums", "k1", self.JOB).version) == 1
        assert client().get_registered_model("sums").aliases == {"champion": later}


@pytest.mark.parametrize("value", [None, ["lab"], {"name": "lab"}])
def test_a_tag_has_a_scalar_value(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"register\.tags: 'team' is not a valid tag") as raised:
        MlflowRegister(tags={"team": value}).check("sums")
    assert "use a string, a number or a boolean" in raised.value.remedy

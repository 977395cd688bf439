"""Concurrent runs of one job leave one version: simulated in one process, and with two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from pytest_mock import MockerFixture

from modelpact import publish
from modelpact.errors import RegisterError
from modelpact.registers import MlflowRegister
from modelpact.tracking import SqliteTracking
from modelpact.types import JOB_KEY
from tests.support.model_stubs import folder_of, save_stub
from tests.support.publishing import client, not_none, steps, versions
from tests.support.registration_races import race_to_register

WRITTEN = {"inputs": {"age": "long"}, "outputs": {"y": "double"}}
KEY = {JOB_KEY: "k1"}


@pytest.fixture
def open_store() -> Iterator[None]:
    """An open store."""
    with SqliteTracking().open():
        yield


@pytest.fixture
def faster(mocker: MockerFixture) -> list[dict[str, str]]:
    """Tags of versions that another process creates just before this one."""
    todo: list[dict[str, str]] = []
    create = mlflow.MlflowClient.create_model_version

    def create_second(self: Any, name: str, **options: Any) -> Any:
        while todo:
            create(self, name, source=save_stub(WRITTEN), tags=todo.pop(0))
        return create(self, name, **options)

    mocker.patch("mlflow.MlflowClient.create_model_version", create_second)
    return todo


def status(uri: str) -> str:
    return str(client().get_logged_model(uri.removeprefix("models:/")).status)


@pytest.mark.usefixtures("open_store")
class TestConcurrentRegistration:
    def start(self, faster: list[dict[str, str]], *theirs: dict[str, str]) -> str:
        MlflowRegister().register("sums", save_stub(WRITTEN), tags={JOB_KEY: "another"})
        faster += theirs
        return save_stub(WRITTEN)

    def test_if_exists_reuse_returns_the_version_of_the_first(
        self, faster: list[dict[str, str]]
    ) -> None:
        uri = self.start(faster, KEY, KEY)
        version = MlflowRegister(if_exists="reuse", aliases=["champion"]).register(
            "sums", uri, tags=KEY
        )
        assert (int(version.version), versions("sums")) == (2, [1, 2, 3])
        assert client().get_registered_model("sums").aliases == {}
        assert status(uri) == "FAILED"

    def test_if_exists_error_raises(self, faster: list[dict[str, str]]) -> None:
        uri = self.start(faster, KEY)
        with pytest.raises(RegisterError, match="this job is already version 2 of sums"):
            MlflowRegister(if_exists="error", aliases=["champion"]).register("sums", uri, tags=KEY)
        assert versions("sums") == [1, 2]
        assert client().get_registered_model("sums").aliases == {}
        assert status(uri) == "FAILED"

    @pytest.mark.parametrize(
        ("if_exists", "theirs", "ours"), [("new", KEY, KEY), ("reuse", {}, KEY), ("reuse", KEY, {})]
    )
    def test_other_jobs_do_not_conflict(
        self,
        if_exists: Any,
        theirs: dict[str, str],
        ours: dict[str, str],
        faster: list[dict[str, str]],
    ) -> None:
        uri = self.start(faster, theirs)
        version = MlflowRegister(if_exists=if_exists, aliases=["champion"]).register(
            "sums", uri, tags=ours
        )
        assert int(version.version) == 3
        assert int(client().get_model_version_by_alias("sums", "champion").version) == 3
        assert status(uri) == "READY"

    def test_a_model_with_another_version_stays_ready(self, faster: list[dict[str, str]]) -> None:
        uri = self.start(faster)
        MlflowRegister().register("others", uri)
        faster.append(KEY)
        MlflowRegister(if_exists="reuse").register("sums", uri, tags=KEY)
        assert status(uri) == "READY"

    def test_a_version_deleted_concurrently_is_reported(
        self, faster: list[dict[str, str]], mocker: MockerFixture
    ) -> None:
        uri = self.start(faster, KEY)
        delete = mlflow.MlflowClient.delete_model_version

        def delete_both(self: Any, name: str, version: str) -> None:
            delete(self, name, version)
            delete(self, name, "2")

        mocker.patch("mlflow.MlflowClient.delete_model_version", delete_both)
        with pytest.raises(RegisterError) as raised:
            MlflowRegister(if_exists="reuse").register("sums", uri, tags=KEY)
        assert str(raised.value) == (
            "version 2 of sums was of the same job, but it was deleted meanwhile\n"
            "Nothing was registered; run the job again."
        )
        assert (raised.value.name, raised.value.version) == ("sums", "2")
        assert versions("sums") == [1]

    @pytest.mark.parametrize("if_exists", ["reuse", "error"])
    def test_a_version_that_cannot_be_deleted_is_reported(
        self, if_exists: Any, faster: list[dict[str, str]], mocker: MockerFixture
    ) -> None:
        uri = self.start(faster, KEY)
        mocker.patch(
            "mlflow.MlflowClient.delete_model_version", side_effect=MlflowException("no answer")
        )
        with pytest.raises(RegisterError, match="version 3 could not be deleted") as raised:
            MlflowRegister(if_exists=if_exists).register("sums", uri, tags=KEY)
        assert raised.value.not_undone == ["version 3"]

    def test_an_error_of_the_registry_is_reported(
        self, faster: list[dict[str, str]], mocker: MockerFixture
    ) -> None:
        uri = self.start(faster, KEY)
        mocker.patch(
            "mlflow.MlflowClient.get_model_version", side_effect=MlflowException("no answer")
        )
        with pytest.raises(RegisterError, match="no answer"):
            MlflowRegister(if_exists="reuse").register("sums", uri, tags=KEY)


def test_the_lowest_version_of_a_job_is_found() -> None:
    with SqliteTracking().open():
        for _ in range(3):
            MlflowRegister().register("sums", save_stub(WRITTEN), tags=KEY)
        for version in ("3", "1", "2"):
            client().set_model_version_tag("sums", version, "touched", "yes")
            assert int(not_none(MlflowRegister(if_exists="reuse").find("sums", "k1")).version) == 1
        client().delete_model_version("sums", "1")
        assert int(not_none(MlflowRegister(if_exists="reuse").find("sums", "k1")).version) == 2


def test_a_lost_response_does_not_create_a_second_version(mocker: MockerFixture) -> None:
    create = mlflow.MlflowClient.create_model_version
    lost = [True]

    def create_and_lose(self: Any, name: str, **options: Any) -> Any:
        version = create(self, name, **options)
        if lost.pop() if lost else False:
            raise MlflowException(
                "API request to http://host/model-versions/create failed with exception timed out"
            )
        return version

    with SqliteTracking().open():
        client().create_registered_model("sums")
        mocker.patch("mlflow.MlflowClient.create_model_version", create_and_lose)
        mocker.patch("time.sleep")
        assert int(MlflowRegister().register("sums", save_stub(WRITTEN)).version) == 1
    assert versions() == [1]


class TestPublishing:
    """The receipt of the slower process."""

    def test_the_receipt_names_the_version_of_the_first(
        self, faster: list[dict[str, str]], mocker: MockerFixture
    ) -> None:
        first = publish(**steps())
        mocker.patch.object(MlflowRegister, "find", return_value=None)
        done = publish(**steps(register=MlflowRegister(if_exists="reuse")))
        assert (done.version, done.reused, done.model_uri) == ("1", True, first.model_uri)
        assert versions() == [1]
        assert client().get_run(not_none(done.run_id)).data.tags["modelpact.reused_version"] == "1"
        statuses = sorted(str(model.status) for model in client().search_logged_models(["1"]))
        assert statuses == ["FAILED", "READY"]


def test_a_changed_folder_is_not_registered() -> None:
    from modelpact.security.manifest import SIGNATURE_DIGEST

    with SqliteTracking().open():
        uri = save_stub(WRITTEN)
        with pytest.raises(RegisterError, match="is not the one that was signed"):
            MlflowRegister().register("sums", uri, tags={SIGNATURE_DIGEST: "0" * 64})
        (folder_of(uri) / "MLmodel").unlink()
        with pytest.raises(RegisterError, match="MLmodel file does not exist"):
            MlflowRegister().register("sums", uri)
    assert versions() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "if_exists", ["reuse", pytest.param("error", marks=pytest.mark.exhaustive)]
)
def test_two_processes_with_the_same_job_create_one_version(if_exists: str) -> None:
    jobs = 5
    found = race_to_register(if_exists, jobs)
    numbers = set(versions())
    for job in range(jobs):
        one, other = sorted(
            (outcome for outcome in found if outcome.job == job),
            key=lambda outcome: outcome.how != "created",
        )
        assert one.how == "created"
        assert other.how == {"reuse": "reused", "error": "rejected"}[if_exists]
        assert one.version == other.version
        assert one.job_key == other.job_key
        assert int(one.version) in numbers
    assert len(numbers) == jobs
    keys = Counter(
        version.tags[JOB_KEY] for version in client().search_model_versions("name = 'sums'")
    )
    assert set(keys.values()) == {1}
    assert int(client().get_model_version_by_alias("sums", "champion").version) in numbers
    statuses = Counter(str(model.status) for model in client().search_logged_models(["1"]))
    assert statuses == {"READY": jobs, "FAILED": jobs}

from __future__ import annotations

import contextlib
import os
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pydantic import ValidationError

from modelpact.errors import StoreError
from modelpact.tracking import ServerTracking, SqliteTracking
from modelpact.tracking import base as store
from modelpact.tracking.base import hide_credentials
from tests.support.open_error import open_error


def test_a_deleted_experiment_is_named_with_the_command_to_restore_it() -> None:
    with SqliteTracking(experiment="mine").open() as opened:
        opened.client.delete_experiment(opened.experiment_id)
    error = open_error(SqliteTracking(experiment="mine"))
    assert error.message == "the experiment 'mine' is deleted"
    assert f"mlflow experiments restore -x {opened.experiment_id}" in error.remedy
    assert isinstance(error, StoreError)
    assert error.experiment == "mine"


def test_an_experiment_created_concurrently_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with SqliteTracking(experiment="first").open() as opened:
        theirs = opened.client.create_experiment("mine")
        answers = iter([None, opened.client.get_experiment(theirs)])
        monkeypatch.setattr(opened.client, "get_experiment_by_name", lambda name: next(answers))
        assert store._find_or_create_experiment(opened.client, "mine").experiment_id == theirs


@pytest.mark.parametrize("name", ["", "x" * 501, 7, None])
def test_invalid_experiment_names_are_rejected(name: Any) -> None:
    with pytest.raises(ValidationError, match="experiment"):
        SqliteTracking(experiment=name)


@pytest.mark.parametrize("before", [None, "sqlite:////before.db"])
@pytest.mark.parametrize("fails", [False, True])
def test_global_uris_are_restored(
    before: str | None, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        if before is not None:
            monkeypatch.setenv(name, before)
    if before is not None:
        mlflow.set_tracking_uri(before)
    tracking = SqliteTracking()
    with contextlib.suppress(ZeroDivisionError), tracking.open():
        assert mlflow.get_tracking_uri() == mlflow.get_registry_uri() == tracking.mlflow_uri()
        if fails:
            raise ZeroDivisionError
    assert mlflow.is_tracking_uri_set() is (before is not None)
    assert [os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")] == [
        before
    ] * 2
    if before is not None:
        assert mlflow.get_tracking_uri() == before


def test_stores_can_be_nested() -> None:
    inner, outer = (
        SqliteTracking(uri="sqlite:///inner.db"),
        SqliteTracking(uri="sqlite:///outer.db"),
    )
    with outer.open():
        with inner.open():
            assert mlflow.get_tracking_uri() == inner.mlflow_uri()
        assert mlflow.get_tracking_uri() == outer.mlflow_uri()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://host:5000", "http://host:5000"),
        ("http://ann:secret@host:5000/path", "http://***@host:5000/path"),
        ("http://ann:se@cret@host", "http://***@host"),
        ("postgresql://ann:se/cr?et@host/db", "postgresql://***@host/db"),
        ("postgresql://host/db?user=ann&password=secret", "postgresql://host/db?***"),
        ("http://:secret@[half", "http://***@[half"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("", ""),
    ],
)
def test_credentials_of_every_form_are_hidden(uri: str, shown: str) -> None:
    assert hide_credentials(uri) == shown


def test_identity_excludes_the_store() -> None:
    assert (
        SqliteTracking(uri="sqlite:///a.db", experiment="a").identity()
        == SqliteTracking(uri="sqlite:///b.db").identity()
    )
    assert (
        ServerTracking(uri="http://a", timeout=1.0).identity()
        == ServerTracking(uri="http://b").identity()
    )


def test_the_reason_of_a_rejected_experiment_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: MlflowClient, name: str, artifact_location: str | None = None) -> None:
        raise MlflowException("the name is refused")

    monkeypatch.setattr(MlflowClient, "create_experiment", refuse)
    assert (
        "cannot open the store sqlite:///mlflow.db: the name is refused"
        in open_error(SqliteTracking()).message
    )

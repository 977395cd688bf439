from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from modelpact.errors import (
    AliasError,
    ConfigError,
    LoadError,
    SecretError,
    StoreError,
)
from tests.support.alias_tasks import (
    BETTER,
    WORSE,
    aliased_version,
    history,
    move_alias,
    promote,
    protect,
    rollback,
)
from tests.support.many_cases import sample_params
from tests.support.publishing import client, experiment_id

pytestmark = pytest.mark.usefixtures("alias_store")


@pytest.mark.parametrize(
    "run",
    sample_params([rollback, protect, history], every=3),
    ids=["rollback", "protect", "history"],
)
def test_an_unknown_registered_model(run: Any) -> None:
    with pytest.raises(AliasError, match="there is no registered model 'sum'") as caught:
        run(name="sum")
    assert "did you mean 'sums'?" in caught.value.message


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("run", [lambda **given: promote(1, **given), rollback, protect, history])
def test_an_invalid_alias_is_rejected_before_the_store_is_opened(run: Any) -> None:
    for alias in ("", "latest", "v2", "a b"):
        with pytest.raises(ConfigError, match=r"task\.alias"):
            run(alias=alias)
    assert not Path("mlflow.db").exists()


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("run", [lambda **given: promote(1, **given), rollback, protect, history])
def test_a_missing_store_is_not_created(run: Any) -> None:
    with pytest.raises(LoadError, match=r"the store mlflow\.db does not exist"):
        run(alias="champion")
    assert not Path("mlflow.db").exists()


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("run", [lambda **given: promote(1, **given), rollback, protect])
def test_an_invalid_reason_is_rejected(run: Any) -> None:
    with pytest.raises(ConfigError, match=r"task\.why is 1,001 characters long"):
        run(why="x" * 1001)
    with pytest.raises(SecretError):
        run(why="sk-" + "proj-0123456789abcdef")


def test_a_deleted_history_is_reported() -> None:
    move_alias(WORSE)
    client().delete_experiment(experiment_id("modelpact aliases: index"))
    with pytest.raises(StoreError, match="was deleted, and with it the history of all aliases"):
        history()


@pytest.mark.parametrize(("run", "version"), [(lambda: promote(BETTER), BETTER), (rollback, WORSE)])
def test_a_signal_does_not_interrupt_a_move(
    run: Callable[[], None],
    version: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    move_alias(WORSE)
    if run is rollback:
        move_alias(BETTER)
    log_param = MlflowClient.log_param

    def interrupt(*arguments: Any) -> Any:
        written = log_param(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return written

    monkeypatch.setattr(MlflowClient, "log_param", interrupt)
    with pytest.raises(SystemExit, match="143"):
        run()
    assert aliased_version() == version
    assert "champion of sums: version" in capsys.readouterr().out

"""MLflow's own settings decide where runs, models and versions go."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from modelpact.errors import ConfigError, StoreError
from modelpact.tracking import MlflowTracking, ServerTracking
from tests.support.commands import CommandRunner, modelpact

__all__ = ["modelpact"]  # the fixture


def opened(tracking: MlflowTracking | None = None) -> tuple[str, str, str]:
    """Return the URI, the registry and the name of the experiment of an open store."""
    with (tracking or MlflowTracking()).open() as store:
        name = store.client.get_experiment(store.experiment_id).name
        return store.uri, store.registry_uri, name


def test_without_settings_it_is_a_file_in_the_working_folder() -> None:
    assert opened() == ("sqlite:///mlflow.db", "sqlite:///mlflow.db", "modelpact")
    assert Path("mlflow.db").is_file()


def test_the_variables_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///versions.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "houses")
    assert opened() == ("sqlite:///runs.db", "sqlite:///versions.db", "houses")
    assert not Path("mlflow.db").exists()


def test_the_functions_of_mlflow() -> None:
    mlflow.set_tracking_uri("sqlite:///own.db")
    mlflow.set_experiment("prices")
    assert opened() == ("sqlite:///own.db", "sqlite:///own.db", "prices")
    assert mlflow.get_tracking_uri() == "sqlite:///own.db"


def test_the_active_run(tmp_path: Path) -> None:
    # MLflow keeps a store per URI, even if the working folder changes.
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/own.db")
    experiment = mlflow.create_experiment("of the run")
    with mlflow.start_run(experiment_id=experiment):
        assert opened()[2] == "of the run"


def test_an_experiment_of_another_store_is_named(tmp_path: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'first.db'}")
    mlflow.set_experiment("prices")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'second.db'}")
    with pytest.raises(StoreError, match=r"MLflow is set to an experiment of another store"):
        opened()


def test_the_fields_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///versions.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "houses")
    given = MlflowTracking(uri="sqlite:///given.db", experiment="mine")
    assert opened(given) == ("sqlite:///given.db", "sqlite:///given.db", "mine")


@pytest.mark.parametrize("uri", ["./mlruns", "mlflow.db", "file:///tmp/mlruns", "/tmp/mlruns"])
def test_a_folder_is_named_with_its_variable(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ConfigError, match=f"MLFLOW_TRACKING_URI='{uri}' is neither"):
        opened()
    with pytest.raises(ConfigError, match=f"tracking.uri='{uri}' is neither"):
        opened(MlflowTracking(uri=uri))


def test_a_server() -> None:
    target = MlflowTracking(uri="http://user:secret@localhost:5000").target()
    assert isinstance(target, ServerTracking)
    assert target.display_uri() == "http://***@localhost:5000"


@pytest.mark.slow
def test_on_the_command_line(modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "houses")
    ended = modelpact("data=iris", "model=logistic", "saver.pip_requirements=[scikit-learn]")
    assert ended.status == 0, ended.err
    assert not Path("mlflow.db").exists()
    [run] = mlflow.MlflowClient("sqlite:///runs.db").search_runs(["1"])
    assert run.data.tags["mlflow.runName"] == "iris"

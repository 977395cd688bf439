from __future__ import annotations

from types import SimpleNamespace

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, TEMPORARILY_UNAVAILABLE
from pytest_mock import MockerFixture

from modelpact.registry.registered_models import describe_unknown_model, find_registered_model


@pytest.fixture
def client(mocker: MockerFixture) -> MlflowClient:
    found: MlflowClient = mocker.create_autospec(MlflowClient, instance=True)
    return found


@pytest.mark.parametrize(("n_names", "listed"), [(1, 1), (20, 20), (21, 20)])
def test_long_lists_of_names_are_truncated(
    n_names: int, listed: int, client: MlflowClient, mocker: MockerFixture
) -> None:
    names = [f"model-{number:02}" for number in range(n_names)]
    mocker.patch(
        "modelpact.registry.registered_models.search_all",
        return_value=[SimpleNamespace(name=name) for name in reversed(names)],
    )
    message, remedy = describe_unknown_model(client, "modle-00")
    assert message == "there is no registered model 'modle-00' (did you mean 'model-00'?)"
    assert remedy == f"Registered models: {', '.join(names[:listed])}."


def test_an_empty_store(client: MlflowClient, mocker: MockerFixture) -> None:
    mocker.patch("modelpact.registry.registered_models.search_all", return_value=[])
    assert describe_unknown_model(client, "sums") == (
        "there is no registered model 'sums'",
        "Nothing is registered in this store.",
    )


def test_only_a_missing_model_is_none(client: MlflowClient, mocker: MockerFixture) -> None:
    assert find_registered_model(client, "sums") is client.get_registered_model.return_value  # type: ignore[attr-defined]
    client.get_registered_model.side_effect = MlflowException("gone", RESOURCE_DOES_NOT_EXIST)  # type: ignore[attr-defined]
    assert find_registered_model(client, "sums") is None
    client.get_registered_model.side_effect = MlflowException("later", TEMPORARILY_UNAVAILABLE)  # type: ignore[attr-defined]
    with pytest.raises(MlflowException, match="later"):
        find_registered_model(client, "sums")

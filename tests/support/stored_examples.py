"""Sends the stored example of a model to MLflow's scoring server and to ours."""

from __future__ import annotations

import json
from typing import Any

from starlette.testclient import TestClient

from modelpact._internal import mlflow_compat
from modelpact.loaders import Adapter
from tests.support.publishing import not_none

HEADERS = {"content-type": "application/json"}


def invoke_both_servers(adapter: Adapter, server: TestClient) -> tuple[Any, Any]:
    """Return our answer and MLflow's; the example of the API pages has to work, too."""
    example = not_none(adapter.pyfunc.metadata.get_serving_input(str(adapter.folder)))
    theirs = mlflow_compat.invoke_scoring_server(adapter.pyfunc, example)
    assert theirs.status == 200, theirs.response
    ours = server.post("/invocations", content=example, headers=HEADERS)
    assert ours.status_code == 200, ours.text
    documented = server.get("/openapi.json").json()["paths"]["/predict"]["post"]
    body = documented["requestBody"]["content"]["application/json"].get("example")
    if body is not None:
        response = server.post("/predict", json=body)
        assert response.status_code == 200, response.text
    return ours.json(), json.loads(theirs.response)

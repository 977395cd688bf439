"""MLflow's scoring protocol: the responses equal those of MLflow's server."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations

from modelpact.loaders import Adapter
from modelpact.signature import parse
from tests.support.echo_model import echo_adapter
from tests.support.served_models import PERSON, create_client, post

FRAME = pd.DataFrame({"a": [1.0, 2.5, -3.0], "b": [3.0, 4.0, 0.25], "n": [1, 2, 3]})
COLUMNS = FRAME.to_dict("list")
RECORDS = FRAME.to_dict("records")
SPLIT = FRAME.to_dict("split")


def mlflow_response(adapter: Adapter, body: str, kind: str = "application/json") -> Any:
    """Return the response of MLflow's server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        response = invocations(
            body, kind, adapter.pyfunc, adapter.pyfunc.metadata.get_input_schema()
        )
    assert response.status == 200, response.response
    return json.loads(response.response)


def assert_same(ours: Any, theirs: Any) -> None:
    """Check that two responses are equal, numbers to the last bits."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            assert_same(ours[key], value)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            assert_same(mine, other)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-12)
    else:
        assert ours == theirs


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": {"columns": ["n", "b", "a"], "data": [[1, 2.0, 3.0]]}},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"inputs": RECORDS},
        {"inputs": COLUMNS},
        {"inputs": RECORDS[0]},
        {"dataframe_records": [row | {"more": "x"} for row in RECORDS]},
        {"dataframe_records": RECORDS, "params": None},
    ],
    ids=[
        "split",
        "other order",
        "records",
        "instances",
        "inputs",
        "columns",
        "one row",
        "extra",
        "null params",
    ],
)
def test_a_table_in_json(table: Adapter, body: dict[str, Any]) -> None:
    response = post(create_client(table), "/invocations", body)
    assert response.status_code == 200, response.text
    assert_same(response.json(), mlflow_response(table, json.dumps(body)))


@pytest.mark.parametrize(
    "text",
    [FRAME.to_csv(index=False), FRAME.to_csv(), "b,n,a\n1,2,3\n\n4,5,6", 'a,"b",n\r\n"1",2,3\r\n'],
)
def test_a_table_in_csv(table: Adapter, text: str) -> None:
    response = post(create_client(table), "/invocations", text, "text/csv; charset=UTF-8")
    assert response.status_code == 200, response.text
    assert_same(response.json(), mlflow_response(table, text, "text/csv"))


@pytest.mark.parametrize(
    "text", ["do,n\n007,1\n1e5,2\n", 'do,n\n"a,b\nc",1\n', "do,n\nTrue,1\n2024-01-01,2"]
)
def test_csv_strings_stay_strings(scripted: Adapter, text: str) -> None:
    response = post(create_client(scripted), "/invocations", text, "text/csv")
    assert response.status_code == 200, response.text
    assert_same(response.json(), mlflow_response(scripted, text, "text/csv"))


def test_csv_integers_stay_integers_next_to_empty_values() -> None:
    from modelpact.serving.mlflow_protocol import parse_csv
    from serving_models import Nulls
    from tests.support.served_models import save_and_load

    adapter = save_and_load(
        Nulls(),
        parse({"inputs": {"a": "double", "n?": "long"}, "outputs": ["long"]}),
        pd.DataFrame({"a": [1.0]}),
    )
    frame = parse_csv(b"a,n\n1,9007199254740993\n2,\n", adapter.signature.inputs)
    assert frame["n"][0] == 9007199254740993
    assert post(
        create_client(adapter), "/invocations", "a,n\n1,9007199254740993\n,\n", "text/csv"
    ).json() == {"predictions": [0, 1]}


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": {"left": [[1.0, 2.0]], "right": [[0.5, 0.5]]}},
        {
            "instances": [
                {"left": [1.0, 2.0], "right": [0.5, 0.5]},
                {"left": [3.0, 2.0], "right": [0.5, 0.5]},
            ]
        },
    ],
    ids=["inputs", "instances"],
)
def test_tensors(tensor: Adapter, body: dict[str, Any]) -> None:
    response = post(create_client(tensor), "/invocations", body)
    assert response.status_code == 200, response.text
    assert_same(response.json(), mlflow_response(tensor, json.dumps(body)))


@pytest.mark.parametrize("envelope", ["dataframe_records", "inputs", "dataframe_split"])
def test_nested_values(nested: Adapter, envelope: str) -> None:
    rows: Any = [PERSON, PERSON]
    if envelope == "dataframe_split":
        rows = {"columns": list(PERSON), "data": [list(PERSON.values())] * 2}
    body = {envelope: rows, "params": {"factor": 2.0}}
    response = post(create_client(nested), "/invocations", body)
    assert response.status_code == 200, response.text
    assert_same(response.json(), mlflow_response(nested, json.dumps(body)))


def test_nested_instances_that_mlflow_cannot_read(nested: Adapter) -> None:
    """MLflow converts the columns to arrays first and then rejects them."""
    body = {"instances": [PERSON, PERSON], "params": {"factor": 2.0}}
    with pytest.raises(MlflowException):
        mlflow_response(nested, json.dumps(body))
    response = post(create_client(nested), "/invocations", body)
    assert [row["total"] for row in response.json()["predictions"]] == [7.0, 7.0]


def test_pydantic_objects(hinted: Adapter) -> None:
    body = {"inputs": [{"a": 1.0, "b": 2.0}]}
    assert_same(
        post(create_client(hinted), "/invocations", body).json(),
        mlflow_response(hinted, json.dumps(body)),
    )


def test_the_stored_serving_example_is_accepted(
    table: Adapter, tensor: Adapter, nested: Adapter, hinted: Adapter
) -> None:
    for adapter in (table, tensor, nested, hinted):
        stored = (adapter.folder / "serving_input_example.json").read_text()
        response = post(create_client(adapter), "/invocations", stored)
        assert response.status_code == 200, response.text
        assert_same(response.json(), mlflow_response(adapter, stored))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a,b,n\n1,2,3,4\n",
        "a,b,n\n1,2\n",
        "a,a,n\n1,2,3\n",
        'a,b,n\n"1,2,3\n',
    ],
)
def test_malformed_csv(table: Adapter, text: str) -> None:
    response = post(create_client(table), "/invocations", text, "text/csv")
    assert (response.status_code, response.json()["error_code"]) == (400, "NOT_CSV")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"rows": RECORDS},
        {"inputs": RECORDS, "instances": RECORDS},
        {"dataframe_split": SPLIT | {"more": 1}},
        {"dataframe_split": SPLIT | {"index": [1]}},
        {"inputs": RECORDS, "params": []},
        {"dataframe_split": RECORDS},
        {"dataframe_split": {"columns": ["a"]}},
        {"dataframe_split": {"columns": ["a", "b", "n"], "data": [[1, 2]]}},
        {"dataframe_split": {"columns": ["a", "a", "n"], "data": [[1, 2, 3]]}},
        {"dataframe_split": {"columns": "abn", "data": [[1, 2, 3]]}},
        {"dataframe_records": COLUMNS},
        {"dataframe_records": [1]},
        {"instances": 3},
        {"inputs": None},
        {"inputs": 3},
        {"inputs": {"a": [1, 2], "b": [1], "n": [1, 2]}},
        {"inputs": [RECORDS[0] | {"n": 1.5}]},
    ],
)
def test_requests_that_violate_the_protocol_or_the_contract(table: Adapter, body: Any) -> None:
    response = post(create_client(table), "/invocations", body)
    assert response.status_code == 422, response.text
    assert response.json()["failures"]


def test_the_client_of_mlflow_reads_the_response(table: Adapter) -> None:
    from mlflow.deployments import PredictionsResponse

    text = post(create_client(table), "/invocations", {"dataframe_split": SPLIT}).text
    frame = PredictionsResponse.from_json(text).get_predictions()  # type: ignore[no-untyped-call]
    assert np.allclose(frame.iloc[:, 0], table.predict(FRAME).prediction)


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        (
            {"inputs": {"prompt": "string"}, "params": {"top": "long = 1"}},
            {"prompt": "hi", "top": 2},
        ),
        ({"inputs": {"input": "string"}}, {"input": "hi"}),
        (
            {"inputs": {"messages": [{"role": "string", "content": "string"}]}},
            {"messages": [{"role": "user", "content": "hi"}]},
        ),
    ],
    ids=["prompt and params", "input", "messages"],
)
def test_the_body_of_a_language_model(signature: Any, body: Any) -> None:
    adapter = echo_adapter(parse(signature))
    response = post(create_client(adapter), "/invocations", body)
    assert response.status_code == 200, response.text
    assert_same(response.json(), mlflow_response(adapter, json.dumps(body)))


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        ("float64[-1, 2]", {"instances": [[1.0, 2.0]]}),
        ({"x": "float64[-1]", "y": "float64[-1]"}, {"instances": {"x": [1.0], "y": [2.0]}}),
        ({"a": "double"}, {"instances": {"a": [1.0, 2.0]}}),
        ([["long"]], {"dataframe_split": {"columns": [0], "data": [[[1, 2]]]}}),
    ],
    ids=["tensor", "tensors", "columns", "nested"],
)
def test_instances_and_unnamed_columns(inputs: Any, body: Any) -> None:
    adapter = echo_adapter(parse({"inputs": inputs}))
    response = post(create_client(adapter), "/invocations", body)
    assert response.status_code == 200, response.text
    assert_same(response.json(), mlflow_response(adapter, json.dumps(body)))

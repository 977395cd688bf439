"""The OpenAPI document of a model: its contract as JSON Schema, with its stored example."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelpact.serving.encoding import encode_request
from modelpact.serving.http_errors import ERROR_SCHEMA, STATUS_DESCRIPTIONS
from modelpact.serving.mlflow_protocol import ENVELOPES
from modelpact.signature import to_json_schema

if TYPE_CHECKING:
    from modelpact.loaders import Adapter

__all__ = ["body_of_invocation", "body_of_predict", "responses"]


def body_of_predict(adapter: Adapter) -> dict[str, Any]:
    """The request body of `/predict`."""
    parts = to_json_schema(adapter.signature)["properties"]
    properties = {"inputs": parts.get("inputs", {})}
    if "params" in parts:
        properties["params"] = {**parts["params"], "type": ["object", "null"]}
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["inputs"],
        "additionalProperties": False,
    }
    return _body({"application/json": {"schema": schema, **_example(adapter)}})


def body_of_invocation(adapter: Adapter) -> dict[str, Any]:
    """The request body of `/invocations`: one of MLflow's envelopes, or CSV."""
    from mlflow.exceptions import MlflowException

    parts = to_json_schema(adapter.signature)["properties"]
    rows = parts.get("inputs", {})
    records = (
        rows
        if rows.get("items", {}).get("type") == "object"
        else {"type": "array", "items": {"type": "object"}}
    )
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "uniqueItems": True},
            "data": {"type": "array", "items": {"type": "array"}},
        },
        "required": ["data"],
    }
    envelopes = {
        "dataframe_split": split,
        "dataframe_records": records,
        "instances": {"type": "array"},
        "inputs": {},
    }
    schema = {
        "type": "object",
        "properties": {
            **envelopes,
            "params": parts.get("params", {"type": ["object", "null"], "maxProperties": 0}),
        },
        "oneOf": [{"required": [envelope]} for envelope in ENVELOPES],
        "additionalProperties": False,
    }
    try:
        stored = adapter.pyfunc.metadata.get_serving_input(str(adapter.folder))
    except MlflowException:
        stored = None
    example = {"example": json.loads(stored)} if stored else {}
    return _body(
        {
            "application/json": {"schema": schema, **example},
            "text/csv": {"schema": {"type": "string"}},
        }
    )


def responses(adapter: Adapter, key: str = "prediction") -> dict[int | str, dict[str, Any]]:
    """What a request may get: an answer, or one of the refusals."""
    outputs = to_json_schema(adapter.signature)["properties"].get("outputs", {})
    properties = {
        key: _nullable(outputs),
        **({"metadata": {"type": "object"}} if key == "prediction" else {}),
    }
    answer = {"type": "object", "properties": properties, "required": list(properties)}
    refused = {"application/json": {"schema": ERROR_SCHEMA}}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": meaning, "content": refused}
        for status, meaning in STATUS_DESCRIPTIONS.items()
    }
    found[200] = {
        "description": "The model's answer.",
        "content": {"application/json": {"schema": answer}},
    }
    return found


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


def _example(adapter: Adapter) -> dict[str, Any]:
    """The stored input example in the form of `/predict`."""
    from mlflow.exceptions import MlflowException

    metadata = adapter.pyfunc.metadata
    try:
        inputs = metadata.load_input_example(str(adapter.folder))
        params = metadata.load_input_example_params(str(adapter.folder))
        return (
            {}
            if inputs is None
            else {
                "example": encode_request(inputs, params or None, schema=adapter.signature.inputs)
            }
        )
    except (
        MlflowException,
        OSError,
        ValueError,
    ):  # it is not there, cannot be read, or is nothing that JSON carries
        return {}


def _nullable(schema: Any) -> Any:
    """A schema of numbers in which null may stand for NaN and Infinity, which JSON does not have."""
    if isinstance(schema, list):
        return [_nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: value if key in {"enum", "const", "default", "required"} else _nullable(value)
        for key, value in schema.items()
    }
    if found.get("type") == "number":
        found["type"] = ["number", "null"]
    return found

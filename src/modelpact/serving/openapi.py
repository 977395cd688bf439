"""The OpenAPI document of a model: its signature as JSON Schema, with its stored example."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelpact.serving.encoding import encode_request
from modelpact.serving.http_errors import ERROR_SCHEMA, STATUS_DESCRIPTIONS
from modelpact.serving.mlflow_protocol import ENVELOPES, LLM_KEYS, PARQUET
from modelpact.signature import to_json_schema

if TYPE_CHECKING:
    from modelpact.loaders import Adapter

__all__ = ["describe_invocations_body", "describe_predict_body", "describe_responses"]


def describe_predict_body(adapter: Adapter) -> dict[str, Any]:
    """Return the request body of `/predict`."""
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
    return _request_body({"application/json": {"schema": schema, **_predict_example(adapter)}})


def describe_invocations_body(adapter: Adapter) -> dict[str, Any]:
    """Return the body of `/invocations`: an envelope, that of a language model, CSV or Parquet."""
    parts = to_json_schema(adapter.signature)["properties"]
    records = parts.get("inputs", {})
    if records.get("items", {}).get("type") != "object":
        records = {"type": "array", "items": {"type": "object"}}
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "uniqueItems": True},
            "index": {"type": "array"},
            "data": {"type": "array", "items": {"type": "array"}},
        },
        "required": ["data"],
        "additionalProperties": False,
    }
    no_params = {"type": ["object", "null"], "maxProperties": 0}
    schema = {
        "type": "object",
        "properties": {
            "dataframe_split": split,
            "dataframe_records": records,
            "instances": {},
            "inputs": {},
            "params": parts.get("params", no_params),
        },
        "anyOf": [
            {"oneOf": [{"required": [envelope]} for envelope in ENVELOPES]},
            *({"required": [key]} for key in LLM_KEYS),
        ],
    }
    return _request_body(
        {
            "application/json": {"schema": schema, **_serving_example(adapter)},
            "text/csv": {"schema": {"type": "string"}},
            PARQUET: {"schema": {"type": "string", "format": "binary"}},
        }
    )


def describe_responses(
    adapter: Adapter, key: str = "prediction"
) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route by status.

    Args:
        adapter: The model.
        key: The key of the prediction.
    """
    outputs = to_json_schema(adapter.signature)["properties"].get("outputs", {})
    properties = {key: _allow_null(outputs)}
    if key == "predictions" and outputs:
        # A Series is written as one object per row.
        objects = {"type": "array", "items": {"type": "object"}}
        properties[key] = {"anyOf": [properties[key], objects]}
    if key == "prediction":
        properties["metadata"] = {"type": "object"}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    error = {"application/json": {"schema": ERROR_SCHEMA}}
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": description, "content": error}
        for status, description in STATUS_DESCRIPTIONS.items()
    }
    success = {"application/json": {"schema": schema}}
    responses[200] = {"description": "The prediction.", "content": success}
    return responses


def _request_body(content: dict[str, object]) -> dict[str, object]:
    return {"requestBody": {"required": True, "content": content}}


def _predict_example(adapter: Adapter) -> dict[str, object]:
    """Return the stored input example as a request to `/predict`, if JSON can represent it."""
    from mlflow.exceptions import MlflowException

    metadata, folder = adapter.pyfunc.metadata, str(adapter.folder)
    try:
        inputs = metadata.load_input_example(folder)
        params = metadata.load_input_example_params(folder)
        if inputs is None:
            return {}
        body = encode_request(inputs, params or None, schema=adapter.signature.inputs)
    except (MlflowException, OSError, ValueError):
        return {}
    return {"example": body}


def _serving_example(adapter: Adapter) -> dict[str, object]:
    """Return the request to `/invocations` that MLflow stored with the model."""
    from mlflow.exceptions import MlflowException

    try:
        stored = adapter.pyfunc.metadata.get_serving_input(str(adapter.folder))
    except MlflowException:
        return {}
    return {"example": json.loads(stored)} if stored else {}


def _allow_null(schema: object) -> object:
    """Return a schema whose numbers may be null, which stands for NaN and Infinity."""
    if isinstance(schema, list):
        return [_allow_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    literals = {"enum", "const", "default", "required"}
    found = {key: value if key in literals else _allow_null(value) for key, value in schema.items()}
    if found.get("type") == "number":
        found["type"] = ["number", "null"]
    return found

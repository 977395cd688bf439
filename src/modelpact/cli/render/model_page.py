"""The page of a model in Markdown: its contract, and example calls over HTTP and in Python."""

from __future__ import annotations

import json
import pprint
from typing import TYPE_CHECKING

from modelpact.cli.stored_model import registered_name
from modelpact.datatypes import count_rows, take_rows
from modelpact.serving.encoding import NotJsonEncodable, encode_request
from modelpact.signature import compile as compile_signature
from modelpact.signature import digest
from modelpact.signature.export.markdown import contract_sections

if TYPE_CHECKING:
    from mlflow.models import Model as MLmodel

    from modelpact.types import Inputs, Params, Signature

__all__ = ["render_model_page"]


def render_model_page(
    uri: str, metadata: MLmodel, inputs: Inputs | None = None, params: Params | None = None
) -> str:
    """Return the page of a model.

    Args:
        uri: The URI of the model, with a version instead of an alias.
        metadata: The content of its `MLmodel` file, with a signature.
        inputs: The stored input example.
        params: The params of the example.
    """
    signature: Signature = metadata.signature
    parts = [
        f"# {_one_line(_title(uri))}",
        _facts(uri, metadata, signature),
        *contract_sections(signature, inputs),
        "## Calling it",
        *_calls(uri, signature, inputs, params),
    ]
    return "\n\n".join(parts) + "\n"


def _title(uri: str) -> str:
    name = registered_name(uri)
    return uri if name is None else f"{name}, version {uri.rpartition('/')[2]}"


def _facts(uri: str, metadata: MLmodel, signature: Signature) -> str:
    facts = {
        "URI": uri,
        "Signature": f"sha256 {digest(signature)}",
        "Flavors": ", ".join(sorted(metadata.flavors or {})),
        "Saved": f"{metadata.utc_time_created} UTC, with MLflow {metadata.mlflow_version}",
        "Model ID": metadata.model_id or "none",
    }
    return "\n".join(f"- {name}: {_one_line(fact)}" for name, fact in facts.items())


def _calls(
    uri: str, signature: Signature, inputs: Inputs | None, params: Params | None
) -> list[str]:
    """Return calls with one row of the stored example, over HTTP and in Python."""
    if inputs is None:
        return ["The model has no stored example."]
    data = _first_row(signature, inputs, params)
    try:
        body = encode_request(data, params or None, schema=signature.inputs)
    except NotJsonEncodable as error:
        return [f"The stored example cannot be sent as JSON: {error}."]
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    curl = f"curl -s localhost:8000/predict -H 'content-type: application/json' -d '{text}'"
    arguments = f"inputs, {_format_python(params)}" if params else "inputs"
    python = (
        "from modelpact.loaders import BuiltinLoader\n\n"
        f"model = BuiltinLoader().load({uri!r})\n"
        f"inputs = {_format_python(body['inputs'])}\n"
        f"print(model.predict({arguments}).prediction)"
    )
    return [
        f"Over HTTP, after `modelpact task=serve task.uri={_one_line(uri)}`:",
        _code_block("sh", curl),
        "In Python, with an open store:",
        _code_block("python", python),
    ]


def _first_row(signature: Signature, inputs: Inputs, params: Params | None) -> Inputs:
    """Return the first row, or all rows if the first alone violates the signature."""
    if count_rows(inputs) <= 1:
        return inputs
    first = take_rows(inputs, [0])
    violations = compile_signature(signature).find_violations(first, params)
    return inputs if violations.total else first


def _format_python(value: object) -> str:
    return pprint.pformat(value, width=120, compact=True, sort_dicts=False)


def _code_block(language: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _one_line(text: object) -> str:
    return " ".join(str(text).split())

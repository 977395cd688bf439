"""A stored model's contract as a page in Markdown, for people: what it takes, what it answers, how it is called."""

from __future__ import annotations

import json
import pprint
from typing import TYPE_CHECKING, Any

from modelpact.cli.render.column_table import describe, describe_params
from modelpact.cli.render.markdown import code, table
from modelpact.cli.stored_model import registered_name
from modelpact.datatypes import count_rows, take_rows
from modelpact.serving.encoding import NotJsonEncodable, encode_request
from modelpact.signature import compile as compile_signature
from modelpact.signature import digest

if TYPE_CHECKING:
    from mlflow.models import Model as MLmodel

    from modelpact.types import Signature

__all__ = ["render_model_page"]


def render_model_page(
    uri: str, metadata: MLmodel, inputs: Any = None, params: dict[str, Any] | None = None
) -> str:
    """The page of a model.

    Args:
        uri: What names it for ever.
        metadata: What its `MLmodel` file says; it has a signature.
        inputs: Its stored input example; None where there is none.
        params: The params of the example.
    """
    signature: Signature = metadata.signature
    parts = [
        f"# {_text(_title(uri))}",
        _facts(uri, metadata, signature),
        *_side("Inputs", signature.inputs, inputs),
        *_params(signature),
        *_side("Outputs", signature.outputs, None),
        *_call(uri, signature, inputs, params),
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
    return "\n".join(f"- {name}: {_text(fact)}" for name, fact in facts.items())


def _side(title: str, schema: Any, data: Any) -> list[str]:
    if schema is None:
        return [f"## {title}", "Not signed: anything is let through."]
    kind = "Rows with these columns."
    if schema.is_tensor_spec():
        kind = (
            "Tensors, each as nested lists"
            if schema.has_input_names()
            else "One tensor, as nested lists"
        )
        kind += "; -1 is a free axis."
    elif not schema.has_input_names():
        kind = (
            "Rows without names: lists of these values."
            if len(schema.inputs) > 1
            else "A value a row."
        )
    lines = describe(schema, data, integers=False)
    headers = ("name", "type", "required", *(("example",) if data is not None else ()))
    cells = [
        (code(line.path), code(line.type), line.required, code(line.example))[: len(headers)]
        for line in lines
    ]
    return [f"## {title}", kind, table(headers, cells)]


def _params(signature: Signature) -> list[str]:
    if signature.params is None or not signature.params.params:
        return ["## Params", "None."]
    cells = [
        (code(line.path), code(line.type), code(line.example) or "none")
        for line in describe_params(signature.params)
    ]
    return ["## Params", table(("name", "type", "default"), cells)]


def _call(uri: str, signature: Signature, inputs: Any, params: dict[str, Any] | None) -> list[str]:
    """One row of the stored example, over HTTP and in Python."""
    if inputs is None:
        return ["## Calling it", "No example is stored with the model."]
    data = inputs
    if count_rows(inputs) > 1:
        first = take_rows(inputs, [0])
        violations = compile_signature(signature).find_violations(first, params)
        data = inputs if violations else first
    try:
        body = encode_request(data, params or None, schema=signature.inputs)
    except NotJsonEncodable as error:
        return ["## Calling it", f"The stored example cannot be sent as JSON: {error}."]
    call = f"inputs = {_python(body['inputs'])}\nprint(model.predict(inputs{', ' + _python(params) if params else ''}).prediction)"
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return [
        "## Calling it",
        f"Over HTTP, after `modelpact task=serve task.uri={_text(uri)}`:",
        _block(
            "sh", f"curl -s localhost:8000/predict -H 'content-type: application/json' -d '{text}'"
        ),
        "In Python, in an open store:",
        _block(
            "python",
            f"from modelpact.loaders import BuiltinLoader\n\nmodel = BuiltinLoader().load({uri!r})\n{call}",
        ),
    ]


def _python(value: Any) -> str:
    return pprint.pformat(value, width=120, compact=True, sort_dicts=False)


def _block(language: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _text(text: Any) -> str:
    """A text on one line."""
    return " ".join(str(text).split())

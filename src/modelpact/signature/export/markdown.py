"""Contracts, tables and code in Markdown, with arbitrary text in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelpact._internal.characters import blank_unprintable

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

    from modelpact.types import Inputs, Signature

__all__ = ["code", "contract_sections", "table"]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Return a text as inline code that is valid in a table cell."""
    if not text:
        return ""
    clean = blank_unprintable(text).replace("|", "\\|")
    fence = "`"
    while fence in clean:
        fence += "`"
    pad = " " if clean.startswith("`") or clean.endswith("`") else ""
    return f"{fence}{pad}{clean}{pad}{fence}"


def contract_sections(signature: Signature, inputs: Inputs | None = None) -> list[str]:
    """Return the inputs, the params and the outputs of a signature, each with a heading.

    Args:
        signature: The signature.
        inputs: Inputs whose first values are shown as examples.
    """
    return [
        *_schema_section("Inputs", signature.inputs, inputs),
        *_params_section(signature),
        *_schema_section("Outputs", signature.outputs, None),
    ]


def _schema_section(title: str, schema: Schema | None, data: Inputs | None) -> list[str]:
    if schema is None:
        return [f"## {title}", "Not signed: any value is accepted."]
    from modelpact.signature.export.column_table import describe_schema

    rows = describe_schema(schema, data, check_integers=False)
    headers = ("name", "type", "required", *(("example",) if data is not None else ()))
    cells = [
        (code(row.path), code(row.type), row.required, code(row.example))[: len(headers)]
        for row in rows
    ]
    return [f"## {title}", _layout(schema), table(headers, cells)]


def _layout(schema: Schema) -> str:
    if schema.is_tensor_spec():
        named = "Tensors, each as nested lists; -1 is a free axis."
        return (
            named if schema.has_input_names() else "One tensor, as nested lists; -1 is a free axis."
        )
    if schema.has_input_names():
        return "Rows with these columns."
    if len(schema.inputs) > 1:
        return "Rows without column names: lists of these values."
    return "One value per row."


def _params_section(signature: Signature) -> list[str]:
    if signature.params is None or not signature.params.params:
        return ["## Params", "None."]
    from modelpact.signature.export.column_table import describe_params

    cells = [
        (code(row.path), code(row.type), code(row.example) or "none")
        for row in describe_params(signature.params)
    ]
    return ["## Params", table(("name", "type", "default"), cells)]

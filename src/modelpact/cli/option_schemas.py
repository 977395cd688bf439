"""JSON Schemas of the option files, for editors and for the help.

They are files of the package, because importing the classes would import MLflow as well.
`python -m modelpact.cli.option_schemas` writes them anew.
"""

from __future__ import annotations

import importlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from modelpact.cli.config_groups import list_groups, list_options, read_option

__all__ = ["FOLDER", "generate_schema", "read_schema"]

FOLDER = resources.files("modelpact.cli").joinpath("schemas")

INTERPOLATION = {"type": "string", "pattern": r"\$\{|^\?\?\?$"}
"""A value that Hydra replaces, or that another file must set."""


def read_schema(group: str, option: str) -> str | None:
    """Return the text of an option's schema; None for an option that has none."""
    file = FOLDER.joinpath(f"{group}.{option}.json")
    return file.read_text(encoding="utf-8") if file.is_file() else None


def generate_schema(group: str, option: str) -> str | None:
    """Return the text of the schema from the class of an option; None if it has no class."""
    content, comments = read_option(group, option)
    if "_target_" not in content:
        return None
    module, _, name = content["_target_"].rpartition(".")
    schema = getattr(importlib.import_module(module), name).model_json_schema(
        schema_generator=_lenient_generator()
    )
    definitions = schema.get("$defs", {})
    steps = {f"#/$defs/{key}" for key, value in definitions.items() if "KIND" in str(value)}
    properties: dict[str, Any] = {"defaults": {"type": "array"}, "_target_": {"type": "string"}}
    for key, value in schema["properties"].items():
        if key == "KIND":
            continue
        value.pop("default", None)
        # A step is an interpolation of its group, or another mapping with `_target_`.
        types = [{"type": "object"} if value.get("$ref") in steps else value]
        if content[key] is None and {"type": "null"} not in value.get("anyOf", ()):
            types.append({"type": "null"})
        properties[key] = {
            "description": comments.get(key, ""),
            "default": content[key],
            "anyOf": [*types, {"$ref": "#/$defs/interpolation"}],
        }
    result = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"{group}={option}",
        "description": comments[""],
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "$defs": {
            "interpolation": INTERPOLATION,
            **{key: value for key, value in definitions.items() if f"#/$defs/{key}" not in steps},
        },
    }
    return _dump(_without_titles(result)) + "\n"


def _lenient_generator() -> type[Any]:
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        """Accepts any value where JSON Schema has no such type, as of an estimator."""

        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
            return {}

    return Generator


def _without_titles(value: Any) -> Any:
    """Remove the titles that Pydantic makes of the names."""
    if isinstance(value, list):
        return list(map(_without_titles, value))
    if not isinstance(value, dict):
        return value
    return {
        key: _without_titles(item)
        for key, item in value.items()
        if key != "title" or not isinstance(item, str) or "=" in item
    }


def _dump(value: Any, depth: int = 2, line: str = "\n ") -> str:
    """Return a value as JSON with one key per line, down to a depth."""
    if not depth or not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    items = (
        f"{line}{json.dumps(key)}: {_dump(item, depth - 1, f'{line} ')}"
        for key, item in value.items()
    )
    return f"{{{','.join(items)}{line[:-1]}}}"


if __name__ == "__main__":
    for group in list_groups():
        for option in list_options(group):
            text = generate_schema(group, option)
            if text is not None:
                Path(str(FOLDER), f"{group}.{option}.json").write_text(text, encoding="utf-8")

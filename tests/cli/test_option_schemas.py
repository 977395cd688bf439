from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from modelpact.cli.config_groups import find_option, list_groups, list_options
from modelpact.cli.option_schemas import FOLDER, generate_schema, read_schema

OPTIONS = [(group, option) for group in list_groups() for option in list_options(group)]


def check(group: str, option: str, content: Any) -> list[str]:
    """Return the path of each mistake in the content of an option's file."""
    validator = jsonschema.Draft7Validator(json.loads(read_schema(group, option) or ""))
    return [".".join(map(str, error.path)) for error in validator.iter_errors(content)]


def test_the_schemas_are_those_of_the_classes() -> None:
    generated = {
        f"{group}.{option}.json": generate_schema(group, option) for group, option in OPTIONS
    }
    shipped = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    message = "Run python -m modelpact.cli.option_schemas"
    assert shipped == {name: text for name, text in generated.items() if text is not None}, message


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_file_is_valid(group: str, option: str) -> None:
    file = find_option(group, option)
    assert file is not None
    if read_schema(group, option) is not None:
        assert check(group, option, yaml.safe_load(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        ({"defaults": ["csv"], "path": "a.csv", "seed": "${seed}"}, []),
        ({"path": "a.csv", "form": "frames"}, ["form"]),
        ({"path": 1}, ["path"]),
        ({"pth": "a.csv"}, [""]),
        ({"test_size": 2, "types": {"a": 1}}, ["test_size", "types"]),
    ],
)
def test_mistakes_are_found(content: dict[str, Any], paths: list[str]) -> None:
    assert sorted(check("data", "csv", content)) == paths

"""Strict schemas exist for some types only; the enforcer accepts everything they accept."""

from __future__ import annotations

import collections
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Schema

from modelpact.signature import compile, generate_examples, parse, rows_schema, strict_rows_schema
from modelpact.signature.export.json_schema import JsonSchema
from tests.support.json_payloads import generate_calls, through_json, to_json_call
from tests.support.json_verdicts import find_violations, is_valid, only_violations, seeded
from tests.support.strategies import any_names, types

pytestmark = pytest.mark.usefixtures("quiet")


class TestStrictRows:
    def test_optional_properties_are_required_and_nullable(self) -> None:
        inputs = parse(
            {
                "inputs": {
                    "name": "string",
                    "age?": "integer",
                    "author?": {"orcid?": "string", "tags": ["double"]},
                }
            }
        ).inputs
        author = {
            "orcid": {"type": ["string", "null"]},
            "tags": {"type": "array", "items": {"type": "number"}},
        }
        assert strict_rows_schema(inputs) == {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "age": {"type": ["integer", "null"], "minimum": -(2**31), "maximum": 2**31 - 1},
                "author": {
                    "type": ["object", "null"],
                    "properties": author,
                    "required": ["orcid", "tags"],
                    "additionalProperties": False,
                },
            },
            "required": ["name", "age", "author"],
            "additionalProperties": False,
        }

    @pytest.mark.parametrize(
        "inputs",
        [
            {"x": {"*": "long"}},
            {"x": "any"},
            {"x?": ["any"]},
            {"x": {"a?": {"*": "long"}}},
            {"x": "binary"},
            ["long", "long"],
            ["any"],
        ],
    )
    def test_unsupported_types(self, inputs: Any) -> None:
        assert strict_rows_schema(parse({"inputs": inputs}).inputs) is None

    def test_an_optional_binary_value_is_nullable(self) -> None:
        found = strict_rows_schema(parse({"inputs": {"x?": "binary"}}).inputs)
        assert found is not None
        assert found["properties"] == {"x": {"type": "null"}}

    def test_an_unnamed_column_is_its_value(self) -> None:
        assert strict_rows_schema(parse({"inputs": ["string"]}).inputs) == {"type": "string"}

    def test_the_enforcer_accepts_valid_values(self) -> None:
        count: collections.Counter[str] = collections.Counter()
        scalars = st.sampled_from([dtype for dtype in DataType if dtype != DataType.binary])
        columns = st.lists(
            st.tuples(any_names, types(leaves=scalars), st.booleans()),
            min_size=1,
            max_size=3,
            unique_by=lambda t: t[0],
        )

        @settings(seeded, max_examples=50)
        @given(columns, st.integers(0, 2**32))
        def compare(found: Any, seed: int) -> None:
            signature = ModelSignature(
                Schema([ColSpec(dtype, name, needed) for name, dtype, needed in found])
            )
            if (strict := strict_rows_schema(signature.inputs)) is None:
                count["not strict"] += 1
                return
            assert _keywords(strict) <= {
                *(
                    "type",
                    "properties",
                    "required",
                    "additionalProperties",
                    "items",
                    "pattern",
                    "minimum",
                    "maximum",
                ),
            }
            rows, enforcer = rows_schema(signature.inputs), compile(signature)
            filled = [to_json_call(*pair) for pair in generate_examples(signature, 8, seed=seed)]
            for call in [*filled, *generate_calls(signature, 16, seed)]:
                listed = (through_json(call) or {"inputs": []})["inputs"]
                for row in listed if isinstance(listed, list) else []:
                    if is_valid(strict, row) and "\\n" not in json.dumps(
                        row
                    ):  # Python's $ matches before it, too
                        assert is_valid(rows, row)
                        why = find_violations(enforcer, {"inputs": [row]})
                        assert not why or only_violations("LOSSY", "float|double")(
                            signature, {}, why
                        ), (
                            row,
                            why,
                        )
                        count["accepted"] += 1

        compare()
        assert count["accepted"] > 300, count


def _keywords(schema: JsonSchema) -> set[str]:
    """Return the keywords of a strict schema, and check its objects for OpenAI's rules."""
    found = set(schema)
    if "object" in schema["type"]:
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False
        found |= set().union(*map(_keywords, schema["properties"].values()))
    return found | (_keywords(schema["items"]) if "items" in schema else set())

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from modelpact._internal.named_values import read_named_values
from modelpact.data import CsvData
from modelpact.registers import MlflowRegister


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"a": "x"}, {"a": "x"}),
        ({2026: "x", 1.5: "y"}, {"2026": "x", "1.5": "y"}),
        ("{größe: string, 2026: long}", {"größe": "string", "2026": "long"}),
        ("text", "text"),
        (None, None),
        ({True: "x"}, {True: "x"}),
    ],
)
def test_names_are_text(value: Any, names: Any) -> None:
    assert read_named_values(value) == names


def test_fields_of_names_are_read_from_text() -> None:
    data = CsvData(path="a.csv", types="{größe: string}", params="{k: 0.5}")  # type: ignore[arg-type]
    assert (data.types, data.params) == ({"größe": "string"}, {"k": 0.5})
    assert MlflowRegister(tags="{größe: x}").tags == {"größe": "x"}  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="invalid YAML"):
        CsvData(path="a.csv", types="{a: [}")  # type: ignore[arg-type]

"""Names of types from Python, pandas, SQL and other systems."""

from __future__ import annotations

import pytest

from modelpact.signature import parse_type
from tests.support.malformed_specs import report_problems


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("int", "write long"),
        ("int64", "write long"),
        ("np.int64", "write long"),
        ("Int32", "write integer"),
        ("str", "write string"),
        ("float64", "write double"),
        ("Float32", "write float"),
        ("DataType.float32", "write float"),
        ("mlflow.types.DataType.double", "write double"),
        ("bool", "write boolean"),
        ("bytes", "write binary"),
        ("date", "write datetime"),
        ("datetime64[ns]", "write datetime"),
        ("typing.Any", "write any"),
        ("Double", "write double"),
        ("list[str]", "write [string]"),
        ("List[int]", "write [long]"),
        ("array<string>", "write [string]"),
        ("string[]", "write [string]"),
        ("dict[str, float]", 'write {"*": float} for a map'),
        ("Optional[str]", 'write string and end the key with a ?: "name?": string'),
        ("string?", 'the ? belongs to the key: "name?": string'),
        ("uint64", "use long below 2**63, or string"),
        ("Decimal", "use double, or string to keep every digit"),
        ("timedelta", "use double (seconds) or long"),
        ("object", "write {name: type} for an object"),
        ("dict", 'write {name: type} for an object, or {"*": type} for a map'),
        ("tensor", "such as float32[-1, 3]"),
        ("strng", "did you mean 'string'?"),
        ("doubel", "did you mean 'double'?"),
        ("double[-1]", "write float64"),
        ("f4[-1]", "write float32"),
        ("float32(-1, 3)", "a tensor is written float32[-1, 3]"),
        ("Tensor('float32', (-1, 3))", "a tensor is written float32[-1, 3]"),
        ("float32", "write float; a tensor also needs a shape: float32[-1]"),
        ("time", "use string, or datetime with a date"),
        ("flot32[-1]", "did you mean 'float32'?"),
    ],
)
def test_names_of_other_systems_get_a_suggestion(written: str, remedy: str) -> None:
    assert remedy in report_problems(written, parse_type)

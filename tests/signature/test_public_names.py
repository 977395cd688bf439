"""The public names of `modelpact.signature`: pinned, lazy, and never hidden by a module of the same name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import modelpact.signature

PUBLIC = [
    *("Change", "filter_breaking", "check_all_compatible", "check_compatible", "diff"),
    *(
        "InvalidExample",
        "ViolationCode",
        "Enforcer",
        "Extra",
        "Violation",
        "Policy",
        "generate_invalid_examples",
        "compile",
        "diff_type_hints",
        "digest",
        "enforce",
        "generate_examples",
    ),
    "type_to_spec",
    *(
        "from_predict",
        "from_type_hint",
        "infer",
        "load",
        "parse",
        "parse_type",
        "check_type_hints",
    ),
    *(
        "rows_schema",
        "strict_rows_schema",
        "to_json_schema",
        "to_pydantic",
        "to_spec",
        "format_type",
    ),
]


def python(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout


def test_the_public_names_are_pinned() -> None:
    assert modelpact.signature.__all__ == sorted(PUBLIC)
    assert set(PUBLIC) <= set(dir(modelpact.signature))


@pytest.mark.parametrize("name", PUBLIC)
def test_each_name_is_there_and_documented(name: str) -> None:
    thing = getattr(modelpact.signature, name)
    assert callable(thing)
    assert thing.__doc__ or name in {"Extra", "Policy"}  # which are types of options


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = modelpact.signature.no_such_name


def test_the_import_is_cheap() -> None:
    heavy = ("mlflow", "pandas", "numpy", "yaml", "pydantic")
    script = f"import sys, modelpact.signature; dir(modelpact.signature); print([name for name in {heavy} if name in sys.modules])"
    assert python(script) == "[]\n"


IN_A_NEW_PROCESS = """
import importlib, sys
import mlflow.models, mlflow.types
before = set(sys.modules)
for name, home in (
    ("digest", "canonical"), ("enforce", "enforcement.enforcer"), ("infer", "inference.infer"),
    ("diff", "compat.diff"), ("generate_examples", "examples.generation"),
):
    module = importlib.import_module(f"modelpact.signature.{home}")
    import modelpact.signature
    outer = getattr(modelpact.signature, name)
    exec(f"from modelpact.signature import {name} as found")
    assert found is outer is getattr(module, name), name
    for loaded in [loaded for loaded in sys.modules if loaded.startswith("modelpact")]:
        del sys.modules[loaded]
from modelpact.signature import *
compile(infer([{"a": 1}])).enforce_inputs([{"a": 1}])
print({"hydra", "omegaconf", "polars"} & (set(sys.modules) - before))
"""


def test_no_module_hides_the_function_of_its_name_and_nothing_imports_hydra_or_polars() -> None:
    assert python(IN_A_NEW_PROCESS) == "set()\n"

"""The public names of `modelpact.signature`: pinned, lazy, and not shadowed by modules."""

from __future__ import annotations

import subprocess
import sys

import pytest

import modelpact.signature

PUBLIC = [
    "Change",
    "Enforcer",
    "Extra",
    "InvalidExample",
    "Policy",
    "Violation",
    "ViolationCode",
    "check_all_compatible",
    "check_compatible",
    "check_type_hints",
    "compile",
    "diff",
    "diff_type_hints",
    "digest",
    "enforce",
    "filter_breaking",
    "format_type",
    "from_predict",
    "from_type_hint",
    "generate_examples",
    "generate_invalid_examples",
    "infer",
    "load",
    "parse",
    "parse_type",
    "rows_schema",
    "strict_rows_schema",
    "to_json_schema",
    "to_pydantic",
    "to_spec",
    "type_to_spec",
]


def python(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout


def test_public_names_are_pinned() -> None:
    assert modelpact.signature.__all__ == sorted(PUBLIC)
    assert set(PUBLIC) <= set(dir(modelpact.signature))


@pytest.mark.parametrize("name", PUBLIC)
def test_names_are_callable_and_documented(name: str) -> None:
    thing = getattr(modelpact.signature, name)
    assert callable(thing)
    assert thing.__doc__ or name in {"Extra", "Policy"}


def test_unknown_names_raise() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = modelpact.signature.no_such_name


def test_the_import_loads_no_heavy_package() -> None:
    heavy = ("mlflow", "pandas", "numpy", "yaml", "pydantic")
    script = (
        "import sys, modelpact.signature; dir(modelpact.signature); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
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


@pytest.mark.slow
def test_names_are_not_shadowed_by_modules() -> None:
    assert python(IN_A_NEW_PROCESS) == "set()\n"

"""Signatures: parse, infer, enforce, compare and export them.

The package is pure: it uses no network and no tracking store, and only `load` reads a file. Names
are imported on first use, so that `import modelpact.signature` loads neither mlflow nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.signature.canonical import digest
    from modelpact.signature.compat.diff import diff
    from modelpact.signature.compat.modes import (
        check_all_compatible,
        check_compatible,
        filter_breaking,
    )
    from modelpact.signature.compat.rules import Change
    from modelpact.signature.enforcement.enforcer import Enforcer, compile, enforce
    from modelpact.signature.enforcement.options import Extra, Policy
    from modelpact.signature.enforcement.violations import Violation, ViolationCode
    from modelpact.signature.examples.generation import (
        InvalidExample,
        generate_examples,
        generate_invalid_examples,
    )
    from modelpact.signature.export.json_schema import rows_schema, to_json_schema
    from modelpact.signature.export.pydantic_module import to_pydantic
    from modelpact.signature.export.strict_json_schema import strict_rows_schema
    from modelpact.signature.inference.hint_diff import check_type_hints, diff_type_hints
    from modelpact.signature.inference.infer import infer
    from modelpact.signature.inference.type_hints import from_predict, from_type_hint
    from modelpact.signature.language.spec import load, parse, to_spec
    from modelpact.signature.language.types import format_type, parse_type, type_to_spec

_NAMES_BY_MODULE = {
    "canonical": ("digest",),
    "compat.diff": ("diff",),
    "compat.modes": ("check_all_compatible", "check_compatible", "filter_breaking"),
    "compat.rules": ("Change",),
    "enforcement.enforcer": ("Enforcer", "compile", "enforce"),
    "enforcement.options": ("Extra", "Policy"),
    "enforcement.violations": ("Violation", "ViolationCode"),
    "examples.generation": ("InvalidExample", "generate_examples", "generate_invalid_examples"),
    "export.json_schema": ("rows_schema", "to_json_schema"),
    "export.pydantic_module": ("to_pydantic",),
    "export.strict_json_schema": ("strict_rows_schema",),
    "inference.hint_diff": ("check_type_hints", "diff_type_hints"),
    "inference.infer": ("infer",),
    "inference.type_hints": ("from_predict", "from_type_hint"),
    "language.spec": ("load", "parse", "to_spec"),
    "language.types": ("format_type", "parse_type", "type_to_spec"),
}

__all__ = [
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

__getattr__ = lazy(
    __name__, {name: f".{module}" for module, names in _NAMES_BY_MODULE.items() for name in names}
)

"""Signatures: written, inferred, enforced, compared, proved. Pure: no network, no tracking store, and no files but for `load`.

The names are imported when they are first used, so `import modelpact.signature` loads neither mlflow nor pandas.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelpact.signature.agreement import differences as differences
    from modelpact.signature.agreement import require_agreement as require_agreement
    from modelpact.signature.diff import breaking as breaking
    from modelpact.signature.diff import check_all_compatible as check_all_compatible
    from modelpact.signature.diff import check_compatible as check_compatible
    from modelpact.signature.diff import diff as diff
    from modelpact.signature.digest import digest as digest
    from modelpact.signature.enforce import Code as Code
    from modelpact.signature.enforce import Enforcer as Enforcer
    from modelpact.signature.enforce import Extra as Extra
    from modelpact.signature.enforce import Failure as Failure
    from modelpact.signature.enforce import Policy as Policy
    from modelpact.signature.enforce import compile as compile
    from modelpact.signature.enforce import enforce as enforce
    from modelpact.signature.export import rows_schema as rows_schema
    from modelpact.signature.export import strict_rows_schema as strict_rows_schema
    from modelpact.signature.export import to_json_schema as to_json_schema
    from modelpact.signature.export_pydantic import to_pydantic as to_pydantic
    from modelpact.signature.generate import Break as Break
    from modelpact.signature.generate import breaks as breaks
    from modelpact.signature.generate import examples as examples
    from modelpact.signature.hints import from_predict as from_predict
    from modelpact.signature.hints import from_type_hint as from_type_hint
    from modelpact.signature.infer import infer as infer
    from modelpact.signature.rules import Change as Change
    from modelpact.signature.spec import load as load
    from modelpact.signature.spec import parse as parse
    from modelpact.signature.spec import to_spec as to_spec
    from modelpact.signature.types import format_type as format_type
    from modelpact.signature.types import parse_type as parse_type
    from modelpact.signature.types import type_text as type_text

_HOMES = {
    "Break": "generate",
    "breaking": "diff",
    "breaks": "generate",
    "Change": "rules",
    "check_all_compatible": "diff",
    "check_compatible": "diff",
    "Code": "enforce",
    "compile": "enforce",
    "diff": "diff",
    "differences": "agreement",
    "digest": "digest",
    "enforce": "enforce",
    "Enforcer": "enforce",
    "examples": "generate",
    "Extra": "enforce",
    "Failure": "enforce",
    "format_type": "types",
    "from_predict": "hints",
    "from_type_hint": "hints",
    "infer": "infer",
    "load": "spec",
    "parse": "spec",
    "parse_type": "types",
    "Policy": "enforce",
    "require_agreement": "agreement",
    "rows_schema": "export",
    "strict_rows_schema": "export",
    "to_json_schema": "export",
    "to_pydantic": "export_pydantic",
    "to_spec": "spec",
    "type_text": "types",
}
"""The module of each public name."""

__all__ = [
    "Break",
    "Change",
    "Code",
    "Enforcer",
    "Extra",
    "Failure",
    "Policy",
    "breaking",
    "breaks",
    "check_all_compatible",
    "check_compatible",
    "compile",
    "diff",
    "differences",
    "digest",
    "enforce",
    "examples",
    "format_type",
    "from_predict",
    "from_type_hint",
    "infer",
    "load",
    "parse",
    "parse_type",
    "require_agreement",
    "rows_schema",
    "strict_rows_schema",
    "to_json_schema",
    "to_pydantic",
    "to_spec",
    "type_text",
]


class _Package(ModuleType):
    """Keeps a module such as `digest` from hiding the function of that name: importing a module sets it on its package."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

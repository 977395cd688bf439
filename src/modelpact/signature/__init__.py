"""Signatures: written, inferred, enforced, compared, proved. Pure: no network, no tracking store, and no files but for `load`.

The names are imported when they are first used, so `import modelpact.signature` loads neither mlflow nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.signature.canonical import digest
    from modelpact.signature.compat.diff import (
        breaking,
        check_all_compatible,
        check_compatible,
        diff,
    )
    from modelpact.signature.compat.rules import Change
    from modelpact.signature.enforcement import (
        Code,
        Enforcer,
        Extra,
        Failure,
        Policy,
        compile,
        enforce,
    )
    from modelpact.signature.examples.generate import Break, breaks, generate_examples
    from modelpact.signature.export.json_schema import (
        rows_schema,
        strict_rows_schema,
        to_json_schema,
    )
    from modelpact.signature.export.pydantic import to_pydantic
    from modelpact.signature.inference.hint_consistency import differences, require_agreement
    from modelpact.signature.inference.infer import infer
    from modelpact.signature.inference.type_hints import from_predict, from_type_hint
    from modelpact.signature.language.spec import load, parse, to_spec
    from modelpact.signature.language.types import format_type, parse_type, type_text

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
    "format_type",
    "from_predict",
    "from_type_hint",
    "generate_examples",
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

__getattr__ = lazy(
    __name__,
    {
        "Break": "modelpact.signature.examples.generate",
        "Change": "modelpact.signature.compat.rules",
        "Code": "modelpact.signature.enforcement",
        "Enforcer": "modelpact.signature.enforcement",
        "Extra": "modelpact.signature.enforcement",
        "Failure": "modelpact.signature.enforcement",
        "Policy": "modelpact.signature.enforcement",
        "breaking": "modelpact.signature.compat.diff",
        "breaks": "modelpact.signature.examples.generate",
        "check_all_compatible": "modelpact.signature.compat.diff",
        "check_compatible": "modelpact.signature.compat.diff",
        "compile": "modelpact.signature.enforcement",
        "diff": "modelpact.signature.compat.diff",
        "differences": "modelpact.signature.inference.hint_consistency",
        "digest": "modelpact.signature.canonical",
        "enforce": "modelpact.signature.enforcement",
        "format_type": "modelpact.signature.language.types",
        "from_predict": "modelpact.signature.inference.type_hints",
        "from_type_hint": "modelpact.signature.inference.type_hints",
        "generate_examples": "modelpact.signature.examples.generate",
        "infer": "modelpact.signature.inference.infer",
        "load": "modelpact.signature.language.spec",
        "parse": "modelpact.signature.language.spec",
        "parse_type": "modelpact.signature.language.types",
        "require_agreement": "modelpact.signature.inference.hint_consistency",
        "rows_schema": "modelpact.signature.export.json_schema",
        "strict_rows_schema": "modelpact.signature.export.json_schema",
        "to_json_schema": "modelpact.signature.export.json_schema",
        "to_pydantic": "modelpact.signature.export.pydantic",
        "to_spec": "modelpact.signature.language.spec",
        "type_text": "modelpact.signature.language.types",
    },
)

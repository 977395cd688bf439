"""The import closure agrees with Python's parser and excludes code that is not executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import pytest

from modelpact._internal.import_closure import (
    PACKAGE_FOLDER,
    import_closure,
    imported_names,
    lazy_exports,
)

SOURCES = sorted(PACKAGE_FOLDER.rglob("*.py"))


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of its inner blocks, except those for type checkers."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for name in ("body", "orelse", "finalbody"):
            yield from statements(getattr(node, name, ()))
        for block in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from statements(block.body)


def parsed_imports(source: str) -> set[str]:
    """Return the names of modelpact that Python's parser finds in import statements."""
    names: set[str] = set()
    for node in statements(ast.parse(source).body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.partition(".")[0] == "modelpact"}


def test_finds_the_same_imports_as_the_parser() -> None:
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        assert parsed_imports(source) <= imported_names(source), path


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from modelpact.types import Step", {"modelpact.types.Step"}),
        ("from modelpact.types import (\n    Step,  # a step\n    Sample as S,\n)", {"modelpact.types.Step", "modelpact.types.Sample"}),
        ("from modelpact.types import Step, \\\n    Sample", {"modelpact.types.Step", "modelpact.types.Sample"}),
        ("import os; import modelpact.types", {"modelpact.types"}),
        ("try: import modelpact.types\nexcept ImportError: pass", {"modelpact.types"}),
        ("import json, modelpact.types as t", {"modelpact.types"}),
        ("def f():\n    from modelpact import errors\n", {"modelpact.errors"}),
        ("import modelpact\nmodelpact.models.Model", {"modelpact", "modelpact.models.Model"}),
        ("from modelpact import signature as s\ns.parse({})", {"modelpact.signature", "modelpact.signature.parse"}),
        ("if TYPE_CHECKING:\n    from modelpact.types import Step\n\nx = 1\n", set()),
        ("from modelpactish import Step\nimport modelpact_extras", set()),
        ("from .modelpact import Step", set()),
    ],
)  # fmt: skip
def test_finds_import_statements_of_every_form(source: str, names: set[str]) -> None:
    assert imported_names(source) == names


def test_lazy_names_resolve_to_their_modules_only() -> None:
    closure = import_closure(["modelpact.models.Model"])
    assert "modelpact.models.base" in closure
    assert not {"modelpact.models.chat", "modelpact.models.sklearn"} & set(closure)


def test_a_lazy_name_of_a_lazy_name_is_followed() -> None:
    assert "modelpact.models.base" in import_closure(["modelpact.Model"])


def test_parent_packages_belong_to_the_closure() -> None:
    closure = import_closure(["modelpact.models.base"])
    assert {"modelpact", "modelpact.models"} <= set(closure)
    assert closure["modelpact.models"] == PACKAGE_FOLDER / "models" / "__init__.py"


def test_imports_within_functions_are_followed() -> None:
    assert "modelpact.signature.enforcement" in import_closure(["modelpact.loaders"])


def test_the_lazy_exports_of_every_package_are_found() -> None:
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        is_lazy = path.name == "__init__.py" and "__getattr__ = lazy(" in source
        assert bool(lazy_exports(path)) == is_lazy, path

"""The code that a saved model takes along is enough to run it, and no more."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

import modelpact
import tiny_models
from modelpact.savers.bundled_code import CARRIED, carried_code, code_of

ROOT = Path(modelpact.__file__).parent


def test_what_is_carried_imports_nothing_that_is_not(tmp_path: Path) -> None:
    carried = carried_code(tmp_path)
    names = {name.removesuffix(".py") for name in CARRIED}
    for path in carried.rglob("*.py"):
        if path == carried / "__init__.py":
            continue  # it names the rest of the package, for whoever installs that
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("modelpact."):
                assert node.module.split(".")[1] in names, f"{path.name} imports {node.module}"


def test_no_caches_are_carried(tmp_path: Path) -> None:
    assert not list(carried_code(tmp_path).rglob("__pycache__"))


def test_installed_code_is_left_to_the_requirements() -> None:
    assert [
        code_of(package) for package in ("sklearn", "numpy", "builtins", "json", "modelpact")
    ] == [[]] * 5


def test_a_users_own_module_is_carried_as_a_file() -> None:
    assert code_of("tiny_models") == [tiny_models.__file__]


def test_a_users_own_package_is_carried_as_a_folder(tmp_path: Path) -> None:
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "models.py").write_text("class Mine:\n    pass\n", encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        importlib.import_module("own_package.models")
        assert code_of("own_package") == [str(package)]
    finally:
        sys.path.remove(str(tmp_path))


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_packages_of_another_environment_are_installed_ones(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / folder / f"elsewhere_{folder[:4]}"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    importlib.import_module(package.name)
    assert code_of(package.name) == []

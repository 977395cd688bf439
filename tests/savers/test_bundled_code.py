"""The code that a saved model carries is enough to run it, and no more."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import pytest

import tiny_models
from modelpact._internal.import_closure import PACKAGE_FOLDER, imported_names
from modelpact._internal.requirements import find_own_code
from modelpact.models import ChatModel
from modelpact.savers.bundled_code import (
    build_runtime,
    bundle_code,
    rename_imports,
)

SAVED_MODEL = "modelpact.models.saved_model"


def count_lines(*names: str) -> int:
    files = build_runtime(frozenset({SAVED_MODEL, *names})).files
    return sum(len(content.splitlines()) for content in files.values())


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("modelpact.models.sklearn", 1500),
        ("modelpact.models.tensor", 1600),
        ("modelpact.models.iris", 1600),
    ],
)
def test_a_saved_model_bundles_few_lines(name: str, limit: int) -> None:
    assert count_lines(name) <= limit


@pytest.mark.slow
def test_only_models_with_type_hints_bundle_their_validation() -> None:
    assert count_lines("modelpact.models.row_objects") <= 1950
    assert "models/row_objects.py" not in build_runtime(frozenset({SAVED_MODEL})).files


@pytest.mark.slow
def test_the_signature_engine_is_bundled_only_for_structured_responses() -> None:
    names = frozenset({SAVED_MODEL, "modelpact.models.chat.model"})
    unused = frozenset(ChatModel().unused_modules())
    text = build_runtime(names, unused=unused).files
    assert not [name for name in text if name.startswith("signature/")]
    assert sum(len(content.splitlines()) for content in text.values()) <= 3800
    assert ChatModel(response_format={"age": "long"}).unused_modules() == (
        "modelpact.models.input_forms",
    )
    assert "signature/language/spec.py" in build_runtime(names).files


@pytest.mark.slow
def test_bundled_code_imports_only_the_private_package() -> None:
    runtime = build_runtime(frozenset({SAVED_MODEL, "modelpact.models.MlflowModel"}))
    for name, content in runtime.files.items():
        assert not imported_names(content.decode()), name
        compile(content, name, "exec")


@pytest.mark.slow
def test_the_package_name_depends_on_the_content(tmp_path: Path) -> None:
    copy = tmp_path / "modelpact"
    shutil.copytree(PACKAGE_FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__", "conf"))
    names = frozenset({SAVED_MODEL})
    same = build_runtime(names, copy)
    with (copy / "errors.py").open("a") as file:
        file.write("# another release\n")
    build_runtime.cache_clear()
    assert same.package == build_runtime(names).package
    assert same.package != build_runtime(names, copy).package


@pytest.mark.slow
def test_code_outside_the_closure_does_not_change_the_package_name(tmp_path: Path) -> None:
    copy = tmp_path / "modelpact"
    shutil.copytree(PACKAGE_FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__", "conf"))
    with (copy / "serving" / "app.py").open("a") as file:
        file.write("# another release\n")
    names = frozenset({SAVED_MODEL})
    assert build_runtime(names, copy).package == build_runtime(names).package


@pytest.mark.parametrize(
    ("source", "renamed"),
    [
        ("from modelpact import Model", "from _copy import Model"),
        ("from modelpact.models import (\n    Model,\n)", "from _copy.models import (\n    Model,\n)"),
        ("import modelpact", "import _copy as modelpact"),
        ("import modelpact.models", "import _copy.models, _copy as modelpact"),
        ("import modelpact.models as m, os", "import _copy.models as m, os"),
        ("é = 1; import modelpact as p; ü = 2", "é = 1; import _copy as p; ü = 2"),
        ("def f():\n    from modelpact.types import Step\n", "def f():\n    from _copy.types import Step\n"),
        ("'from modelpact import Model'", "'from modelpact import Model'"),
        ("from .modelpact import Model", "from .modelpact import Model"),
        ("from modelpactish import Model", "from modelpactish import Model"),
        ("import os as modelpact", "import os as modelpact"),
    ],
)  # fmt: skip
def test_only_imports_are_renamed(source: str, renamed: str) -> None:
    assert rename_imports(source, "_copy") == renamed


def test_user_code_without_imports_of_modelpact_is_not_copied(tmp_path: Path) -> None:
    helper = tmp_path / "helper.py"
    helper.write_text("ANSWER = 42\n")
    assert bundle_code(tmp_path, (), [str(helper)]) == [str(helper)]


@pytest.mark.slow
def test_a_user_package_is_copied_with_renamed_imports(tmp_path: Path) -> None:
    package = tmp_path / "acme"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text("from modelpact.models import Model\n")
    (package / "latin.py").write_bytes(
        "# coding: latin-1\nimport modelpact  # é\n".encode("latin-1")
    )
    (package / "template.py").write_text("from modelpact import {{ name }}\n")
    folder = tmp_path / "code"
    folder.mkdir()
    runtime, copy = map(Path, bundle_code(folder, (), [str(package)]))
    assert (copy / "models.py").read_text() == f"from {runtime.name}.models import Model\n"
    assert f"import {runtime.name} as modelpact  # é" in (copy / "latin.py").read_text("latin-1")
    assert (copy / "template.py").read_text() == "from modelpact import {{ name }}\n"
    assert not (copy / "__pycache__").exists()
    assert (runtime / "models" / "base.py").is_file()


def test_installed_packages_are_not_user_code() -> None:
    packages = ("sklearn", "numpy", "builtins", "json", "modelpact")
    assert [find_own_code(package) for package in packages] == [None] * 5


def test_a_user_module_is_found_as_a_file() -> None:
    assert find_own_code("tiny_models") == tiny_models.__file__


def test_a_user_package_is_found_as_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "models.py").write_text("class Mine:\n    pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("own_package.models")
    assert find_own_code("own_package") == str(package)
    del sys.modules["own_package"], sys.modules["own_package.models"]


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_packages_of_another_environment_are_not_user_code(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / folder / f"elsewhere_{folder[:4]}"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    importlib.import_module(package.name)
    assert find_own_code(package.name) is None

"""The structure of the package. Layers are checked by import-linter (pyproject.toml, run by lint)."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelpact

ROOT = Path(modelpact.__file__).parent
PLUGINS = ROOT.parent / "hydra_plugins"

REPOSITORY = Path(__file__).parents[1]

SOURCES = {
    path.relative_to(ROOT.parent).as_posix(): path.read_text(encoding="utf-8")
    for folder in (ROOT, PLUGINS)
    for path in sorted(folder.rglob("*.py"))
}

MAX_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_REPEATED_NAMES = 10
MAX_BROAD_EXCEPTS = 0.5
"""`except Exception` per 1,000 lines."""


@functools.cache
def imports(tree: ast.Module) -> list[str]:
    """The dotted name of everything that a file imports, except for type checking."""
    return list(find_imports(tree))


def find_imports(tree: ast.Module) -> Iterator[str]:
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def trees() -> dict[str, ast.Module]:
    """Return the syntax tree of each file."""
    return {file: ast.parse(source) for file, source in SOURCES.items()}


def test_the_package_root_is_small() -> None:
    assert len([path for path in ROOT.iterdir() if path.name != "__pycache__"]) <= 22


def test_hydra_is_imported_by_the_command_line_only() -> None:
    found = {
        file
        for file, tree in trees().items()
        if {name.partition(".")[0] for name in imports(tree)} & {"hydra", "omegaconf"}
    }
    allowed = ("modelpact/cli/", "hydra_plugins/")
    assert {file for file in found if not file.startswith(allowed)} == set()


def test_private_names_of_mlflow_are_used_in_one_module_only() -> None:
    found = []
    for file, tree in trees().items():
        if file == "modelpact/_internal/mlflow_compat.py":
            continue
        for name in imports(tree):
            if name.startswith("mlflow.") and any(part[0] == "_" for part in name.split(".")):
                found.append(f"{file}: {name}")
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or node.attr.startswith("__"):
                continue
            text = ast.unparse(node)
            if node.attr.startswith("_") and text.startswith(
                ("mlflow.", "pyfunc.", "client.", "schema.")
            ):
                found.append(f"{file}: {text}")
    assert found == []


def test_files_are_short() -> None:
    lengths = {file: len(source.splitlines()) for file, source in SOURCES.items()}
    assert {file: length for file, length in lengths.items() if length > MAX_LINES} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{file}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


def test_broad_excepts_are_rare_and_have_a_reason() -> None:
    broad = [
        (f"{file}:{node.lineno}", has_comment(SOURCES[file].splitlines(), node.lineno))
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "Exception")
    ]
    without_reason = [place for place, commented in broad if not commented]
    assert without_reason == []
    lines = sum(len(source.splitlines()) for source in SOURCES.values())
    assert len(broad) <= MAX_BROAD_EXCEPTS * lines / 1000, [place for place, _ in broad]


def has_comment(lines: list[str], number: int) -> bool:
    """Return whether a comment stands above an `except` line or is the first line of its block."""
    return any(lines[index].strip().startswith("#") for index in (number - 2, number))


def test_file_names_repeat_in_parallel_packages_only() -> None:
    names = Counter(Path(file).name for file in SOURCES)
    repeated = {name for name, count in names.items() if count > 1}
    assert len(repeated) <= MAX_REPEATED_NAMES, sorted(repeated)


def test_the_repository_root_is_small() -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert len({file.partition("/")[0] for file in listed.stdout.splitlines()}) <= 18


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import modelpact"],
        ["--help"],
        ["task=publish", "saver=custom", "--help"],
        ["data=csv", "--schema"],
        ["--version"],
        ["--cfg", "job"],
        ["signer=explicit", "--info", "defaults"],
    ],
)
@pytest.mark.slow
def test_neither_mlflow_nor_pandas_is_imported_before_it_is_needed(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        f"sys.argv = ['modelpact', *{arguments!r}]\n"
        "if sys.argv[1] == '-c':\n    import modelpact\n"
        "else:\n    from modelpact.cli.main import main\n    main()\n"
        "found = {name.partition('.')[0] for name in sys.modules} & {'mlflow', 'pandas', 'numpy', 'sklearn'}\n"
        "assert not found, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

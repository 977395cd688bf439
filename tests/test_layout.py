"""The structure of the package. Layers are checked by import-linter (pyproject.toml, run by lint)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelpact

ROOT = Path(modelpact.__file__).parent
PLUGINS = ROOT.parent / "hydra_plugins"

TREES = {
    path.relative_to(ROOT.parent).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for folder in (ROOT, PLUGINS)
    for path in sorted(folder.rglob("*.py"))
}
"""The syntax tree of each file, parsed once."""


def imports(tree: ast.Module) -> Iterator[str]:
    """The dotted name of everything that a file imports, except for type checking."""
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


def test_the_package_root_is_small() -> None:
    assert len([path for path in ROOT.iterdir() if path.name != "__pycache__"]) <= 22


def test_hydra_is_imported_by_the_command_line_only() -> None:
    found = {
        file
        for file, tree in TREES.items()
        if {name.partition(".")[0] for name in imports(tree)} & {"hydra", "omegaconf"}
    }
    allowed = ("modelpact/cli/", "hydra_plugins/")
    assert {file for file in found if not file.startswith(allowed)} == set()


def test_private_names_of_mlflow_are_used_in_one_module_only() -> None:
    found = []
    for file, tree in TREES.items():
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


def test_files_are_short_enough_to_read() -> None:
    lengths = {
        file: len((ROOT.parent / file).read_text(encoding="utf-8").splitlines()) for file in TREES
    }
    assert {file: length for file, length in lengths.items() if length > MOST_LINES} == {}


MOST_LINES = 480
"""How many lines a file may have."""


def test_file_names_repeat_in_parallel_packages_only() -> None:
    names = Counter(Path(file).name for file in TREES)
    repeated = {name for name, count in names.items() if count > 1}
    assert len(repeated) <= MOST_REPEATED, sorted(repeated)


MOST_REPEATED = 17
"""How many file names may stand in more than one package."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import modelpact"],
        ["--help"],
        ["--cfg", "job"],
        ["signer=explicit", "--info", "defaults"],
    ],
)
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

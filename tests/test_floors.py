"""The layout of the package: imports go down only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelpact

ROOT = Path(modelpact.__file__).parent

FLOORS = (
    {
        "signature",
        "schemas",
        "errors",
        "_mlflow",
        "steps",
        "files",
        "exports",
        "rows",
        "suggestions",
        "release",
        "credentials",
        "leaks",
        "secrets",
        "servers",
        "databases",
        "signals",
        "processes",
        "manifests",
        "integrity",
        "formats",
        "aliases",
        "naming",
    },
    {
        "data",
        "models",
        "store",
        "requirements",
        "carried",
        "journal",
        "jobs",
        "parameters",
        "registry",
    },
    {"signers", "savers", "loaders", "verifiers", "registers"},
    {"pipeline", "sweeps"},
    {"serving", "batch"},
    {"tasks"},
    {"cli", "arguments", "collecting", "composition", "complaints", "overview", "plugins"},
)

APART = {"clean_process"}
"""Run as scripts of their own; they import nothing of modelpact."""

FOUNDATION = FLOORS[0]
"""Floor 0 is one floor of many small stones: its modules may lean on each other."""


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def noun(path: Path) -> str:
    """The top-level module or package of modelpact that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


def imports(path: Path) -> Iterator[str]:
    """The dotted name of everything that a file imports, wherever in it; type checking excepted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
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
            assert node.level == 0, f"{path.name}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path: Path) -> set[str]:
    """The nouns of modelpact that a file imports, its own excepted."""
    found = set()
    for name in imports(path):
        parts = name.split(".")
        if (
            parts[0] == "modelpact"
            and len(parts) > 1
            and (ROOT / parts[1]).with_suffix(".py").exists() | (ROOT / parts[1]).is_dir()
        ):
            found.add(parts[1])
    return found - {noun(path)}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
class TestEachModule:
    def test_stands_on_a_floor(self, path: Path) -> None:
        assert noun(path) in set().union(*FLOORS) | APART

    def test_imports_only_what_is_below_it(self, path: Path) -> None:
        if noun(path) in APART:
            assert own(path) == set()
            return
        here = floor(noun(path))
        for name in own(path):
            below = floor(name) < here
            neighbour = floor(name) == here and (
                noun(path) in FOUNDATION or here == len(FLOORS) - 1
            )
            assert below or neighbour, (
                f"{noun(path)} (floor {here}) imports {name} (floor {floor(name)})"
            )

    def test_imports_hydra_only_on_the_top_floor(self, path: Path) -> None:
        found = {name.partition(".")[0] for name in imports(path)} & {"hydra", "omegaconf"}
        assert not found or noun(path) in FLOORS[-1]

    def test_uses_no_private_name_of_mlflow(self, path: Path) -> None:
        if path.name == "_mlflow.py":
            return
        private = [
            name
            for name in imports(path)
            if name.startswith("mlflow.") and any(part[0] == "_" for part in name.split("."))
        ]
        attributes = [
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
            and ast.unparse(node).startswith(("mlflow.", "pyfunc.", "client.", "schema."))
        ]
        assert private + attributes == []

    def test_is_short_enough_to_read(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 360


def test_floor_0_has_no_circles() -> None:
    graph: dict[str, set[str]] = {name: set() for name in FOUNDATION}
    for path in modules():
        if noun(path) in FOUNDATION:
            graph[noun(path)] |= own(path)
    while graph:
        leaves = {name for name, needed in graph.items() if not needed & set(graph)}
        assert leaves, f"these import each other: {sorted(graph)}"
        for name in leaves:
            del graph[name]


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
        "else:\n    from modelpact.cli import main\n    main()\n"
        "found = {name.partition('.')[0] for name in sys.modules} & {'mlflow', 'pandas', 'numpy', 'sklearn'}\n"
        "assert not found, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

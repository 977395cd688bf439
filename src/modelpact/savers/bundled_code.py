"""The code that a saved model carries: the modules of modelpact that it runs, and the user's own.

The modules of modelpact get a private package name, and every import in the copies names it.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import itertools
import re
import shutil
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import cast

from modelpact._internal import requirements
from modelpact._internal.bundled_runtime import digest_files
from modelpact._internal.import_closure import (
    PACKAGE,
    PACKAGE_FOLDER,
    import_closure,
    imported_names,
    lazy_exports,
)
from modelpact._internal.version import __version__

__all__ = [
    "Runtime",
    "build_runtime",
    "bundle_code",
    "find_own_code_of",
    "rename_imports",
]

_BOOTSTRAP = "modelpact._internal.bundled_runtime"

_INIT = '''"""The part of modelpact {version} that this model runs on, under a private name."""

from {package}._internal.bundled_runtime import load_modules

load_modules(
    __name__,
    {files!r},
    {digest!r},
)
'''


@dataclass(frozen=True, slots=True)
class Runtime:
    """A copy of some modules of modelpact under a private package name.

    Attributes:
        package: The name of the package.
        files: The content of each file, by its path within the package.
    """

    package: str
    files: Mapping[str, bytes]

    def write(self, folder: Path) -> Path:
        """Write the package into `folder`, and return its path."""
        home = folder / self.package
        for name, content in self.files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return home


def bundle_code(
    folder: Path, names: Iterable[str], own_code: Sequence[str], unused: Collection[str] = ()
) -> list[str]:
    """Write the code that a model carries into `folder`.

    Args:
        folder: An empty folder.
        names: Dotted names of the parts of modelpact that the model runs.
        own_code: Files and folders of the user. Those that import modelpact are copied, and the
            copies import the private package.
        unused: Modules of modelpact that the model never imports.

    Returns:
        The files and folders for MLflow's `code_paths`.
    """
    sources = {path: _python_sources(Path(path)) for path in own_code}
    needed = {name for name in names if name.partition(".")[0] == PACKAGE}
    for text in itertools.chain.from_iterable(source.values() for source in sources.values()):
        needed |= imported_names(text)
    if not needed:
        return list(own_code)
    runtime = build_runtime(frozenset(needed), unused=frozenset(unused))
    paths = [str(runtime.write(folder))]
    for number, (path, source) in enumerate(sources.items()):
        copy = folder / str(number) / Path(path).name
        paths.append(_copy_renamed(Path(path), copy, source, runtime.package))
    return paths


@functools.lru_cache(maxsize=16)
def build_runtime(
    names: frozenset[str], folder: Path = PACKAGE_FOLDER, unused: frozenset[str] = frozenset()
) -> Runtime:
    """Build the package that holds the import closure of `names`, without `unused` modules."""
    modules = import_closure([*names, _BOOTSTRAP], folder, without=unused)
    del modules[PACKAGE]
    files = {
        module.removeprefix(f"{PACKAGE}."): path.relative_to(folder).as_posix()
        for module, path in modules.items()
    }
    digest = digest_files(folder, files)
    package = f"_{PACKAGE}_{hashlib.sha256((digest + _INIT).encode()).hexdigest()[:12]}"
    init = _INIT.format(version=__version__, package=package, files=files, digest=digest)
    init += "".join(_exports(package, files, folder))
    contents = {"__init__.py": init.encode()}
    for name in files.values():
        text = (folder / name).read_text(encoding="utf-8")
        # Modules of modelpact use this form only, which need not be parsed.
        renamed = re.sub(rf"^([ \t]*from ){PACKAGE}\b", rf"\1{package}", text, flags=re.MULTILINE)
        contents[name] = renamed.encode()
    return Runtime(package, contents)


def _exports(package: str, files: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Yield an import statement for each public name of modelpact that the package defines."""
    for name, home in lazy_exports(folder / "__init__.py").items():
        module = home.rpartition(".")[0].removeprefix(f"{PACKAGE}.")
        needed = import_closure([home], folder).keys() - {PACKAGE}
        if needed <= {f"{PACKAGE}.{known}" for known in files}:
            yield f"from {package}.{module} import {name}\n"


def rename_imports(source: str, package: str) -> str:
    """Return Python source whose imports of modelpact import `package` instead.

    Example:
        >>> rename_imports("from modelpact.models import Model", "_copy")
        'from _copy.models import Model'
        >>> rename_imports("import modelpact.models", "_copy")
        'import _copy.models, _copy as modelpact'
    """
    if PACKAGE not in source:
        return source
    lines = [line.encode() + b"\n" for line in source.split("\n")]
    starts = [0, *itertools.accumulate(map(len, lines))]
    content = b"".join(lines)[:-1]
    statements = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    # From the last to the first, so that the positions of the others stay valid.
    for node in sorted(statements, key=attrgetter("lineno", "col_offset"), reverse=True):
        start = starts[node.lineno - 1] + node.col_offset
        # Parsed statements have an end.
        end_line, end_column = cast("tuple[int, int]", (node.end_lineno, node.end_col_offset))
        end = starts[end_line - 1] + end_column
        renamed = _renamed(content[start:end].decode(), node, package)
        content = content[:start] + renamed.encode() + content[end:]
    return content.decode()


def _renamed(statement: str, node: ast.Import | ast.ImportFrom, package: str) -> str:
    if isinstance(node, ast.ImportFrom):
        own = not node.level and (node.module or "").partition(".")[0] == PACKAGE
        return re.sub(rf"\b{PACKAGE}\b", package, statement, count=1) if own else statement
    if all(alias.name.partition(".")[0] != PACKAGE for alias in node.names):
        return statement
    return f"import {', '.join(_renamed_alias(alias, package) for alias in node.names)}"


def _renamed_alias(alias: ast.alias, package: str) -> str:
    top, dot, rest = alias.name.partition(".")
    if top != PACKAGE:
        return alias.name + (f" as {alias.asname}" if alias.asname else "")
    name = package + dot + rest
    if alias.asname:
        return f"{name} as {alias.asname}"
    return f"{name}, {package} as {PACKAGE}" if dot else f"{package} as {PACKAGE}"


def find_own_code_of(*parts: object) -> list[str]:
    """Return the files and folders of the user's own code that the parts of a model use."""
    packages = set()
    for part in parts:
        classes = requirements.find_classes(part) or {(type(part).__module__, "")}
        packages |= {module.partition(".")[0] for module, _ in classes}
    return list(filter(None, map(requirements.find_own_code, sorted(packages))))


def _python_sources(path: Path) -> dict[Path, str]:
    """Return the Python files of `path` that import modelpact, with their text."""
    files = path.rglob("*.py") if path.is_dir() else [path]
    sources = {}
    for file in files:
        # A folder may hold files that are not valid Python, such as templates.
        with contextlib.suppress(SyntaxError, UnicodeDecodeError), tokenize.open(file) as stream:
            text = stream.read()
            if imported_names(text):
                ast.parse(text)
                sources[file] = text
    return sources


def _copy_renamed(path: Path, copy: Path, sources: Mapping[Path, str], package: str) -> str:
    """Copy a file or a folder with renamed imports; return the original if it has none."""
    if not sources:
        return str(path)
    copy.parent.mkdir()
    if path.is_dir():
        shutil.copytree(path, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, text in sources.items():
        with file.open("rb") as stream:
            encoding, _ = tokenize.detect_encoding(stream.readline)
        target = copy / file.relative_to(path) if path.is_dir() else copy
        target.write_text(rename_imports(text, package), encoding=encoding)
    return str(copy)

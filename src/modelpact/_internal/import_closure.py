"""The modules of modelpact that a piece of code imports, found in its source without running it."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

__all__ = ["PACKAGE", "PACKAGE_FOLDER", "import_closure", "imported_names", "lazy_exports"]

PACKAGE = __name__.partition(".")[0]
PACKAGE_FOLDER = Path(__file__).parents[1]

_IMPORT = re.compile(
    rf"""(?:^|[;:])[ \t]*(?:
        from[ ]+({PACKAGE}[\w.]*)[ ]+import[ ]+(\([^)]*\)|(?:[^\n(;\\]|\\\n)+)
        | import[ ]+([^\n;]*\b{PACKAGE}\b[^\n;]*))""",
    re.MULTILINE | re.VERBOSE,
)
_NAME = re.compile(r"([\w.]+)(?: +as +(\w+))?")
_COMMENT = re.compile(r"#.*")
_TYPE_CHECKING = re.compile(
    r"^([ \t]*)if (?:typing\.)?TYPE_CHECKING:\n(?:\1[ \t]+.*\n|[ \t]*\n)+", re.MULTILINE
)


def import_closure(
    names: Iterable[str], folder: Path = PACKAGE_FOLDER, *, without: Collection[str] = ()
) -> dict[str, Path]:
    """Return the modules of modelpact that an import of `names` can load, with their files.

    Imports inside functions count; imports under `if TYPE_CHECKING` do not. A name that a package
    exports lazily leads to the module that defines it, not to all modules that the package names.

    Args:
        names: Dotted names of modules or of their contents, such as `modelpact.models.Model`.
        folder: The folder of the package.
        without: Modules to leave out, with what only they import.

    Example:
        >>> sorted(import_closure(["modelpact._internal.text"]))[-1]
        'modelpact._internal.text'
    """
    found: dict[str, Path] = {}
    pending = list(names)
    while pending:
        for module in _modules_of(pending.pop(), folder):
            if module not in found and module not in without:
                found[module] = path = _file_of(module, folder)
                pending.extend(imported_names(path.read_text(encoding="utf-8"), folder))
    return dict(sorted(found.items()))


def imported_names(source: str, folder: Path = PACKAGE_FOLDER) -> set[str]:
    """Return the dotted names that Python source imports from modelpact.

    The source is scanned, not parsed, which is ten times as fast. So an import statement within a
    string counts as well. Names that the source reads from an imported package
    (`signature.parse`) are included.

    Example:
        >>> sorted(imported_names("from modelpact.types import Step, Sample as S"))
        ['modelpact.types.Sample', 'modelpact.types.Step']
    """
    source = _TYPE_CHECKING.sub("", source)
    names: set[str] = set()
    for name, alias, bound in _imports(source):
        names.add(name)
        if _is_package(bound, folder):
            attributes = re.findall(rf"\b{alias}((?:\.\w+)+)", source)
            names.update(bound + attribute for attribute in attributes)
    return {name for name in names if name.partition(".")[0] == PACKAGE}


def _imports(source: str) -> Iterator[tuple[str, str, str]]:
    """Yield each import: the dotted name, the local name, and what the local name stands for."""
    for module, imported, plain in _IMPORT.findall(source):
        for name, alias in _NAME.findall(_COMMENT.sub("", imported)):
            yield f"{module}.{name}", alias or name, f"{module}.{name}"
        for name, alias in _NAME.findall(plain):
            top = name.partition(".")[0]
            yield name, alias or top, name if alias else top


def _modules_of(name: str, folder: Path) -> Iterator[str]:
    """Yield the modules that an import of a dotted name loads first: its packages, and its home."""
    module = PACKAGE
    yield module
    for part in name.split(".")[1:]:
        inner = f"{module}.{part}"
        if not _exists(inner, folder):
            home = lazy_exports(_file_of(module, folder)).get(part)
            if home is not None:
                yield from _modules_of(home, folder)
            return
        module = inner
        yield module


def _file_of(module: str, folder: Path) -> Path:
    path = folder.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")


def _exists(module: str, folder: Path) -> bool:
    return _file_of(module, folder).is_file()


def _is_package(module: str, folder: Path) -> bool:
    return folder.joinpath(*module.split(".")[1:], "__init__.py").is_file()


@functools.cache
def lazy_exports(path: Path) -> dict[str, str]:
    """Return what a package exports by `_internal.lazy`: each name, and where it is defined.

    Such a package imports the names under `if TYPE_CHECKING` for type checkers.
    """
    text = path.read_text(encoding="utf-8")
    if path.name != "__init__.py" or "lazy(" not in text:
        return {}
    block = _TYPE_CHECKING.search(text)
    return {
        alias or name: f"{module}.{name}"
        for module, imported, _ in _IMPORT.findall(block[0] if block else "")
        for name, alias in _NAME.findall(imported)
    }

"""Names that the pickles of a model import and that can run commands, found without unpickling.

The opcodes `GLOBAL`, `INST` and `STACK_GLOBAL` import what a pickle calls. The list follows that of
picklescan; `getattr` is left out, because cloudpickle needs it for ordinary functions.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
from pathlib import Path

from modelpact.security.leak_scan.archives import UnreadableError, unpack
from modelpact.security.leak_scan.pickles import is_pickle

__all__ = ["find_dangerous_globals"]

MAX_DEPTH = 6
"""How deep nested archives are unpacked."""

_MODULES = frozenset(
    {"_aix_support", "_osx_support", "_posixsubprocess", "aiohttp", "asyncio", "bdb", "code",
     "codeop", "commands", "cProfile", "ctypes", "distutils", "doctest", "ensurepip", "ftplib",
     "http", "httplib", "httpx", "idlelib", "imaplib", "importlib", "lib2to3", "marshal",
     "multiprocessing", "nt", "os", "pdb", "pip", "pkgutil", "poplib", "posix", "profile", "pty",
     "pydoc", "requests", "requests_toolbelt", "runpy", "shlex", "shutil", "smtplib", "socket",
     "socketserver", "subprocess", "sys", "timeit", "trace", "urllib", "urllib2", "urllib3",
     "venv", "webbrowser"}
)  # fmt: skip
_NAMES = frozenset(
    {"builtins.__import__", "builtins.breakpoint", "builtins.compile", "builtins.eval",
     "builtins.exec", "builtins.execfile", "builtins.input", "builtins.open", "io.open",
     "_io.open", "_io.FileIO", "pathlib.Path.unlink", "pathlib.Path.write_text",
     "pickle.load", "pickle.loads", "_pickle.load", "_pickle.loads", "dill.loads", "joblib.load",
     "numpy.testing._private.utils.runstring", "numpy.f2py.crackfortran.getlincoef",
     "operator.methodcaller", "torch.utils._config_module.load_config", "uuid._get_command_stdout",
     "torch.hub.load", "torch.load", "torch._inductor.codecache",
     "types.CodeType"}
)  # fmt: skip
_HARMLESS = frozenset({"os.PathLike", "multiprocessing.context", "sys.maxsize"})
_PYTHON_2 = {"__builtin__": "builtins", "__builtins__": "builtins", "cPickle": "pickle"}

_LOOSE = re.compile(
    rb"[ci]([A-Za-z_][\w.]*)\n([A-Za-z_][\w.]*)\n"
    rb"|\x8c[\x01-\xff]([A-Za-z_][\w.]*)\x94?\x8c[\x01-\xff]([A-Za-z_][\w.]*)\x94?\x93"
)
"""The opcodes of a global, wherever they are."""

_GET = frozenset({"GET", "BINGET", "LONG_BINGET"})
_MEMO = frozenset({"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"})


def find_dangerous_globals(folder: Path) -> dict[str, list[str]]:
    """Return the dangerous names that pickles below a folder import, by file.

    Archives and compressed files are unpacked. A pickle that cannot be read to its end is searched
    as far as possible.

    Args:
        folder: The folder of a saved model.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            names = sorted(set(_search(memoryview(path.read_bytes()), 0)))
            if names:
                found[path.relative_to(folder).as_posix()] = names
    return found


def _search(view: memoryview, depth: int) -> Iterator[str]:
    if depth >= MAX_DEPTH:
        return
    if is_pickle(view):
        yield from filter(_is_dangerous, iter_globals(view))
        return
    head = bytes(view[:256])
    if head.startswith(b"\x93NUMPY") and b"|O" in head:
        start = int.from_bytes(head[8:10], "little") + 10
        yield from _search(view[start:], depth + 1)
    try:
        for _, part in unpack(view):
            yield from _search(part, depth + 1)
    except UnreadableError:
        return


def iter_globals(view: memoryview) -> Iterator[str]:
    """Yield the dotted name of each global that a pickle imports.

    Example:
        >>> import pickle
        >>> list(iter_globals(memoryview(pickle.dumps(print))))
        ['builtins.print']
    """
    strings = _Strings()
    try:
        for opcode, argument, _ in pickletools.genops(bytes(view)):
            if opcode.name in {"GLOBAL", "INST"}:
                yield _dotted(*str(argument).split(" ", 1))
            elif opcode.name == "STACK_GLOBAL":
                yield _dotted(*strings.last_two())
            else:
                strings.track(opcode.name, argument)
    # Bytes that are not opcodes: arrays between them, as joblib writes, or a corrupt pickle.
    except ValueError:
        yield from _find_loose_globals(bytes(view))


class _Strings:
    """The strings on the stack of a pickle, and those in its memo."""

    def __init__(self) -> None:
        self._pushed: list[str] = []
        self._memo: dict[int, str] = {}

    def last_two(self) -> list[str]:
        """Return the module and the name of a `STACK_GLOBAL`."""
        return ["", "", *self._pushed][-2:]

    def track(self, name: str, argument: object) -> None:
        """Update the strings for an opcode."""
        if isinstance(argument, str) and name not in _MEMO:
            self._pushed.append(argument)
        elif name in _GET:
            self._pushed.append(self._memo.get(_index(argument), ""))
        elif name in _MEMO:
            index = len(self._memo) if name == "MEMOIZE" else _index(argument)
            self._memo[index] = self.last_two()[1]


def _index(argument: object) -> int:
    return int(str(argument))


def _find_loose_globals(data: bytes) -> Iterator[str]:
    """Yield the names in opcodes that stand between other bytes."""
    for match in _LOOSE.finditer(data):
        module, name = (part.decode() for part in match.groups() if part is not None)
        yield _dotted(module, name)


def _dotted(module: str, name: str) -> str:
    return f"{_PYTHON_2.get(module, module)}.{name}"


def _is_dangerous(name: str) -> bool:
    if name in _HARMLESS or any(name.startswith(f"{one}.") for one in _HARMLESS):
        return False
    return name in _NAMES or name.partition(".")[0] in _MODULES

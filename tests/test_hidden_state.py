"""Only the pipeline, the stores and the command line may change the state of the process."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_layout import trees

ALLOWED = ("modelpact/pipeline/", "modelpact/tracking/", "modelpact/cli/", "hydra_plugins/")

EXCEPTIONS = {
    # The copy of modelpact in a saved model registers its own modules, under its private name.
    ("modelpact/_internal/bundled_runtime.py", "sys.modules"),
    # The home of MLflow's private names; only `tracking` enters the context.
    ("modelpact/_internal/mlflow_compat.py", "mlflow"),
    # Only `pipeline`, `cli` and `Saver.save` enter its contexts.
    ("modelpact/_internal/signals.py", "signal"),
    # A signal leaves no unfinished model, also if the saver is called without `publish`.
    ("modelpact/savers/base.py", "signal"),
    # Only `tracking`, `FlavorModel` and `serving.clients` enter its context: around calls of MLflow.
    ("modelpact/_internal/log_levels.py", "logging"),
    # Calls that are meant to fail are neither logged nor warned of while parity is tested.
    ("modelpact/serving/clients.py", "warnings"),
    # The engines run their libraries in workers of their own, and silence them there.
    ("modelpact/batch/engine_ray.py", "logging"),
    ("modelpact/batch/engine_spark.py", "warnings"),
}
"""Files that change one kind of state nevertheless, each with its reason."""

STATE = {
    "os.environ": "os.environ",
    "sys.path": "sys.path",
    "sys.modules": "sys.modules",
    "sys.meta_path": "sys.meta_path",
    "sys.dont_write_bytecode": "sys.dont_write_bytecode",
    "tempfile.tempdir": "tempfile.tempdir",
}
MUTATORS = {
    "append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update",
}  # fmt: skip
CALLS = {
    "gc": {"disable", "enable", "freeze", "set_threshold"},
    "logging": {"basicConfig", "disable", "setLoggerClass"},
    "os": {"chdir", "putenv", "umask", "unsetenv"},
    "signal": {"signal"},
    "warnings": {"catch_warnings", "filterwarnings", "resetwarnings", "simplefilter"},
}
LOGGER_ATTRIBUTES = {"disabled", "propagate"}


def changes(tree: ast.Module) -> Iterator[str]:
    """Yield the kind of each change of process-wide state in a module."""
    mlflow_names = set(names_of_mlflow(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            targets = (
                [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else node.targets
            )
            for target in targets:
                for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                    yield from changed_by_assignment(part, mlflow_names)
        elif isinstance(node, ast.Call):
            yield from changed_by_call(node)


def names_of_mlflow(tree: ast.Module) -> Iterator[str]:
    """Yield the local names of modules and objects that a module imports from MLflow."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "mlflow":
                    yield alias.asname or "mlflow"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "mlflow":
            yield from (alias.asname or alias.name for alias in node.names)


def changed_by_assignment(target: ast.expr, mlflow_names: set[str]) -> Iterator[str]:
    text = ast.unparse(target)
    yield from (kind for name, kind in STATE.items() if text == name or text.startswith(f"{name}["))
    if isinstance(target, ast.Attribute):
        if target.attr in LOGGER_ATTRIBUTES and "logger" in ast.unparse(target.value).lower():
            yield "logging"
        if ast.unparse(target).partition(".")[0] in mlflow_names:
            yield "mlflow"


def changed_by_call(call: ast.Call) -> Iterator[str]:
    if isinstance(call.func, ast.Name) and call.func.id == "held_signals":
        yield "signal"
    if not isinstance(call.func, ast.Attribute):
        return
    owner, name = ast.unparse(call.func.value), call.func.attr
    if name in MUTATORS and owner in STATE:
        yield STATE[owner]
    if name in CALLS.get(owner, ()):
        yield owner
    if name == "setLevel":
        yield "logging"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("os.environ['A'] = 'b'", "os.environ"),
        ("os.environ.pop('A')", "os.environ"),
        ("del os.environ['A']", "os.environ"),
        ("sys.path[:] = []", "sys.path"),
        ("sys.path += ['x']", "sys.path"),
        ("sys.modules['x'] = y", "sys.modules"),
        ("tempfile.tempdir = os.environ['TMPDIR'] = 'x'", "tempfile.tempdir"),
        ("sys.dont_write_bytecode = True", "sys.dont_write_bytecode"),
        ("logger.disabled, logger.propagate = True, False", "logging"),
        ("logging.getLogger('mlflow').setLevel(10)", "logging"),
        ("gc.freeze()", "gc"),
        ("signal.signal(signal.SIGTERM, stop)", "signal"),
        ("with held_signals():\n    pass", "signal"),
        ("warnings.simplefilter('ignore')", "warnings"),
        ("from mlflow.store.db import utils\nutils.read = None", "mlflow"),
        ("import mlflow\nmlflow.pyfunc.load_model = None", "mlflow"),
    ],
)
def test_each_kind_of_global_change_is_found(code: str, kind: str) -> None:
    assert kind in set(changes(ast.parse(code)))


def test_only_the_pipeline_the_stores_and_the_command_line_change_the_process() -> None:
    found = {
        (file, kind)
        for file, tree in trees().items()
        if not file.startswith(ALLOWED)
        for kind in changes(tree)
    }
    # The process of `CleanVerifier` is a separate program.
    found.discard(("modelpact/verifiers/clean_process.py", "sys.meta_path"))
    assert found == EXCEPTIONS

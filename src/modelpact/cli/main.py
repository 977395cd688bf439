"""The command line: Hydra composes a task, and `main` runs it.

`run.py` and the console script `modelpact` both call `main`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from modelpact._internal.guards import convert_errors, on_error
from modelpact._internal.signals import held_signals, interruptible
from modelpact.cli import gc_tuning
from modelpact.cli.error_reporting import report
from modelpact.cli.render.console import hide_start, show_start
from modelpact.security.redacted_output import redact_logs, redacted_output

if TYPE_CHECKING:
    from hydra.conf import HydraConf
    from omegaconf import DictConfig

    from modelpact.cli.tasks import Task

__all__ = ["main"]

log = logging.getLogger(__name__)

FULL_ERROR = "HYDRA_FULL_ERROR"

CONFIG_FLAGS = {"-c", "--cfg", "-i", "--info"}
PRINTING_FLAGS = CONFIG_FLAGS | {"-sc", "--shell-completion", "--hydra-help"}
"""Flags with which Hydra prints something instead of running a task."""


def main() -> None:
    """Run the command line.

    The exit status is 2 for a configuration error, 1 for any other error, 130 after Ctrl-C, 143
    after SIGTERM, and 129 after SIGHUP.
    """
    try:
        with held_signals():
            try:
                if not _print_information(sys.argv[1:]):
                    # Before the output is redacted, which imports more.
                    if PRINTING_FLAGS.isdisjoint(sys.argv[1:]):
                        show_start()
                    with redacted_output():
                        _run_command()
            finally:
                sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the output, such as `head`, has what it needs.
        _discard_output()
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        # The output goes to a full disk.
        _discard_output()
        is_reported = isinstance(error.__context__, SystemExit)
        sys.exit(1 if is_reported else report(error))


def _print_information(arguments: list[str]) -> bool:
    """Print the help, a schema or the versions, if the arguments request one of them."""
    flags = {"-h", "--help", "--schema", "--version"}
    if arguments and arguments[0] != "help" and flags.isdisjoint(arguments):
        return False
    from modelpact.cli.help import information
    from modelpact.errors import PactError

    try:
        sys.stdout.write(information(arguments))
    except PactError as error:
        with redacted_output():
            sys.exit(report(error))
    return True


def _discard_output() -> None:
    """Keep Python from writing the rest of the output when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run_command() -> None:
    full_error = os.environ.get(FULL_ERROR) == "1"
    # MLflow reads both variables when it is imported.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    gc_tuning.defer()
    # `_target_` may name a module in the working folder.
    sys.path.append(os.getcwd())
    try:
        # A library may turn the exception of a signal into another one, which is not reported.
        with _hydra_raises(), interruptible():
            _run_arguments()
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            raise
        # Python would print it where secrets are not redacted anymore.
        sys.stderr.write(f"{stop.code}\n")
        sys.exit(1)
    # The boundary of the program.
    except BaseException as error:
        hide_start()
        sys.exit(report(error, full=full_error))
    finally:
        gc_tuning.resume()


@contextlib.contextmanager
def _hydra_raises() -> Iterator[None]:
    """Make Hydra raise its errors instead of printing them."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(FULL_ERROR, None)
        else:
            os.environ[FULL_ERROR] = before


def _run_arguments() -> None:
    from modelpact.cli.argument_secrets import refuse_literals
    from modelpact.cli.sweeps.arguments import multirun_arguments

    refuse_literals(sys.argv[1:])
    _check_flags(sys.argv[1:])
    sys.argv[1:] = multirun_arguments(sys.argv[1:])
    flags = {argument.partition("=")[0] for argument in sys.argv[1:]}
    if flags & CONFIG_FLAGS:
        _print_config()
    else:
        _run_hydra()


def _check_flags(arguments: list[str]) -> None:
    """Raise a ConfigError for flags that Hydra does not have; Hydra would print its usage."""
    from hydra._internal.utils import get_args_parser

    from modelpact.errors import ConfigError

    def refuse(message: str) -> NoReturn:
        raise ConfigError(message, remedy="See modelpact --help and modelpact --hydra-help.")

    if any(argument.startswith("-") for argument in arguments):
        parser = get_args_parser()
        parser.error = refuse  # type: ignore[method-assign]
        parser.parse_args(arguments)


def _print_config() -> None:
    """Let Hydra print the configuration, with secrets redacted; a literal secret is an error."""
    import io

    import yaml  # type: ignore[import-untyped, unused-ignore]

    from modelpact.security.secrets import reject_literals
    from modelpact.security.text_redaction import redact_text

    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            _run_hydra()
    finally:
        text = printed.getvalue()
        # The output of --info is not YAML.
        with contextlib.suppress(yaml.YAMLError):
            config = yaml.safe_load(text)
            reject_literals(
                config if isinstance(config, dict) else {}, source="the composed configuration"
            )
        sys.stdout.write("".join(redact_text(line) for line in text.splitlines(True)))


def _run_hydra() -> None:
    import hydra
    from hydra.core.plugins import Plugins

    from modelpact.cli.config_files import check_config_files
    from modelpact.cli.sweeps.callback import CallbackError
    from modelpact.cli.sweeps.search_path import EntryPointSearchPath

    Plugins.instance().register(EntryPointSearchPath)
    check_config_files()
    decorate = hydra.main(
        version_base="1.3", config_path="pkg://modelpact.conf", config_name="config"
    )
    try:
        decorate(job)()
    except CallbackError as wrapper:
        raise wrapper.error from wrapper.error.__cause__


def job(cfg: DictConfig) -> float | None:
    """Run one composed task.

    Returns:
        The objective for a sweeper.
    """
    # In a worker process, nothing has been redacted so far.
    with redacted_output():
        redact_logs()
        return _run_composed(cfg)


def _run_composed(cfg: DictConfig) -> float | None:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from modelpact.cli.sweeps.callback import CallbackError
    from modelpact.cli.sweeps.job_context import job_lock
    from modelpact.errors import PactError

    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    if settings.mode != RunMode.MULTIRUN:
        # `CallbackError` is not an Exception, so Hydra does not log it.
        with convert_errors(CallbackError):
            return _run_job(cfg, settings, folder)
    try:
        with job_lock(folder):
            return _run_job(cfg, settings, folder)
    except PactError as error:
        # Hydra itself shows only the first failure of a sweep.
        name = settings.job.override_dirname
        log.error("job %s (%s) failed: %s", settings.job.num, name, error)
        error.reported = True
        raise


def _run_job(cfg: DictConfig, settings: HydraConf, folder: Path) -> float | None:
    from modelpact.cli.compose import build
    from modelpact.cli.sweeps.job_context import find_job, take_task
    from modelpact.types import caller_reports_errors

    # Read under the lock of the folder: another process may have resumed the sweep meanwhile.
    context = find_job(cfg, settings)
    write_receipt = partial(_write_receipt, cfg, settings, folder, context.number)
    with on_error(partial(_write_failure, write_receipt, "build"), Exception):
        task = take_task(folder, settings.overrides.task) or build(cfg, settings)
    task.set_job(context)
    gc_tuning.resume()
    hide_start()
    with caller_reports_errors():
        if context.sweep is None:
            return task.run(folder)
        return _run_sweep_job(task, folder, write_receipt)


def _run_sweep_job(task: Task, folder: Path, write_receipt: Callable[..., None]) -> float | None:
    """Run a job of a sweep; it always leaves a receipt, from which the sweep reads its result."""
    path = folder / "receipt.json"
    # A receipt of an earlier call of the same sweep is out of date.
    path.unlink(missing_ok=True)

    def fail(error: BaseException) -> None:
        if not path.exists():
            _write_failure(write_receipt, "run", error)

    with on_error(fail, Exception):
        objective = task.run(folder)
    if not path.exists():
        write_receipt(status="ok")
    return objective


def _write_failure(write: Callable[..., None], stage: str, error: BaseException) -> None:
    write(status="failed", stage=stage, error=f"{type(error).__name__}: {error}")


def _write_receipt(
    cfg: DictConfig, settings: HydraConf, folder: Path, number: int | None, **fields: object
) -> None:
    from modelpact._internal.files import write_atomically
    from modelpact.security.leak_scan import redact_json
    from modelpact.types import Receipt

    name = str(cfg.get("name") or settings.runtime.choices.get("data"))
    receipt = Receipt(name=name, job=number, **fields)
    write_atomically(folder / "receipt.json", redact_json(receipt.to_json()))

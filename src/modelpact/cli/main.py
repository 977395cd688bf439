"""The command line: Hydra composes a task, and the task is run. `run.py` and the console script `modelpact` are both `main`."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact.cli import gc_tuning
from modelpact.cli.compose import build, sweep_arguments
from modelpact.cli.error_reporting import report

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from modelpact.cli.tasks import Task

__all__ = ["main"]

log = logging.getLogger(__name__)

FULL_ERROR = "HYDRA_FULL_ERROR"


def main() -> None:
    """Run what the command line asks for; exit status 2 for a configuration error, 1 for any other, 130 after Ctrl-C."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        from modelpact.cli.help import help_text

        sys.stdout.write(help_text())
        return
    wanted = os.environ.get(FULL_ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # read when mlflow is imported
    os.environ.setdefault(
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"
    )  # it has one wherever tqdm is installed
    gc_tuning.defer()
    sys.path.append(os.getcwd())  # a class of one's own, in a module beside one's data
    try:
        _refuse_literals()
        sys.argv[1:] = sweep_arguments(sys.argv[1:])
        os.environ[FULL_ERROR] = (
            "1"  # Hydra then hands its errors over instead of printing them its own way
        )
        if {"-c", "--cfg", "-i", "--info"} & {
            argument.partition("=")[0] for argument in sys.argv[1:]
        }:
            _show_composed()
        else:
            _run_hydra()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except Exception as error:
        if wanted == "1":
            raise
        sys.exit(report(error))
    finally:
        gc_tuning.resume()
        os.environ.pop(FULL_ERROR, None)
        if wanted is not None:
            os.environ[FULL_ERROR] = wanted


def _refuse_literals() -> None:
    from modelpact.cli.argument_secrets import refuse_literals

    refuse_literals(sys.argv[1:])


def _show_composed() -> None:
    """Let Hydra print the configuration; one that holds a secret itself is refused, and none reaches the screen."""
    import io

    import yaml  # type: ignore[import-untyped, unused-ignore]

    from modelpact.security.secrets import redact_text, reject_literals

    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            _run_hydra()
    finally:
        text = printed.getvalue()
        with contextlib.suppress(yaml.YAMLError):  # --info prints more than a configuration
            shown = yaml.safe_load(text)
            reject_literals(
                shown if isinstance(shown, dict) else {}, source="the composed configuration"
            )
        sys.stdout.write("".join(map(redact_text, text.splitlines(keepends=True))))


def _run_hydra() -> None:
    import hydra
    from hydra.core.plugins import Plugins

    from modelpact.cli.sweeps.callback import Stop
    from modelpact.cli.sweeps.search_path import EntryPointSearchPath

    Plugins.instance().register(EntryPointSearchPath)
    try:
        hydra.main(version_base="1.3", config_path="pkg://modelpact.conf", config_name="config")(
            job
        )()
    except Stop as stop:
        raise stop.error from stop.error.__cause__


def _built(cfg: DictConfig, settings: Any, folder: Path, number: int | None) -> Task:
    """The task, built; where that fails, leave a receipt all the same."""
    from modelpact.cli.sweeps.job_context import kept

    try:
        return kept(folder, settings.overrides.task) or build(cfg, settings)
    except Exception as error:
        _leave_receipt(
            cfg,
            settings,
            folder,
            number,
            status="failed",
            stage="build",
            error=f"{type(error).__name__}: {error}",
        )
        raise


def _run(task: Task, folder: Path, leave: Callable[..., None]) -> float | None:
    """Run a job of a sweep; where its task leaves no receipt of its own, leave one: the sweep's account is made of them."""
    from modelpact.types import caller_reports_errors

    path = folder / "receipt.json"
    path.unlink(missing_ok=True)  # of a call before this one
    try:
        with caller_reports_errors():
            objective = task.run(folder)
    except Exception as error:
        if not path.exists():
            leave(status="failed", stage="run", error=f"{type(error).__name__}: {error}")
        raise
    if not path.exists():
        leave(status="ok")
    return objective


def _leave_receipt(
    cfg: DictConfig, settings: Any, folder: Path, number: int | None, **facts: Any
) -> None:
    from modelpact._internal.files import write_atomically
    from modelpact.types import Receipt

    name = str(cfg.get("name") or settings.runtime.choices.get("data"))
    receipt = Receipt(name=name, job=number, **facts)
    write_atomically(folder / "receipt.json", receipt.to_json())


def job(cfg: DictConfig) -> float | None:
    """Run one composed task; returns the objective for a sweeper."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from modelpact.cli.sweeps.job_context import alone, job_of
    from modelpact.errors import PactError

    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    try:
        with alone(folder) if settings.mode == RunMode.MULTIRUN else contextlib.nullcontext():
            place = job_of(
                cfg, settings
            )  # in here: whether its sweep has been resumed may change while it waits
            task = _built(cfg, settings, folder, place.number)
            task.surround(place)
            gc_tuning.resume()
            if place.sweep is None:
                return task.run(folder)
            return _run(task, folder, partial(_leave_receipt, cfg, settings, folder, place.number))
    except Exception as error:
        if settings.mode == RunMode.MULTIRUN:
            if not isinstance(error, PactError):
                raise
            # Hydra itself would show the first failure of a sweep only
            log.error(
                "job %s (%s) failed: %s", settings.job.num, settings.job.override_dirname, error
            )
            error.reported = True
            raise
        from modelpact.cli.sweeps.callback import Stop

        raise Stop(
            error
        ) from error  # past Hydra, which would print a line of its own above the error

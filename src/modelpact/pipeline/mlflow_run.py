"""The MLflow run of a publication: its tags, its configuration and its final status."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from modelpact._internal.files import log_text
from modelpact._internal.guards import on_error
from modelpact._internal.process import Process
from modelpact.errors import ConfigError
from modelpact.pipeline.git_tags import git_tags
from modelpact.pipeline.process_state import hidden_variable
from modelpact.pipeline.run_data import describe_data, log_data
from modelpact.pipeline.run_params import log_config, log_params, step_options
from modelpact.savers.base import mark_failed
from modelpact.security import leak_scan
from modelpact.tracking import remote_store

if TYPE_CHECKING:
    from modelpact.data.sample_digest import Digests
    from modelpact.pipeline.recorder import RunRecorder
    from modelpact.pipeline.stages import Steps
    from modelpact.tracking import Store
    from modelpact.types import Info, Job, Sample

__all__ = ["failing_model", "input_logger", "open_run"]

logger = logging.getLogger(__name__)

LONGEST_NAME = 250
"""MLflow's limit of the characters of a run name."""


@contextlib.contextmanager
def open_run(store: Store, recorder: RunRecorder, job: Job, steps: Steps) -> Iterator[None]:
    """Start MLflow's run, and end it as FINISHED, FAILED or KILLED.

    The stage and the traceback of a failure become a tag and an artifact of the run.
    """
    run_id = _start_run(store, recorder, job)
    recorder.record(run_id=run_id)

    def fail(error: BaseException) -> None:
        with remote_store.short_timeouts(error):
            try:
                if recorder.current_stage in {"open", "read"}:
                    with remote_store.log_failure("cannot record the params of the run"):
                        _log_options(store, recorder, job, steps)
                _log_failure(store, run_id, recorder.current_stage, error)
            finally:
                _end_run("FAILED" if isinstance(error, Exception) else "KILLED")

    with on_error(fail):
        if job.config is not None:
            log_config(store.client, run_id, job.config)
        yield
        if recorder.facts.get("reused"):
            store.client.set_tag(run_id, "modelpact.reused_version", recorder.facts["version"])
    _end_run("FINISHED")


def input_logger(
    store: Store, recorder: RunRecorder, job: Job, steps: Steps, *, keeps_params: bool = False
) -> Callable[[Sample, Digests], None]:
    """Return a function that logs the used options as params of the run, and its data as inputs.

    Args:
        store: The open store.
        recorder: Knows the run.
        job: The configuration of the run.
        steps: The steps with the options.
        keeps_params: Whether the run may have params with other values, which it keeps.
    """

    def log(sample: Sample, digests: Digests) -> None:
        unused = [f"model.{option}" for option in steps.model.unused_options(sample.targets)]
        with _kept_params() if keeps_params else contextlib.nullcontext():
            _log_options(store, recorder, job, steps, unused)
        name = recorder.facts["name"]
        # Data in memory has no name of its own.
        with contextlib.suppress(ConfigError):
            name = steps.data.name
        log_data(
            store.client, recorder.facts["run_id"], describe_data(name, steps.data, sample, digests)
        )

    return log


@contextlib.contextmanager
def _kept_params() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if "Changing param values" not in error.message:
            raise
        logger.debug("the params of the run are kept: %s", error.message)


def _log_options(
    store: Store, recorder: RunRecorder, job: Job, steps: Steps, unused: Sequence[str] = ()
) -> None:
    options = {"name": recorder.facts["name"], **step_options(steps.by_group(), unused)}
    log_params(store.client, recorder.facts["run_id"], options, job.overrides)


def failing_model(store: Store, info: Info) -> contextlib.AbstractContextManager[None]:
    """Set a saved model to FAILED if it is not verified and registered within the context."""

    def fail(error: BaseException) -> None:
        # A version of the model is left that could not be removed.
        if not getattr(error, "not_undone", ()):
            mark_failed(store.client, info.model_id, error)

    return on_error(fail)


def _start_run(store: Store, recorder: RunRecorder, job: Job) -> str:
    import mlflow
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    steps = {f"modelpact.{group}": kind for group, kind in recorder.facts["steps"].items()}
    tags = {**steps, **job.tags(), **Process.current().tags(), **git_tags()}
    if job.sweep is not None:
        tags[MLFLOW_PARENT_RUN_ID] = job.sweep
    name = recorder.facts["name"]
    if job.number is not None:
        name = f"{job.number}: {' '.join(job.overrides)}"[:LONGEST_NAME]
    nested = mlflow.active_run() is not None
    # MLflow would write into the run that the variable names, also if that run has ended.
    with hidden_variable("MLFLOW_RUN_ID"):
        run = mlflow.start_run(
            experiment_id=store.experiment_id, run_name=name, tags=tags, nested=nested
        )
    run_id: str = run.info.run_id
    return run_id


def _log_failure(store: Store, run_id: str, stage: str | None, error: BaseException) -> None:
    text = leak_scan.redact("".join(traceback.format_exception(error)))
    with remote_store.log_failure("cannot record the failure of the run in MLflow"):
        store.client.set_tag(run_id, "modelpact.stage", stage or "")
        log_text(store.client, run_id, text, "traceback.txt")


def _end_run(status: str) -> None:
    import mlflow

    with remote_store.log_failure(f"cannot set the run to {status} in MLflow"):
        mlflow.end_run(status)

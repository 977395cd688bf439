"""`publish`: one run from data to a registered version. It owns MLflow's run, which ends in the right state whatever happens."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact import data as data_sources
from modelpact import models
from modelpact._internal.files import log_text, write_atomically
from modelpact._internal.process import Process
from modelpact._internal.signals import sigterm_raises
from modelpact.datatypes import count_rows, take_rows
from modelpact.errors import (
    ConfigError,
    DataError,
    FitError,
    LoadError,
    PactError,
    PredictError,
    RegisterError,
    SaveError,
    SignError,
    StoreError,
    VerifyError,
)
from modelpact.pipeline.job_key import job_key
from modelpact.pipeline.recorder import Journal
from modelpact.pipeline.run_params import record, redacted
from modelpact.registers import record_checks
from modelpact.savers.base import mark_failed
from modelpact.security import leak_scan
from modelpact.security.serialization_formats import detect_formats
from modelpact.signature import compile as compile_signature
from modelpact.signature import digest as signature_digest
from modelpact.tracking import remote_store
from modelpact.types import JOB_KEY, Job, caller_reports_errors

if TYPE_CHECKING:
    from modelpact.data import DataSource
    from modelpact.loaders import Loader
    from modelpact.models import Model
    from modelpact.registers import Register
    from modelpact.savers import Saver
    from modelpact.signers import Signer
    from modelpact.tracking import Store, Tracking
    from modelpact.types import Info, Receipt, Sample, Signature, Verdict, Version
    from modelpact.verifiers import Verifier

__all__ = ["EXAMPLE_ROWS", "STAGES", "check", "publish"]

STAGES: dict[str, type[PactError]] = {
    "check": ConfigError,
    "open": StoreError,
    "read": DataError,
    "reuse": RegisterError,
    "fit": FitError,
    "predict": PredictError,
    "sign": SignError,
    "compare": RegisterError,
    "save": SaveError,
    "load": LoadError,
    "verify": VerifyError,
    "register": RegisterError,
}
"""The stages of a run in their order, each with the error that says it failed."""

EXAMPLE_ROWS = 5
"""How many rows of the data are stored with a model as its input example."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Steps:
    data: DataSource
    model: Model
    signer: Signer
    saver: Saver
    loader: Loader
    verifier: Verifier
    register: Register
    tracking: Tracking

    def kinds(self) -> dict[str, str]:
        return {group: getattr(self, group).KIND for group in self.__slots__}

    def key(self, name: str, sample: Sample) -> str:
        decisive = ("data", "model", "signer", "saver", "loader", "verifier")
        return job_key(
            name,
            {group: getattr(self, group) for group in decisive},
            data_sources.digest_sample(sample),
        )


def check(
    *, data: DataSource, model: Model, saver: Saver, register: Register, name: str | None = None
) -> None:
    """Refuse now what would be refused later: a name, an alias, a saver that does not take the model, an unknown scorer.

    Raises:
        PactError: They do not fit together.
    """
    register.check(data.name if name is None else name)
    saver.check(model)
    models.check_scorers(data.metrics)


def publish(
    *,
    data: DataSource,
    model: Model,
    signer: Signer,
    saver: Saver,
    loader: Loader,
    verifier: Verifier,
    register: Register,
    tracking: Tracking,
    name: str | None = None,
    folder: Path | None = None,
    observe: Callable[[str], None] | None = None,
    job: Job | None = None,
) -> Receipt:
    """Publish a model: read, fit, predict, sign, compare, save, load, verify, register.

    Nothing is registered unless the saved model was loaded back and verified. The run's status is right after success, an error,
    SIGINT and SIGTERM; after a failure its tag `modelpact.stage` says where, and its artifact `traceback.txt` why.

    Args:
        data: Where the sample comes from.
        model: What is published; it is fitted here.
        signer: Where the contract comes from.
        saver: How the model is put into MLflow.
        loader: How it is got back.
        verifier: How it is proven.
        register: How it becomes a version.
        tracking: The store.
        name: The registered model; by default the data's name.
        folder: Where `receipt.json` is written, after a failure as well; None for nowhere.
        observe: Called with the name of each stage as it begins.
        job: What surrounds the run: its configuration, which becomes an artifact and params, and its place in a sweep.

    Returns:
        What was done.

    Raises:
        PactError: A stage failed: its class says which (see `STAGES`), its `receipt` what was done until then.
    """
    steps = _Steps(data, model, signer, saver, loader, verifier, register, tracking)
    job = job or Job()
    journal = Journal(
        STAGES,
        observe,
        name=data.name if name is None else name,
        steps=steps.kinds(),
        job=job.number,
    )
    try:
        with caller_reports_errors(), sigterm_raises():
            _publish(steps, journal, job)
        receipt = journal.receipt("ok")
    except BaseException as error:
        receipt = journal.receipt("failed", error)
        if isinstance(error, PactError):
            error.receipt = receipt
        log.debug(
            "the run failed", exc_info=True
        )  # into the job's log; the screen gets the error's own text
        raise
    finally:
        if folder is not None:
            write_atomically(folder / "receipt.json", receipt.to_json())
    return receipt


def _publish(steps: _Steps, journal: Journal, job: Job) -> None:
    name: str = journal.facts["name"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_sys_path_kept())
        with journal.stage("check"):
            check(
                data=steps.data,
                model=steps.model,
                saver=steps.saver,
                register=steps.register,
                name=name,
            )
            _refuse_leaks(steps, job)
        with journal.stage("open"):
            store = stack.enter_context(steps.tracking.open())
            stack.enter_context(_run(store, journal, job))
        with journal.stage("read"):
            sample = steps.data.read()
            journal.note(job_key=steps.key(name, sample))
        with journal.stage("reuse"):
            existing = steps.register.find(name, journal.facts["job_key"], job)
        if existing is not None:
            journal.note(version=str(existing.version), model_uri=existing.source, reused=True)
            return
        with journal.stage("fit"):
            steps.model.fit(sample.inputs, sample.targets)
        with journal.stage("predict"):
            sample = _answer(steps, journal, sample)
        with journal.stage("sign"):
            signature = steps.signer.sign(
                sample.inputs, sample.outputs, params=sample.params, model=steps.model
            )
            journal.note(
                signature=signature.to_dict(), signature_digest=signature_digest(signature)
            )
        with journal.stage("compare"):
            admission = steps.register.check_compatibility(name, signature)
            journal.note(compatibility=None if admission is None else admission.to_dict())
        with journal.stage("save"):
            info = _save(steps, store, journal, sample, signature)
        with _failed_unless_registered(store, info):
            with journal.stage("load"):
                adapter = steps.loader.load(info.model_uri)
                journal.note(formats=detect_formats(adapter.folder))
            with journal.stage("verify"):
                _verify(info, journal, lambda: steps.verifier.verify(adapter, sample, signature))
            with journal.stage("register"):
                version = steps.register.register(
                    name, info.model_uri, tags=_tags(steps, journal, job)
                )
                _note_version(journal, info, version)


def _refuse_leaks(steps: _Steps, job: Job) -> None:
    """Look through what a run records of its configuration, before there is a run."""
    values = {"run:overrides": list(job.overrides), "run:config": redacted(job.config or {})}
    leak_scan.scan_values(values).enforce(
        steps.saver.leak_allowlist, "saver.leak_allowlist", "what would be recorded of the run"
    )


def _answer(steps: _Steps, journal: Journal, sample: Sample) -> Sample:
    """Ask the fitted model about the sample, and score it on the held-out rows."""
    outputs = steps.model.predict(sample.inputs, sample.params)
    if sample.holdout is not None and steps.data.metrics:
        answers = steps.model.predict(sample.holdout.inputs, sample.holdout.params)
        journal.note(
            metrics=models.score(
                answers, sample.holdout, steps.data.metrics, learned=sample.targets
            )
        )
    return sample.with_outputs(outputs)


def _save(
    steps: _Steps, store: Store, journal: Journal, sample: Sample, signature: Signature
) -> Info:
    import time

    from mlflow.entities import Metric

    example = take_rows(sample.inputs, range(min(EXAMPLE_ROWS, count_rows(sample.inputs))))
    if hasattr(
        example, "iloc"
    ):  # as the model will get it: MLflow refuses to store integers as the example of a double
        example = compile_signature(signature).enforce_inputs(example)
    info = steps.saver.save(
        steps.model, signature, (example, sample.params) if sample.params else example
    )
    journal.note(model_uri=info.model_uri, leak_allowlist=leak_scan.allowlist_from_tags(info.tags))
    now = int(time.time() * 1000)
    metrics = [
        Metric(key, value, now, 0, model_id=info.model_id)
        for key, value in journal.facts.get("metrics", {}).items()
    ]
    with _failed_unless_registered(store, info):
        store.client.log_batch(journal.facts["run_id"], metrics=metrics)
    return info


def _verify(info: Info, journal: Journal, verify: Callable[[], Verdict]) -> None:
    try:
        verdict = verify()
    except VerifyError as error:
        if error.verdict is not None:
            journal.note(checks=list(error.verdict.checks))
        raise
    journal.note(checks=list(verdict.checks))
    record_checks(info.model_uri, verdict)


def _note_version(journal: Journal, info: Info, version: Version | None) -> None:
    """Say which version there is now; it is another's where somebody was faster with the same job."""
    if version is None:
        return
    journal.note(version=str(version.version))
    if version.source != info.model_uri:
        journal.note(model_uri=version.source, reused=True)


def _tags(steps: _Steps, journal: Journal, job: Job) -> dict[str, str]:
    facts = journal.facts
    return {
        **steps.model.lineage_tags(),
        **job.tags(),
        JOB_KEY: facts["job_key"],
        "modelpact.signature_digest": facts["signature_digest"],
    }


@contextlib.contextmanager
def _failed_unless_registered(store: Store, info: Info) -> Iterator[None]:
    """Take back a saved model that did not pass: nobody shall find it READY."""
    try:
        yield
    except BaseException as error:
        if not getattr(
            error, "left", None
        ):  # a version of it, which could not be taken back either
            mark_failed(store.client, info.model_id)
        raise


@contextlib.contextmanager
def _sys_path_kept() -> Iterator[None]:
    """Forget where a loaded model's code lies: MLflow adds a folder for each load, and a sweep's jobs share one process."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


@contextlib.contextmanager
def _run(store: Store, journal: Journal, job: Job) -> Iterator[None]:
    """Open MLflow's run and close it in the right state, with the stage and the traceback of a failure."""
    import mlflow
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    tags = (
        {f"modelpact.{group}": kind for group, kind in journal.facts["steps"].items()}
        | job.tags()
        | Process.current().tags()
    )
    nested = mlflow.active_run() is not None
    if job.sweep is not None:
        tags[MLFLOW_PARENT_RUN_ID] = job.sweep
    called = (
        journal.facts["name"]
        if job.number is None
        else f"{job.number}: {' '.join(job.overrides)}"[:250]
    )
    run = mlflow.start_run(
        experiment_id=store.experiment_id, run_name=called, tags=tags, nested=nested
    )
    run_id = run.info.run_id
    journal.note(run_id=run_id)
    status = "FINISHED"
    try:
        if job.config is not None:
            record(store.client, run_id, job.config, job.overrides)
        yield
        if journal.facts.get("reused"):
            store.client.set_tag(run_id, "modelpact.reused_version", journal.facts["version"])
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        with remote_store.short_timeouts(error):
            try:
                store.client.set_tag(run_id, "modelpact.stage", journal.current or "")
                log_text(
                    store.client,
                    run_id,
                    leak_scan.redact("".join(traceback.format_exception(error))),
                    "traceback.txt",
                )
            except (
                Exception
            ) as second:  # the store itself may be what failed, or where it keeps its files
                log.warning(
                    "the run's failure could not be recorded in MLflow: %s",
                    remote_store.store_failure(second) or second,
                )
            finally:
                _end_run(status)
        raise
    _end_run(status)


def _end_run(status: str) -> None:
    """Close the run; a store that fails now neither hides why the run failed, nor takes back what was registered."""
    import mlflow

    try:
        mlflow.end_run(status)
    except Exception as error:
        log.warning(
            "the run could not be set to %s in MLflow: %s",
            status,
            remote_store.store_failure(error) or error,
        )

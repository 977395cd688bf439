"""`publish`: one run from data to a registered version."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact import models
from modelpact._internal.files import write_atomically
from modelpact._internal.guards import on_error
from modelpact._internal.signals import held_signals, interruptible
from modelpact.data.base import all_inputs
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
from modelpact.models.row_methods import call_fit
from modelpact.pipeline.mlflow_run import failing_model, open_run
from modelpact.pipeline.process_state import restored_sys_path
from modelpact.pipeline.recorder import RunRecorder
from modelpact.pipeline.stages import (
    Steps,
    check_recorded_config,
    check_returned,
    check_signed,
    predict_sample,
    register_model,
    save_model,
    verify_model,
)
from modelpact.security.leak_scan import redact_json
from modelpact.security.serialization_formats import detect_formats
from modelpact.signature import digest as signature_digest
from modelpact.types import Job, Sample, caller_reports_errors

if TYPE_CHECKING:
    from modelpact.data import DataSource
    from modelpact.loaders import Loader
    from modelpact.models import Model
    from modelpact.registers import Register
    from modelpact.savers import Saver
    from modelpact.signers import Signer
    from modelpact.tracking import Store, Tracking
    from modelpact.types import Receipt
    from modelpact.verifiers import Verifier

__all__ = ["STAGES", "check_steps", "publish"]

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
"""The stages of a run in their order, each with the class of its errors."""

log = logging.getLogger(__name__)


def check_steps(
    *, data: DataSource, model: Model, saver: Saver, register: Register, name: str | None = None
) -> None:
    """Check the name, the aliases, the saver and the scorers before any work is done.

    Raises:
        PactError: The steps do not fit together.
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

    Nothing is registered unless the saved model was loaded and verified. The MLflow run ends in
    the right status, after SIGINT, SIGTERM and SIGHUP as well: they are held back while the run,
    the saved model or the version is created. A failed run has the tag `modelpact.stage` and the
    artifact `traceback.txt`.

    Args:
        data: The source of the sample.
        model: The model, which is fitted here.
        signer: Produces the signature.
        saver: Saves the model in MLflow.
        loader: Loads the saved model.
        verifier: Checks the loaded model.
        register: Registers the model as a version.
        tracking: The store.
        name: The registered model; by default the name of the data.
        folder: Where `receipt.json` is written, after a failure as well; None for nowhere.
        observe: A function that is called with the name of each stage when it starts.
        job: The configuration of the run, to be logged with it, and its place in a sweep.

    Raises:
        PactError: A stage failed. `STAGES` lists the class of each stage; the attribute `receipt`
            holds what was done until then.
    """
    steps = Steps(data, model, signer, saver, loader, verifier, register, tracking)
    job = job or Job()
    name = data.name if name is None else name
    recorder = RunRecorder(STAGES, observe, name=name, steps=steps.kinds(), job=job.number)
    return _run_recorded(steps, recorder, job, folder)


def _run_recorded(steps: Steps, recorder: RunRecorder, job: Job, folder: Path | None) -> Receipt:
    """Run all stages, and write the receipt in every case."""

    def finish(error: BaseException | None = None) -> Receipt:
        receipt = recorder.build_receipt(error)
        if isinstance(error, PactError):
            error.receipt = receipt
        if error is not None:
            # For the log of the job; the caller reports the error itself.
            log.debug("the run failed", exc_info=error)
        if folder is not None:
            write_atomically(folder / "receipt.json", redact_json(receipt.to_json()))
        return receipt

    with held_signals():
        with on_error(finish), caller_reports_errors(), restored_sys_path():
            _run_stages(steps, recorder, job)
        return finish()


def _run_stages(steps: Steps, recorder: RunRecorder, job: Job) -> None:
    name: str = recorder.facts["name"]
    with contextlib.ExitStack() as stack:
        with recorder.stage("check"):
            check_steps(
                data=steps.data,
                model=steps.model,
                saver=steps.saver,
                register=steps.register,
                name=name,
            )
            check_recorded_config(steps, name, job)
        with recorder.stage("open"):
            with interruptible():
                store = stack.enter_context(steps.tracking.open())
            stack.enter_context(open_run(store, recorder, job))
        with recorder.stage("read"), interruptible():
            data = steps.data.with_contract(steps.signer.contract())
            sample = check_returned(data.read(), Sample, f"{data.KIND}.read", DataError)
            data.check_types(sample.inputs, sample.targets)
            steps.signer.check(all_inputs(sample), sample.params)
            recorder.record(job_key=steps.job_key(name, sample))
        with recorder.stage("reuse"):
            existing = steps.register.find(name, recorder.facts["job_key"], job)
        if existing is not None:
            recorder.record(version=str(existing.version), model_uri=existing.source, reused=True)
            return
        _fit_and_register(steps, store, recorder, job, sample)


def _fit_and_register(
    steps: Steps, store: Store, recorder: RunRecorder, job: Job, sample: Sample
) -> None:
    from mlflow.models import ModelSignature

    with recorder.stage("fit"), interruptible():
        call_fit(steps.model, sample.inputs, sample.targets)
    with recorder.stage("predict"), interruptible():
        sample = predict_sample(steps, recorder, sample)
    with recorder.stage("sign"), interruptible():
        signature = steps.signer.sign(
            all_inputs(sample), sample.outputs, params=sample.params, model=steps.model
        )
        check_returned(signature, ModelSignature, f"{steps.signer.KIND}.sign", SignError)
        check_signed(steps, sample, signature)
        recorder.record(signature=signature.to_dict(), signature_digest=signature_digest(signature))
    with recorder.stage("compare"):
        report = steps.register.check_compatibility(recorder.facts["name"], signature)
        recorder.record(compatibility=None if report is None else report.to_dict())
    with recorder.stage("save"):
        info = save_model(steps, store, recorder, sample, signature)
    with failing_model(store, info):
        with recorder.stage("load"), interruptible():
            adapter = steps.loader.load(info.model_uri)
            recorder.record(formats=detect_formats(adapter.folder))
        with recorder.stage("verify"), interruptible():
            verify_model(steps, recorder, adapter, sample, signature)
        with recorder.stage("register"):
            register_model(steps, recorder, info, job)

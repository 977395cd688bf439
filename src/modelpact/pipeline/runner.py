"""`publish`: one run from data to a registered version."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from modelpact._internal import mlflow_compat
from modelpact._internal.files import write_atomically
from modelpact._internal.guards import on_error
from modelpact._internal.signals import held_signals, interruptible
from modelpact.data.base import all_inputs
from modelpact.data.sample_digest import digest_parts
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
from modelpact.loaders import Adapter
from modelpact.models.row_methods import call_fit
from modelpact.pipeline.mlflow_run import failing_model, input_logger, open_run
from modelpact.pipeline.notebook_progress import notebook_observer
from modelpact.pipeline.process_state import restored_sys_path
from modelpact.pipeline.python_remedies import remedies_in_python
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
from modelpact.pipeline.step_arguments import StepArguments, lists_steps, make_steps
from modelpact.security.leak_scan import redact_json
from modelpact.security.serialization_formats import detect_formats
from modelpact.signature import digest as signature_digest
from modelpact.types import Job, Sample

if TYPE_CHECKING:
    from modelpact.data import DataSource
    from modelpact.data.sample_digest import Digests
    from modelpact.tracking import Store
    from modelpact.types import Info, Receipt, Signature

__all__ = ["STAGES", "fit_and_register", "publish", "read_sample"]

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


@lists_steps
def publish(
    model: object,
    X: object = None,
    y: object = None,
    *,
    name: str | None = None,
    data: DataSource | None = None,
    params: dict[str, Any] | None = None,
    metrics: Sequence[str] = (),
    signature: Signature | Mapping[str, object] | None = None,
    fit: bool = True,
    folder: Path | None = None,
    observe: Callable[[str], None] | None = None,
    job: Job | None = None,
    **steps: Unpack[StepArguments],
) -> Receipt:
    """Publish a model: read, fit, predict, sign, compare, save, load, verify, register.

    Nothing is registered unless the saved model was loaded and verified. The run ends in the right
    status, after a signal as well. It is nested in the active run if there is one, and MLflow's
    autologging is off while the model is fitted.

    Args:
        model: A `Model`; an estimator; an object of any library that MLflow has a flavor for; a
            function, or an object with a method `predict`; or the URI of an existing model.
        X: The inputs: a DataFrame or a table, an array, a dict of arrays, a list of rows, a pair
            `(X, y)`, or a `DataSource`.
        y: One target per row; None if the model needs none.
        name: The registered model; by default the name of the data source.
        data: The source of the data, instead of `X` and `y`.
        params: Example inference parameters.
        metrics: scikit-learn scorer names; a fifth of the rows is held out for them.
        signature: A written signature, which the data must satisfy; None to make one.
        fit: Whether to fit the model, or a copy of it; False for a model that is fitted.
        folder: Where `receipt.json` is written, after a failure as well; None for nowhere.
        observe: A function that is called with the name of each stage when it starts; None shows
            the stages in a notebook.
        job: The configuration of the run, to be logged with it, and its place in a sweep.
        steps: `signer`, `saver`, `loader`, `verifier`, `register` and `tracking`; each a step, a
            name such as `"infer"`, or a dict of options (see `StepArguments`).

    Raises:
        PactError: A stage failed. `STAGES` lists the class of each stage; the attribute `receipt`
            holds what was done until then.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> saver = {"pip_requirements": ["scikit-learn"]}
        >>> publish(Ridge(), [[0.0], [1.0]], [1.0, 3.0], name="lines", saver=saver).version
        '1'
    """
    options: dict[str, Any] = {"data": data, "params": params, "metrics": metrics, "fit": fit}
    with remedies_in_python():
        made = make_steps(model, X, y, signature=signature, **options, **steps)
    job = job or Job()
    name = made.data.name if name is None else name
    observe = observe or notebook_observer()
    recorder = RunRecorder(STAGES, observe, name=name, steps=made.kinds(), job=job.number)
    return _run_recorded(made, recorder, job, folder)


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
        with on_error(finish), remedies_in_python(), restored_sys_path():
            _run_stages(steps, recorder, job)
        return finish()


def _run_stages(steps: Steps, recorder: RunRecorder, job: Job) -> None:
    name: str = recorder.facts["name"]
    with contextlib.ExitStack() as stack:
        with recorder.stage("check"):
            steps.check(name)
            check_recorded_config(steps, name, job)
        with recorder.stage("open"):
            with interruptible():
                store = stack.enter_context(steps.tracking.open())
            recorder.record(tracking_uri=store.uri, experiment=store.experiment)
            stack.enter_context(open_run(store, recorder, job, steps))
        log = input_logger(store, recorder, job, steps)
        sample = read_sample(steps, recorder, log)
        with recorder.stage("reuse"):
            existing = steps.register.find(name, recorder.facts["job_key"], job)
        if existing is not None:
            recorder.record(version=str(existing.version), model_uri=existing.source, reused=True)
            return
        fit_and_register(steps, store, recorder, job, sample)


def read_sample(
    steps: Steps, recorder: RunRecorder, log: Callable[[Sample, Digests], None] | None = None
) -> Sample:
    """Read the data, record the job key, and call `log` if it is given."""
    with recorder.stage("read"), interruptible():
        data = steps.data.with_contract(steps.signer.contract())
        sample = check_returned(data.read(), Sample, f"{data.KIND}.read", DataError)
        data.check_types(sample.inputs, sample.targets)
        steps.signer.check(all_inputs(sample), sample.params)
        digests = digest_parts(sample)
        recorder.record(job_key=steps.job_key(recorder.facts["name"], digests[0]))
        if log is not None:
            log(sample, digests)
    return sample


def fit_and_register(
    steps: Steps, store: Store, recorder: RunRecorder, job: Job, sample: Sample
) -> Info:
    """Run the stages from fit to register, and return what the saver returned."""
    from mlflow.models import ModelSignature

    if steps.fit:
        with recorder.stage("fit"), interruptible(), mlflow_compat.disabled_autologging():
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
            check_returned(adapter, Adapter, f"{steps.loader.KIND}.load", LoadError)
            recorder.record(formats=detect_formats(adapter.folder))
        with recorder.stage("verify"), interruptible():
            verify_model(steps, recorder, adapter, sample, signature)
        with recorder.stage("register"):
            register_model(steps, recorder, info, job)
    return info

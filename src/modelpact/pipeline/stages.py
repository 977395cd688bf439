"""The stages of `publish` that take more than one call of a step."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from modelpact import models
from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact._internal.text import truncate
from modelpact._internal.type_checks import wrong_type
from modelpact.datatypes import count_rows, take_rows, to_python
from modelpact.errors import (
    PactError,
    PredictError,
    RegisterError,
    SaveError,
    SignError,
    VerifyError,
)
from modelpact.models.row_objects import call_predict
from modelpact.pipeline.job_key import digest_fitted, job_key
from modelpact.pipeline.mlflow_run import failing_model
from modelpact.pipeline.process_state import redirect_temporary_files
from modelpact.pipeline.run_params import redact_config
from modelpact.registers import record_checks
from modelpact.security import leak_scan
from modelpact.signature import compile as compile_signature
from modelpact.types import JOB_KEY, Verdict

if TYPE_CHECKING:
    from modelpact.data import DataSource
    from modelpact.loaders import Adapter, Loader
    from modelpact.models import Model
    from modelpact.models.input_forms import InputForm
    from modelpact.pipeline.recorder import RunRecorder
    from modelpact.registers import Register
    from modelpact.savers import Saver
    from modelpact.signers import Signer
    from modelpact.tracking import Store, Tracking
    from modelpact.types import Info, Inputs, Job, Sample, Signature, Step
    from modelpact.verifiers import Verifier

__all__ = [
    "Steps",
    "check_recorded_config",
    "check_returned",
    "check_signed",
    "predict_sample",
    "register_model",
    "save_model",
    "verify_model",
]

T = TypeVar("T")

EXAMPLE_ROWS = 5
"""How many rows of the data are stored with a model as its input example."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a run, one per group of the configuration."""

    data: DataSource
    model: Model
    signer: Signer
    saver: Saver
    loader: Loader
    verifier: Verifier
    register: Register
    tracking: Tracking
    fit: bool = True

    def kinds(self) -> dict[str, str]:
        """Return the name of the class of each step."""
        return {group: step.KIND for group, step in self.by_group().items()}

    def check(self, name: str) -> None:
        """Check the name, the aliases, the saver and the scorers before any work is done.

        Raises:
            PactError: The steps do not fit together.
        """
        self.register.check(name)
        self.saver.check(self.model)
        models.check_scorers(self.data.metrics)

    def by_group(self) -> dict[str, Step]:
        """Return the steps by the name of their group."""
        groups = (field.name for field in fields(self) if field.name != "fit")
        return {group: getattr(self, group) for group in groups}

    def job_key(self, name: str, data_digest: str) -> str:
        """Return the job key of the steps that determine the result."""
        groups = ("data", "model", "signer", "saver", "loader", "verifier")
        steps = {group: getattr(self, group) for group in groups}
        content = data_digest if self.fit else data_digest + digest_fitted(self.model)
        return job_key(name, steps, content)


def check_returned(value: T, kind: type[T], method: str, error: type[PactError]) -> T:
    """Return what a step returned, or raise an error if it is of another type."""
    if not isinstance(value, kind):
        raise error(
            f"{method} must return {wrong_type(value, kind)}",
            remedy="Correct the class of the step.",
        )
    return value


def check_recorded_config(steps: Steps, name: str, job: Job) -> None:
    """Check that what a run records of its configuration contains no secret."""
    values = {
        "run:overrides": list(job.overrides),
        "run:config": redact_config(job.config or {}),
        "run:name": name,
        "run:experiment": steps.tracking.experiment or "",
    }
    leak_scan.scan_values(values).enforce(
        steps.saver.leak_allowlist, "saver.leak_allowlist", "the recorded configuration"
    )


def predict_sample(steps: Steps, recorder: RunRecorder, sample: Sample) -> Sample:
    """Predict the sample with the fitted model, and score the predictions for held-out rows."""
    outputs = call_predict(steps.model, sample.inputs, sample.params)
    if outputs is None:
        raise PredictError(
            f"{steps.model.KIND}.predict returned None",
            remedy="Return one prediction per row; a return statement may be missing.",
        )
    if sample.holdout is not None and steps.data.metrics:
        predictions = call_predict(steps.model, sample.holdout.inputs, sample.holdout.params)
        scores = models.score(
            predictions, sample.holdout, steps.data.metrics, learned=sample.targets
        )
        recorder.record(metrics=scores)
    return sample.with_outputs(outputs)


def check_signed(steps: Steps, sample: Sample, signature: Signature) -> None:
    """Check that MLflow can store an example of the data, and that servers can send predictions.

    Raises:
        SignError: They cannot, whatever the model does.
    """
    from mlflow.exceptions import MlflowException

    _check_form(steps, sample.inputs)
    _check_json("inputs", sample.inputs)
    _check_json("outputs", sample.outputs)
    schema = signature.inputs
    if schema is None or not steps.saver.checks_example(steps.model, signature):
        return
    try:
        mlflow_compat.enforce_inputs(_example_inputs(sample, signature), schema)
    except MlflowException as error:
        raise SignError(
            f"MLflow rejects this data under its own signature: {truncate(error.message, 300)}",
            remedy="Give it in another form, such as a DataFrame with named columns.",
        ) from error


def _check_form(steps: Steps, inputs: Inputs) -> None:
    form = _input_form(inputs)
    # A stored model with a signature converts its inputs itself.
    if steps.saver.hands_over(steps.model, form) or steps.model.stored_signature() is not None:
        return
    other = "a list of rows" if form is None else "save the model with saver=custom"
    raise SignError(
        f"the model got a {type(inputs).__name__}, but {steps.saver.KIND} saves a model "
        "that gets a DataFrame",
        remedy=f"Provide a DataFrame, or {other}.",
    )


def _input_form(inputs: Any) -> InputForm | None:
    """Return the form of inputs; None if MLflow would hand them over in another form."""
    if isinstance(inputs, list):
        return "records"
    if isinstance(inputs, dict):
        return "frame" if all(hasattr(array, "dtype") for array in inputs.values()) else None
    if not hasattr(inputs, "shape"):
        return None
    is_series = hasattr(inputs, "iloc") and not hasattr(inputs, "columns")
    return "series" if is_series else "frame"


_NOT_JSON = {
    "c": ("complex numbers", "Use the real and the imaginary part: .real, .imag."),
    "m": ("timedeltas", "Use seconds: array / numpy.timedelta64(1, 's')."),
}
"""What JSON lacks, and what to use instead, by the kind of a NumPy dtype."""


def _check_json(part: str, values: Any) -> None:
    for value in values.values() if isinstance(values, dict) else [values]:
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if kind in _NOT_JSON:
            name, remedy = _NOT_JSON[kind]
            raise SignError(f"{part}: JSON does not have {name}", remedy=remedy)
    if part == "outputs" and hasattr(values, "tocsr"):
        raise SignError(
            f"outputs: a server cannot send a {type(values).__name__}",
            remedy="Return an array: .toarray().",
        )


def save_model(
    steps: Steps, store: Store, recorder: RunRecorder, sample: Sample, signature: Signature
) -> Info:
    """Save the model with an input example, and log its metrics."""
    from mlflow.entities import Metric
    from mlflow.models.model import ModelInfo

    example = _input_example(sample, signature)
    with temporary_folder() as folder, redirect_temporary_files(folder):
        info = steps.saver.save(
            steps.model, signature, example, form=_input_form(sample.inputs) or "frame"
        )
        check_returned(info, ModelInfo, f"{steps.saver.KIND}.save", SaveError)
    recorder.record(
        model_uri=info.model_uri, leak_allowlist=leak_scan.allowlist_from_tags(info.tags)
    )
    scores = recorder.facts.get("metrics", {})
    # MLflow has metrics of runs only, and log_model needs no run.
    if not scores or "run_id" not in recorder.facts:
        return info
    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, 0, model_id=info.model_id) for key, value in scores.items()]
    with failing_model(store, info):
        store.client.log_batch(recorder.facts["run_id"], metrics=metrics)
    return info


def verify_model(
    steps: Steps, recorder: RunRecorder, adapter: Adapter, sample: Sample, signature: Signature
) -> None:
    """Verify the loaded model, and record the checks, failed ones as well."""
    try:
        verdict = steps.verifier.verify(adapter, sample, signature)
        check_returned(verdict, Verdict, f"{steps.verifier.KIND}.verify", VerifyError)
    except VerifyError as error:
        if error.verdict is not None:
            recorder.record(checks=list(error.verdict.checks))
        error.remedy = f"Nothing was registered. {error.remedy}"
        raise
    recorder.record(checks=list(verdict.checks))
    record_checks(adapter.uri, verdict)


def register_model(steps: Steps, recorder: RunRecorder, info: Info, job: Job) -> None:
    """Register the model, and record its version.

    A concurrent run of the same job may have registered another model; its version is reused.
    """
    from mlflow.entities.model_registry import ModelVersion

    facts = recorder.facts
    tags = {
        **steps.model.lineage_tags(),
        **job.tags(),
        JOB_KEY: facts["job_key"],
        "modelpact.signature_digest": facts["signature_digest"],
    }
    version = steps.register.register(facts["name"], info.model_uri, tags=tags)
    if version is None:
        return
    check_returned(version, ModelVersion, f"{steps.register.KIND}.register", RegisterError)
    recorder.record(version=str(version.version))
    if version.source != info.model_uri:
        recorder.record(model_uri=version.source, reused=True)


def _input_example(sample: Sample, signature: Signature) -> Inputs:
    example = _example_inputs(sample, signature)
    return (example, sample.params) if sample.params else example


def _example_inputs(sample: Sample, signature: Signature) -> Inputs:
    example = take_rows(sample.inputs, _example_rows(sample.inputs))
    # MLflow rejects integers in the example of a double, which the model gets as floats.
    if isinstance(example, list):
        return [to_python(row) if isinstance(row, dict) else row for row in example]
    if hasattr(example, "iloc"):
        example = compile_signature(signature).enforce_inputs(example)
    return example


def _example_rows(inputs: Inputs) -> list[int]:
    """Return the positions of the first rows, if possible of rows without nulls.

    MLflow writes a null among floats as NaN, which is not JSON, and rejects one among integers.
    """
    rows = range(count_rows(inputs))
    complete: list[int] = []
    if hasattr(inputs, "iloc"):
        present = inputs.notna().to_numpy().reshape(len(rows), -1)
        complete = present.all(axis=1).nonzero()[0].tolist()
    elif isinstance(inputs, list):
        complete = [row for row in rows if _is_complete(inputs[row])]
    return complete[:EXAMPLE_ROWS] or list(rows[:EXAMPLE_ROWS])


def _is_complete(record: Any) -> bool:
    return not isinstance(record, dict) or all(cell is not None for cell in record.values())

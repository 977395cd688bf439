"""`Step`, the base class of all steps, and the values that flow between steps.

MLflow's own types appear under short names: `Signature`, `Info` and `Version`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from modelpact._internal.card import Card, CardTable, Displayed
from modelpact._internal.step import Inputs, Params, Step, caller_reports_errors

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature
    from mlflow.models.model import ModelInfo

    Signature = ModelSignature
    Info = ModelInfo
    Version = ModelVersion

__all__ = [
    "JOB_KEY",
    "JOB_NUMBER",
    "SWEEP",
    "Check",
    "Inputs",
    "Job",
    "Outputs",
    "Params",
    "Receipt",
    "Sample",
    "Step",
    "Verdict",
    "caller_reports_errors",
]


@dataclass(frozen=True, slots=True)
class Sample:
    """Data to fit, sign and verify a model with.

    Attributes:
        inputs: The inputs of the model; the first axis is rows.
        targets: The targets, one per row; None if the model is not fitted.
        params: Example inference parameters.
        outputs: The predictions for `inputs` with `params`; None before the model was called.
        holdout: Rows held out from `inputs` for metrics; None if there are no metrics.
    """

    inputs: Inputs
    targets: Any = None
    params: Params | None = None
    outputs: Any = None
    holdout: Sample | None = None

    def with_outputs(self, outputs: Any) -> Sample:
        """Return a copy of the sample with the predictions of the model."""
        return replace(self, outputs=outputs)


@dataclass(frozen=True, slots=True)
class Outputs(Displayed):
    """A prediction that conforms to the signature, and its provenance.

    Attributes:
        prediction: The prediction of the model.
        metadata: `model_uri`, `signature_digest`, `utc_time` (ISO 8601), `seconds`; `fallback` if
            the model failed and its fallback was used.
    """

    prediction: Any
    metadata: dict[str, Any] = field(default_factory=dict)

    def _card(self) -> Card:
        facts = {name: str(value) for name, value in self.metadata.items()}
        return Card("Outputs", "Prediction", facts=facts, value=self.prediction)


class Check(BaseModel):
    """The result of one check: a reason `code`, whether it passed, and details."""

    model_config = ConfigDict(frozen=True)

    code: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict(Displayed):
    """The results of all checks of one verification, in order.

    Example:
        >>> Verdict((Check(code="OUTPUTS_CONFORM", ok=True),)).ok
        True
    """

    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.ok)

    def _card(self) -> Card:
        passed = len(self.checks) - len(self.failed)
        title = f"{passed} of {len(self.checks)} checks passed"
        return Card("Verdict", title, _word(self.ok), self.ok, tables=[_check_table(self.checks)])


def _word(ok: bool) -> str:
    return "ok" if ok else "failed"


def _check_table(checks: Sequence[Check]) -> CardTable:
    rows = [(check.code, _word(check.ok), check.detail) for check in checks]
    return CardTable("Checks", ("check", "result", "detail"), rows)


class Receipt(Displayed, BaseModel):
    """The result of one run, written as `receipt.json` after success and after failure.

    Attributes:
        status: `ok` or `failed`.
        stage: The stage that failed; None after success.
        error: The text of the error; None after success.
        name: The registered model.
        version: The version that was created, or that existed already (`reused`); None if no
            version was registered.
        model_uri: `models:/<model_id>` of the saved model.
        run_id: The MLflow run.
        tracking_uri: The store, without credentials.
        experiment: The experiment of the run.
        signature: The signature as MLflow's dict.
        signature_digest: SHA-256 of the signature's canonical JSON, in hex.
        compatibility: The result of the compatibility check; None if the register compares nothing.
        steps: The class of each step.
        formats: The serialization formats in the saved model; loading some of them can run code
            (`modelpact.security.serialization_formats.UNSAFE_FORMATS`).
        checks: The checks of the verifier.
        metrics: Scores on the held-out rows, by scorer name.
        seconds: Seconds spent in each stage.
        job_key: SHA-256 of configuration, data and code, in hex; None if it was not computed.
        reused: Whether the job had been done before and its version was returned.
        job: The number of the job in a sweep, from 0; None for a single run.
        leak_allowlist: Findings of the leak scan that are allowed: `place`, `kind`, `reason`.
        dry_run: Whether nothing was written to the store.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=(), ser_json_inf_nan="strings")

    status: Literal["ok", "failed"]
    stage: str | None = None
    error: str | None = None
    name: str
    version: str | None = None
    model_uri: str | None = None
    run_id: str | None = None
    tracking_uri: str | None = None
    experiment: str | None = None
    signature: dict[str, Any] | None = None
    signature_digest: str | None = None
    compatibility: dict[str, Any] | None = None
    steps: dict[str, str] = {}
    formats: list[str] = []
    checks: list[Check] = []
    metrics: dict[str, float] = {}
    seconds: dict[str, float] = {}
    job_key: str | None = None
    reused: bool = False
    job: int | None = None
    leak_allowlist: list[dict[str, str]] = []
    dry_run: bool = False

    def to_json(self) -> str:
        """Return the content of `receipt.json`."""
        return self.model_dump_json(indent=2) + "\n"

    @property
    def summary(self) -> str:
        """The result in one line."""
        if self.status == "failed":
            return f"{self.name} failed in {self.stage}: {self.error}"
        if self.dry_run:
            reused = f"; version {self.version} would be reused" if self.reused else ""
            return f"dry run of {self.name}: nothing was written{reused}"
        if self.version is None:
            return f"saved {self.name} as {self.model_uri}, not registered"
        return f"{'reused' if self.reused else 'registered'} {self.name} version {self.version}"

    def _card(self) -> Card:
        facts = {name: _shorten(value) for name, value in self if name not in _NOT_FACTS}
        tables = [_check_table(self.checks)]
        if self.signature is not None:
            from mlflow.models import ModelSignature

            from modelpact.signature.export.column_table import contract_tables

            tables += contract_tables(ModelSignature.from_dict(self.signature))
        return Card("Receipt", self.summary, self.status, self.status == "ok", facts, tables)


_NOT_FACTS = {
    "status", "stage", "error", "name", "version", "signature", "signature_digest", "job_key",
    "compatibility", "checks",
}  # fmt: skip
"""Fields of a receipt that its card shows in another way, or not at all."""


def _shorten(value: object) -> str:
    """Return the text of a value of a receipt; empty for one that says nothing."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shorten(item)}" for key, item in value.items() if item)
    if isinstance(value, list):
        return ", ".join(map(_shorten, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value) if value else ""


JOB_KEY, SWEEP, JOB_NUMBER = "modelpact.job_key", "modelpact.sweep", "modelpact.job"
"""Tags of runs and versions: the job key, the parent run of the sweep, the number of the job."""


@dataclass(frozen=True, slots=True)
class Job:
    """The context of one run.

    Attributes:
        config: The resolved configuration without secrets; None outside of the command line.
        overrides: The overrides of the command line, those that vary within the sweep first.
        sweep: The parent run of the sweep; None for a single run.
        number: The number of the job in the sweep, from 0.
        resumed: Whether the sweep was resumed, so the job may have been done already.
    """

    config: Mapping[str, Any] | None = None
    overrides: Sequence[str] = ()
    sweep: str | None = None
    number: int | None = None
    resumed: bool = False

    def tags(self) -> dict[str, str]:
        """Return the tags that identify the sweep and the job."""
        return {} if self.sweep is None else {SWEEP: self.sweep, JOB_NUMBER: str(self.number)}

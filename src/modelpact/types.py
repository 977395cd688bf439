"""`Step`, the base class of all steps; the values that flow between them; and MLflow's own under short names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from modelpact._internal.files import write_atomically

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
]

Inputs = Any
"""A PyFuncInput: DataFrame `(n_rows, n_columns)`, ndarray or dict of ndarrays (first axis = rows), list, dict."""

Params = dict[str, Any]
"""Inference parameters by name, such as `{"temperature": 0.2}`."""


class Step(BaseModel):
    """One configurable part of a run.

    A subclass declares its options as fields and implements the one verb of its family. Unknown options and wrong types are
    refused when it is built; once built it does not change. What it learns (a fitted estimator) lives in private attributes.

    Example:
        >>> class Greeter(Step):
        ...     word: str = "hello"
        >>> Greeter().KIND
        'Greeter'
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        ser_json_inf_nan="constants",
    )

    KIND: ClassVar[str] = "Step"
    """The name of the class, as it stands in tags and receipts."""

    excluded_from_key: ClassVar[frozenset[str]] = frozenset()
    """The fields that say where or how, not what: left out of the job key (paths, retries)."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.KIND = cls.__name__

    def identity(self) -> dict[str, Any]:
        """What makes this step do what it does: its class and the options that matter, as plain data for the job key."""
        options = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in self.excluded_from_key
        }
        return {
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "options": _plain(options),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Step):
        return value.identity()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    if "<" not in getattr(
        value, "__qualname__", "<"
    ):  # a class or a function, whose repr may be an address
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "tolist"):  # an array, whose repr may be cut short
        return _plain(value.tolist())
    if hasattr(value, "get_params"):  # a scikit-learn estimator: its class and hyperparameters
        parameters = _plain(value.get_params(deep=False))
        return {
            "class": f"{type(value).__module__}.{type(value).__qualname__}",
            "options": parameters,
        }
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return repr(value)


@dataclass(frozen=True, slots=True)
class Sample:
    """Data to fit, sign and verify a model with.

    Attributes:
        inputs: What the model is called with; the first axis is rows.
        targets: What it should answer, one a row; None where nothing is to be learned.
        params: Example inference parameters.
        outputs: What the model did answer to `inputs` with `params`; None before it was asked.
        holdout: Rows kept apart from `inputs`, for metrics; None where there are none.
    """

    inputs: Inputs
    targets: Any = None
    params: Params | None = None
    outputs: Any = None
    holdout: Sample | None = None

    def answered(self, outputs: Any) -> Sample:
        """The same sample, with the model's own answers to it."""
        return replace(self, outputs=outputs)


@dataclass(frozen=True, slots=True)
class Outputs:
    """A prediction that was checked against the signature, and where it came from.

    Attributes:
        prediction: What the model answered.
        metadata: `model_uri`, `signature_digest`, `utc_time` (ISO 8601), `seconds`; where it applies also `fallback`.
    """

    prediction: Any
    metadata: dict[str, Any] = field(default_factory=dict)


class Check(BaseModel):
    """One thing that was checked: a reason `code`, whether it held, and a sentence about it."""

    model_config = ConfigDict(frozen=True)

    code: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one verification, in the order they were made.

    Example:
        >>> Verdict((Check(code="OUTPUTS_CONFORM", ok=True),)).ok
        True
    """

    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return all(check.ok for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if not check.ok)


class Receipt(BaseModel):
    """What one run did, in full; written as `receipt.json` whether the run succeeded or failed.

    Attributes:
        status: How it ended.
        stage: Where it failed; None after success.
        error: Why it failed; None after success.
        name: The registered model.
        version: The version that was created, or that existed already (`reused`); None where nothing was registered.
        model_uri: `models:/<model_id>` of the saved model.
        run_id: MLflow's run.
        signature: The signature in MLflow's own dict form.
        signature_digest: SHA-256 of the signature's canonical JSON, in hex.
        compatibility: What the register compared the signature with, and what it let through; None where it asked for nothing.
        steps: The class of each step.
        formats: In which formats the saved model lies; some can run code when it is loaded (`modelpact.security.serialization_formats.RUN_CODE`).
        checks: What the verifier checked.
        metrics: Scores on the held-out rows, by scorer name.
        seconds: Seconds spent in each stage.
        job_key: SHA-256 of configuration, data and code, in hex; None where it could not be computed.
        reused: Whether the job had been done before and its version was returned.
        job: Its number in a sweep, from 0; None for a run of its own.
        leaks_allowed: What the leak scan found in the saved model and was allowed: `place`, `kind`, `reason`.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=(), ser_json_inf_nan="strings")

    status: Literal["ok", "failed"]
    stage: str | None = None
    error: str | None = None
    name: str
    version: str | None = None
    model_uri: str | None = None
    run_id: str | None = None
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
    leaks_allowed: list[dict[str, str]] = []

    def write(self, path: Path) -> None:
        """Write it to `path` as JSON, whole or not at all."""
        write_atomically(path, self.model_dump_json(indent=2) + "\n")


JOB_KEY, SWEEP, JOB_NUMBER = "modelpact.job_key", "modelpact.sweep", "modelpact.job"
"""The tags that say which job made a run and a version: its key, the parent run of its sweep, its number there."""


@dataclass(frozen=True, slots=True)
class Job:
    """What surrounds one run.

    Attributes:
        config: The configuration it was composed from, resolved, without secrets; None where there is none.
        overrides: What was given for it on the command line, in the order of importance: what differs within its sweep first.
        sweep: The parent run of its sweep; None for a run of its own.
        number: Its number in the sweep, from 0.
        resumed: Whether it may have been done already, when the sweep was cut off.
    """

    config: Mapping[str, Any] | None = None
    overrides: Sequence[str] = ()
    sweep: str | None = None
    number: int | None = None
    resumed: bool = False

    def tags(self) -> dict[str, str]:
        """The tags that say where a run or a version comes from."""
        return {} if self.sweep is None else {SWEEP: self.sweep, JOB_NUMBER: str(self.number)}

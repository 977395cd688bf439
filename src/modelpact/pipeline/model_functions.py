"""Functions for notebooks and scripts that log, load, sign, verify or audit models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from modelpact._internal.signals import held_signals
from modelpact.data import MemoryData
from modelpact.datatypes.conversion import convert_like
from modelpact.errors import ConfigError, SignError
from modelpact.models.flavor import list_flavors
from modelpact.models.row_objects import call_predict
from modelpact.pipeline.mlflow_run import input_logger
from modelpact.pipeline.notebook_progress import notebook_observer
from modelpact.pipeline.process_state import restored_sys_path
from modelpact.pipeline.python_remedies import remedies_in_python
from modelpact.pipeline.recorder import RunRecorder
from modelpact.pipeline.runner import STAGES, fit_and_register, read_sample
from modelpact.pipeline.step_arguments import (
    StepArgument,
    StepArguments,
    change_step,
    lists_steps,
    make_model,
    make_step,
    make_steps,
)
from modelpact.registry.version_audit import Audit, audit_store
from modelpact.security.leak_scan import redact
from modelpact.signature import Extra, Policy
from modelpact.types import Job, Sample, Step

if TYPE_CHECKING:
    from modelpact.data.sample_digest import Digests
    from modelpact.loaders import Adapter
    from modelpact.models import Model
    from modelpact.pipeline.stages import Steps
    from modelpact.registers import Register
    from modelpact.security.integrity import IntegrityPolicy
    from modelpact.tracking import Store, Tracking
    from modelpact.types import Info, Inputs, Params, Signature, Verdict

__all__ = ["audit", "load", "log_model", "sign", "verify"]

_REPLACEMENTS = {
    "artifact_path": "Use name=.",
    "conda_env": "Use pip_requirements=.",
}
"""What takes the place of arguments of MLflow; docs/migrating.md lists all of them."""


@lists_steps
@remedies_in_python()
def log_model(
    model: object,
    X: object = None,
    y: object = None,
    *,
    name: str | None = None,
    signature: Signature | Mapping[str, object] | None = None,
    input_example: object = None,
    registered_model_name: str | None = None,
    params: dict[str, Any] | None = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    **steps: Unpack[StepArguments],
) -> Info:
    """Log a fitted model in MLflow under a contract: sign, save, load, verify, register.

    It takes the place of `mlflow.<flavor>.log_model`: the model is in the flavor of its library,
    and belongs to the active run if there is one. It is `FAILED` in MLflow unless it was loaded
    again and verified.

    Args:
        model: What `publish` takes, fitted.
        X: The inputs that are signed and predicted again, as in `publish`.
        y: One target per row; only needed by signers and verifiers of your own.
        name: The name of the model within its run; by default `model`.
        signature: A written signature, which the data must satisfy; None to make one.
        input_example: The inputs, if `X` is None.
        registered_model_name: The registered model of the new version; None for no version.
        params: Example inference parameters.
        pip_requirements: Requirements, or the path of their file; None for what MLflow infers.
        extra_pip_requirements: Requirements to add to these; a list, or the path of a file.
        code_paths: Files or folders of your own code that the model needs.
        metadata: Facts about the model, which MLflow stores in its `MLmodel` file.
        tags: Tags of the model, and of the version.
        steps: As in `publish`; by default, `saver` writes the flavor of the model's library.

    Returns:
        MLflow's `ModelInfo`, with the version in `registered_model_version`.

    Raises:
        PactError: A step failed. Nothing is registered.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> X, y = [[0.0], [1.0]], [1.0, 3.0]
        >>> log_model(Ridge().fit(X, y), X, pip_requirements=["scikit-learn"]).signature.inputs
        [Tensor('float64', (-1, 1))]
    """
    _check_mlflow_arguments(X, tags, steps)
    chosen = make_model(model, fit=False)
    options = _saver_options(name, pip_requirements, extra_pip_requirements, code_paths, metadata)
    steps["saver"] = _as_saver(steps.get("saver"), chosen, options)
    steps["register"] = _as_register(steps, tags) if registered_model_name else None
    inputs = input_example if X is None else X
    made = make_steps(chosen, inputs, y, params=params, signature=signature, **steps)
    return _log(made, registered_model_name or made.saver.path, tags or {})


def _check_mlflow_arguments(X: object, tags: object, given: Mapping[str, object]) -> None:
    """Point to the replacement of arguments that only MLflow takes, and check the tags."""
    if isinstance(X, str):
        raise ConfigError(
            f"the inputs are the text {X!r}",
            remedy=f"Give the inputs after the model, and the name by name: name={X!r}.",
        )
    if tags is not None and not isinstance(tags, Mapping):
        raise ConfigError(
            f"tags is of type {type(tags).__name__}, not a dict",
            remedy='Give names and values: tags={"team": "lab"}.',
            key="tags",
        )
    for name in given.keys() & _REPLACEMENTS.keys():
        raise ConfigError(
            f"log_model does not take MLflow's {name}", remedy=_REPLACEMENTS[name], key=name
        )


def _saver_options(
    name: object, requirements: object, extra: object, code_paths: object, metadata: object
) -> dict[str, Any]:
    """Return the options of a saver by name, without those that were not given."""
    given = {
        "path": name,
        "pip_requirements": requirements,
        "extra_pip_requirements": extra,
        "code_paths": code_paths,
        "metadata": metadata,
    }
    options = {key: value for key, value in given.items() if value is not None}
    for key, value in options.items():
        if key.endswith("requirements") and isinstance(value, str):
            options[key] = _read_lines(key, value)
        elif isinstance(value, tuple):
            options[key] = list(value)
    return options


def _read_lines(key: str, path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read {key}: {error}",
            remedy=f"A text is the path of a file; give requirements as a list: {key}=[{path!r}].",
            key=key,
        ) from error


def _log(steps: Steps, name: str, tags: Mapping[str, object]) -> Info:
    recorder = RunRecorder(STAGES, notebook_observer(), name=name, steps=steps.kinds())
    with held_signals(), restored_sys_path():
        with recorder.stage("check"):
            steps.check(name)
        with steps.tracking.open() as store:
            sample = read_sample(steps, recorder, _run_logger(store, recorder, steps))
            info = fit_and_register(steps, store, recorder, Job(), sample)
            if tags:
                redacted = {key: redact(str(value)) for key, value in tags.items()}
                store.client.set_logged_model_tags(info.model_id, redacted)
    version = recorder.facts.get("version")
    if version is not None:
        info.registered_model_version = int(version)
    return info


def _run_logger(
    store: Store, recorder: RunRecorder, steps: Steps
) -> Callable[[Sample, Digests], None] | None:
    """Return a function that logs params and data in the active run; None without one."""
    import mlflow
    from mlflow.exceptions import MlflowException

    run = mlflow.active_run()
    if run is None:
        return None
    try:
        store.client.get_run(run.info.run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise ConfigError(
            f"the active run is not in the store {store.uri}",
            remedy="Omit tracking: the model is logged in the store of the active run. "
            "Or end the run first.",
            group="tracking",
        ) from error
    recorder.record(run_id=run.info.run_id)
    return input_logger(store, recorder, Job(), steps, keeps_params=True)


def _as_saver(saver: StepArgument, model: Model, options: Mapping[str, object]) -> StepArgument:
    if isinstance(saver, Step):
        changed: Step = change_step("saver", saver, options)
        return changed
    if isinstance(saver, Mapping):
        return {**options, **saver}
    if isinstance(saver, str):
        return {"_target_": saver, **options}
    # The flavor of the model's own library, such as xgboost for an estimator of XGBoost.
    known = [flavor for flavor in model.flavors if flavor in list_flavors()]
    target = {"_target_": "builtin", "flavor": known[-1]} if known else {"_target_": "custom"}
    return {**target, **options}


def _as_register(steps: StepArguments, tags: Mapping[str, object] | None) -> Register:
    made: Register = make_step("register", steps.get("register", "mlflow"))
    if tags:
        made = change_step("register", made, {"tags": {**made.tags, **tags}})
    return made


@remedies_in_python(arguments=["loader"])
def load(
    uri: str,
    *,
    policy: Policy = "lossless",
    extra: Extra = "ignore",
    integrity: IntegrityPolicy = "strict",
    tracking: StepArgument = "mlflow",
) -> Adapter:
    """Load a model of any flavor under its contract.

    Args:
        uri: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`,
            or a folder.
        policy: Which conversions are applied to inputs: `lossless`, `strict` or `mlflow`.
        extra: What to do with columns that are not in the signature: `ignore`, `warn` or `forbid`.
        integrity: What to do if the files are not the published ones: `strict`, `require`, `warn`
            or `off`.
        tracking: The store.

    Raises:
        LoadError: The model does not exist, or has no signature.
        IntegrityError: The files are not the published ones.
    """
    options = {"policy": policy, "extra": extra, "integrity": integrity}
    with make_step("tracking", tracking).read_only().open():
        adapter: Adapter = make_step("loader", options).load(str(uri))
    return adapter


@remedies_in_python()
def sign(
    model: object,
    X: Inputs,
    *,
    outputs: Any = None,
    params: Params | None = None,
    signer: StepArgument = "infer",
) -> Signature:
    """Return the signature of a fitted model, without a store.

    Args:
        model: What `publish` takes, fitted.
        X: Model inputs; the first axis is rows.
        outputs: The prediction for `X`; None to predict it.
        params: Example inference parameters.
        signer: Produces the signature, as in `publish`.

    Raises:
        SignError: No signature fits the data.

    Example:
        >>> sign(lambda inputs: inputs["a"] * 2.0, {"a": [1.0, 2.0]}).inputs
        ['a': double (required)]
    """
    chosen = make_model(model, fit=False)
    inputs = MemoryData.of(X).read().inputs
    if outputs is None:
        outputs = call_predict(chosen, inputs, params)
    made = make_step("signer", signer)
    signed: Signature = made.sign(inputs, outputs, params=params, model=chosen)
    if signed is None:
        raise SignError(f"{made.KIND}.sign returned None", remedy="Return a ModelSignature.")
    return signed


@remedies_in_python()
def verify(
    uri: str,
    X: Inputs,
    *,
    outputs: Any = None,
    params: Params | None = None,
    verifier: StepArgument = "replay",
    tracking: StepArgument = "mlflow",
) -> Verdict:
    """Load a model, predict, and check the predictions and the contract.

    Args:
        uri: The model, as in `load`.
        X: Model inputs; the first axis is rows.
        outputs: The predictions to compare with, also as a list or in another container; None for
            those of a first call.
        params: Inference parameters.
        verifier: Checks the model, as in `publish`.
        tracking: The store.

    Raises:
        VerifyError: A check failed; its attribute `verdict` lists them all.
        LoadError: The model does not exist, or has no signature.
    """
    inputs = MemoryData.of(X).read().inputs
    made = make_step("verifier", verifier)
    with make_step("tracking", tracking).read_only().open():
        adapter = make_step("loader", "builtin").load(str(uri))
        prediction = adapter.predict(inputs, params).prediction
        outputs = prediction if outputs is None else convert_like(outputs, prediction)
        verdict: Verdict = made.verify(
            adapter, Sample(inputs, params=params, outputs=outputs), adapter.signature
        )
    return verdict


@remedies_in_python()
def audit(name: str | None = None, *, tracking: StepArgument = "mlflow") -> Audit:
    """Compare the files, signature and source of registered versions with what was published.

    Args:
        name: The registered model; None for all.
        tracking: The store.

    Returns:
        The findings by version; `ok` is whether every version is as published.

    Raises:
        StoreError: The store does not exist, or cannot be read.
        LoadError: The registered model does not exist.
    """
    store: Tracking = make_step("tracking", tracking)
    return audit_store(store, name)

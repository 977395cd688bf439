"""Conformance checks for authors of steps: one function per family, for the tests of a package.

Each function runs a step as `publish` does and raises an `AssertionError` that names the method and
what is wrong with it. Saved models are in a temporary store.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from modelpact._internal.guards import convert_errors
from modelpact._internal.type_checks import wrong_type
from modelpact.data import DataSource, InlineData, digest_sample
from modelpact.datatypes import count_rows, diff_values, digest_values
from modelpact.errors import InputsError, LoadError, OutputsError, PactError, VerifyError
from modelpact.loaders import Adapter, BuiltinLoader, Loader
from modelpact.models import Model, SklearnModel
from modelpact.registers import Register, record_checks
from modelpact.savers import CustomSaver, Saver
from modelpact.signature import compile as compile_signature
from modelpact.signature import digest, infer
from modelpact.signers import Signer
from modelpact.tracking import SqliteTracking, Store, Tracking
from modelpact.types import Check, Sample, Step, Verdict
from modelpact.verifiers import Verifier

if TYPE_CHECKING:
    from modelpact.types import Info, Inputs, Params

__all__ = [
    "check_data_source",
    "check_loader",
    "check_model",
    "check_register",
    "check_saver",
    "check_signer",
    "check_tracking",
    "check_verifier",
]

T = TypeVar("T")

_ROWS = [{"a": float(row), "b": row / 2} for row in range(8)]


def check_data_source(source: DataSource) -> None:
    """Check a data source: what `read` returns, and that it returns the same again.

    Raises:
        AssertionError: It does not conform.
    """
    _check_step(source, DataSource)
    sample = _call(source, "read", Sample)
    n_rows = count_rows(sample.inputs)
    if not n_rows:
        _fail(source, "read", "returned no rows")
    if sample.targets is not None and count_rows(sample.targets) != n_rows:
        _fail(source, "read", f"returned {n_rows} rows and {count_rows(sample.targets)} targets")
    if digest_sample(sample) != digest_sample(_call(source, "read", Sample)):
        _fail(source, "read", "returned other data the second time; use `seed` for what is random")
    if source.location is not None:
        _check_type(source, "location", source.location, str)


def check_model(model: Model, inputs: Inputs, targets: Any = None) -> None:
    """Check a model: its predictions, and that a copy predicts the same after `dump` and `load`.

    Args:
        model: The model; it is fitted here.
        inputs: Model inputs; the first axis is rows.
        targets: One target per row, or None.

    Raises:
        AssertionError: It does not conform.
    """
    _check_step(model, Model)
    before = digest_values(inputs, targets)
    _run(model, "fit", inputs, targets)
    prediction = _run(model, "predict", inputs)
    if digest_values(inputs, targets) != before:
        _fail(model, "fit or predict", "changed the inputs or the targets; use a copy")
    if prediction is None:
        _fail(model, "predict", "returned None; a return statement may be missing")
    if count_rows(prediction) != count_rows(inputs):
        n_rows = f"{count_rows(prediction)} predictions for {count_rows(inputs)} rows"
        _fail(model, "predict", f"returned {n_rows}")
    with _json_errors(model, "options"):
        copy = type(model)(**json.loads(json.dumps(model.options())))
    with tempfile.TemporaryDirectory() as folder:
        _run(model, "dump", Path(folder))
        _run(copy, "load", Path(folder))
    # `options` omits what `dump` writes, so the copy may predict only now.
    _compare(model, "load", _run(copy, "predict", inputs), prediction)


def check_signer(
    signer: Signer,
    inputs: Inputs = None,
    outputs: Any = None,
    *,
    params: Params | None = None,
    model: Model | None = None,
) -> None:
    """Check a signer: its signature is one of MLflow, accepts its own data, and is reproducible.

    Args:
        signer: The signer.
        inputs: Model inputs; by default a DataFrame with the columns `a` and `b` of doubles.
        outputs: The predictions; by default doubles.
        params: Example inference parameters.
        model: The model, for a signer that requires one.

    Raises:
        AssertionError: It does not conform.
    """
    from mlflow.models import ModelSignature

    _check_step(signer, Signer)
    if inputs is None:
        sample = InlineData(inputs=_ROWS, targets=[row["a"] for row in _ROWS]).read()
        inputs, outputs = sample.inputs, sample.targets
    arguments = {"params": params, "model": model}
    before = digest_values(inputs, outputs)
    signature = _call(signer, "sign", ModelSignature, inputs, outputs, **arguments)
    if digest_values(inputs, outputs) != before:
        _fail(signer, "sign", "changed the data; use a copy")
    enforcer = compile_signature(signature)
    try:
        enforcer.enforce_inputs(inputs)
        enforcer.enforce_params(params)
        if outputs is not None:
            enforcer.enforce_outputs(outputs)
    except (InputsError, OutputsError) as error:
        _fail(signer, "sign", f"returned a signature that rejects its own data: {error.message}")
    again = _call(signer, "sign", ModelSignature, inputs, outputs, **arguments)
    if digest(again) != digest(signature):
        _fail(signer, "sign", "returned another signature for the same data")
    contract = _run(signer, "contract")
    if contract is not None:
        _check_type(signer, "contract", contract, ModelSignature)


def check_saver(saver: Saver, model: Model | None = None, inputs: Inputs = None) -> None:
    """Check a saver: the saved model loads, has the signature, and predicts the same.

    Args:
        saver: The saver.
        model: A fitted model that the saver can save; by default one of scikit-learn.
        inputs: Inputs of the model, if it is given.

    Raises:
        AssertionError: It does not conform.
    """
    from mlflow.models.model import ModelInfo

    _check_step(saver, Saver)
    if model is None:
        model, inputs = _fitted()
    prediction = model.predict(inputs)
    signature = infer(inputs, prediction)
    with _temporary_store():
        _run(saver, "check_model", model)
        info = _call(saver, "save", ModelInfo, model, signature, inputs)
        try:
            adapter = BuiltinLoader().load(info.model_uri)
            loaded = adapter.predict(inputs).prediction
        except PactError as error:
            _fail(saver, "write", f"wrote a model that cannot be used: {error.message}")
        if digest(adapter.signature) != digest(signature):
            _fail(saver, "write", "wrote another signature than the one in options")
        _compare(saver, "write", loaded, prediction)


def check_loader(loader: Loader) -> None:
    """Check a loader with a model that `saver=custom` saved: its adapter enforces the signature.

    Raises:
        AssertionError: It does not conform.
    """
    _check_step(loader, Loader)
    with _saved_model() as (info, sample):
        adapter = _call(loader, "load", Adapter, info.model_uri)
        prediction = adapter.predict(sample.inputs).prediction
        _compare(loader, "load", prediction, sample.outputs)
        with contextlib.suppress(InputsError):
            adapter.predict([{"a": "text"}])
            _fail(loader, "load", "returned an adapter that accepts inputs of a wrong type")
        with contextlib.suppress(LoadError):
            loader.load("models:/missing/1")
            _fail(loader, "load", "did not raise a LoadError for a model that does not exist")


def check_verifier(verifier: Verifier) -> None:
    """Check a verifier with a correct model: it yields checks, and all of them pass.

    Raises:
        AssertionError: It does not conform.
    """
    _check_step(verifier, Verifier)
    with _saved_model() as (info, sample):
        adapter = BuiltinLoader().load(info.model_uri)
        signature = adapter.signature
        checks = list(_run(verifier, "checks", adapter, sample, signature) or ())
        if not checks:
            _fail(verifier, "checks", "yielded no check, so any model would pass")
        for check in checks:
            _check_type(verifier, "checks", check, Check, verb="yield")
            if check.code != check.code.upper() or not check.code:
                _fail(verifier, "checks", f"yielded the code {check.code!r}, not one in upper case")
        try:
            _call(verifier, "verify", Verdict, adapter, sample, signature)
        except VerifyError as error:
            _fail(verifier, "checks", f"rejected a correct model: {error.message}")


def check_register(register: Register) -> None:
    """Check a register: it takes a verified model, and returns its version or None.

    Raises:
        AssertionError: It does not conform.
    """
    from mlflow.entities.model_registry import ModelVersion

    _check_step(register, Register)
    with _saved_model() as (info, _):
        record_checks(info.model_uri, Verdict((Check(code="CHECKED", ok=True),)))
        _run(register, "check", "sums")
        if _run(register, "find", "sums", "0" * 64) is not None:
            _fail(register, "find", "found a version of a job that never ran")
        version = _run(register, "register", "sums", info.model_uri, tags={"team": "a"})
        if version is None:
            return
        _check_type(register, "register", version, ModelVersion)
        if version.name != "sums" or version.source != info.model_uri:
            _fail(register, "register", "returned the version of another model")
        if version.tags.get("team") != "a":
            _fail(register, "register", "created a version without the given tags")


def check_tracking(tracking: Tracking) -> None:
    """Check a store: it opens twice, has its experiment, and leaves MLflow as it was.

    The store and its experiment are created if they do not exist.

    Raises:
        AssertionError: It does not conform.
    """
    import mlflow

    _check_step(tracking, Tracking)
    before = mlflow.get_tracking_uri()
    for _ in range(2):
        with _method_errors(tracking, "prepare"), tracking.open() as store:
            _check_type(tracking, "open", store, Store)
            found = store.client.get_experiment(store.experiment_id).name
            if tracking.experiment not in {None, found}:
                _fail(tracking, "open", f"opened the experiment {found!r}")
    if mlflow.get_tracking_uri() != before:
        _fail(tracking, "open", "did not restore MLflow's tracking URI")


def _check_step(step: object, family: type[Step]) -> None:
    """Check what all steps have in common: they subclass the family, and have a stable identity."""
    if not isinstance(step, family):
        raise AssertionError(f"{type(step).__name__} must subclass {family.__name__}")
    with _json_errors(step, "identity"):
        first = json.dumps(step.identity(), sort_keys=True)
    if json.dumps(step.model_copy().identity(), sort_keys=True) != first:
        _fail(step, "identity", "differs in a copy; the job key would change in every run")


def _call(step: Step, method: str, kind: type[T], *arguments: object, **options: object) -> T:
    """Call a method, and check the type of what it returns."""
    returned = _run(step, method, *arguments, **options)
    _check_type(step, method, returned, kind)
    kept: T = returned
    return kept


def _run(step: Step, method: str, *arguments: object, **options: object) -> Any:
    with _method_errors(step, method):
        return getattr(step, method)(*arguments, **options)


def _check_type(
    step: Step, method: str, value: object, kind: type, *, verb: str = "return"
) -> None:
    if not isinstance(value, kind):
        _fail(step, method, f"must {verb} {wrong_type(value, kind)}")


def _compare(step: Step, method: str, after: object, before: object) -> None:
    difference = diff_values(after, before, rtol=1e-6, atol=1e-9)
    deterministic = not isinstance(step, Model) or step.deterministic
    if difference and deterministic:
        _fail(step, method, f"gives a model with other predictions: {difference}")


def _method_errors(step: Step, method: str) -> contextlib.AbstractContextManager[None]:
    """Name the method that raised."""
    return convert_errors(
        lambda error: AssertionError(
            f"{step.KIND}.{method} raised {type(error).__name__}: {str(error)[:500]}"
        ),
        unless=(VerifyError, AssertionError),
    )


def _json_errors(step: Step, method: str) -> contextlib.AbstractContextManager[None]:
    return convert_errors(
        lambda error: AssertionError(
            f"{step.KIND}.{method} must return JSON data: {type(error).__name__}: {error}"
        )
    )


def _fail(step: Step, method: str, text: str) -> NoReturn:
    raise AssertionError(f"{step.KIND}.{method} {text}")


def _fitted() -> tuple[Model, Inputs]:
    from sklearn.linear_model import LinearRegression

    sample = InlineData(inputs=_ROWS, targets=[row["a"] for row in _ROWS], test_size=0.0).read()
    model = SklearnModel(estimator=LinearRegression())
    model.fit(sample.inputs, sample.targets)
    return model, sample.inputs


@contextlib.contextmanager
def _temporary_store() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        uri, artifacts = f"sqlite:///{folder}/mlflow.db", f"{folder}/artifacts"
        with SqliteTracking(uri=uri, artifact_location=artifacts).open() as store:
            import mlflow

            with mlflow.start_run(experiment_id=store.experiment_id, nested=True):
                yield


@contextlib.contextmanager
def _saved_model() -> Iterator[tuple[Info, Sample]]:
    """Save a small model in a temporary store; yield it with inputs and predictions."""
    model, inputs = _fitted()
    prediction = model.predict(inputs)
    saver = CustomSaver(pip_requirements=["scikit-learn", "skops"])
    with _temporary_store():
        yield (
            saver.save(model, infer(inputs, prediction), inputs),
            Sample(inputs, outputs=prediction),
        )

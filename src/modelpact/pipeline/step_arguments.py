"""Steps, models and data as the functions of modelpact take them: objects, names, or options."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from modelpact._internal.guards import convert_errors
from modelpact._internal.text import did_you_mean
from modelpact.data import DataSource, MemoryData
from modelpact.errors import ConfigError
from modelpact.models import MlflowModel, Model, SklearnModel
from modelpact.models.flavor import FlavorModel, find_flavor
from modelpact.models.function import FunctionModel
from modelpact.pipeline.option_errors import invalid_options
from modelpact.pipeline.stages import Steps
from modelpact.savers import CustomSaver, Saver
from modelpact.signature import parse
from modelpact.signers import ExplicitSigner
from modelpact.types import Step

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = [
    "DEFAULT_STEPS",
    "StepArgument",
    "StepArguments",
    "change_step",
    "find_option",
    "list_options",
    "lists_steps",
    "make_model",
    "make_step",
    "make_steps",
]

F = TypeVar("F", bound=Callable[..., Any])

StepArgument = Step | str | Mapping[str, Any] | None
"""A step, the name of an option such as `"infer"`, its options, or None for the option `none`."""


class StepArguments(TypedDict, total=False):
    """The steps of a function such as `publish`.

    Each is a step itself, the name of an option such as `"infer"`, a dict of options such as
    `{"on_any": "warn"}`, which are checked as on the command line, or None for the option `none`.

    Attributes:
        signer: Produces the signature; by default `infer`.
        saver: Saves the model; by default `custom`, or `builtin` for an object that only a flavor
            of MLflow can save.
        loader: Loads the saved model; by default the loader with the name of the saver.
        verifier: Checks the loaded model; by default `replay`.
        register: Registers the model as a version; by default `mlflow`.
        tracking: The store; by default `mlflow`.
    """

    signer: StepArgument
    saver: StepArgument
    loader: StepArgument
    verifier: StepArgument
    register: StepArgument
    tracking: StepArgument


DEFAULT_STEPS = {
    "signer": "infer",
    "saver": "custom",
    "loader": "builtin",
    "verifier": "replay",
    "register": "mlflow",
    "tracking": "mlflow",
}
"""The options of the command line. A model of any saver loads with `builtin`."""


def lists_steps(function: F) -> F:
    """Replace `**steps` in the signature that `help` shows and hydra-zen's `zen` reads."""
    signature, keyword_only = inspect.signature(function), inspect.Parameter.KEYWORD_ONLY
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "steps"]
    steps = [
        inspect.Parameter(name, keyword_only, default=option, annotation="StepArgument")
        for name, option in DEFAULT_STEPS.items()
    ]
    vars(function)["__signature__"] = signature.replace(parameters=[*own, *steps])
    return function


def make_step(group: str, value: StepArgument) -> Any:
    """Return a step of a group.

    Args:
        group: The config group, such as `signer`.
        value: The step itself; the name of an option in `conf/<group>`; a mapping of options of
            the default class, or of the class that `_target_` names; or None for `none`.

    Raises:
        ConfigError: The name or an option is unknown, or a value is invalid.

    Example:
        >>> make_step("signer", "infer").KIND, make_step("signer", {"on_any": "warn"}).on_any
        ('InferSigner', 'warn')
    """
    if isinstance(value, Step):
        return value
    if isinstance(value, Mapping):
        options = dict(value)
        target = str(options.pop("_target_", DEFAULT_STEPS[group]))
    elif value is None or isinstance(value, str):
        options, target = {}, value or "none"
    else:
        raise ConfigError(
            f"{group}={value!r} is not a step",
            remedy="Give a step, a dict of options, or one of these names: "
            f"{', '.join(list_options(group))}.",
            group=group,
        )
    return _build(group, _find_class(group, target), options)


def change_step(group: str, step: Step, options: Mapping[str, Any]) -> Any:
    """Return a step with other options, which are checked as those of `make_step` are."""
    own = {field.alias or name: getattr(step, name) for name, field in step.option_fields().items()}
    return _build(group, type(step), {**own, **options})


def _build(group: str, kind: type[Step], options: Mapping[str, Any]) -> Step:
    keys = sorted(field.alias or name for name, field in kind.option_fields().items())
    with convert_errors(functools.partial(invalid_options, group, None, keys, ())):
        return kind(**options)


def _find_class(group: str, target: str) -> type[Step]:
    """Return the class of an option, or the one that a dotted path names."""
    module, _, name = (target if "." in target else _read_target(group, target)).rpartition(".")
    with convert_errors(lambda error: ConfigError(f"cannot import {target}: {error}", group=group)):
        kind: type[Step] = getattr(importlib.import_module(module), name)
    return kind


@functools.cache
def _read_target(group: str, option: str) -> str:
    import yaml

    file = resources.files("modelpact.conf").joinpath(group, f"{option}.yaml")
    if not file.is_file():
        names = list_options(group)
        raise ConfigError(
            f"unknown {group} {option!r}{did_you_mean(option, names)}",
            remedy=f"Options of {group}: {', '.join(names)}.",
            group=group,
            option=option,
        )
    return str(yaml.safe_load(file.read_text(encoding="utf-8"))["_target_"])


def find_option(group: str, keys: Iterable[str]) -> str | None:
    """Return the option of a group that has the keys; None for the default one."""
    for option in (DEFAULT_STEPS[group], *list_options(group)):
        if set(keys) <= _find_class(group, option).option_fields().keys():
            return None if option == DEFAULT_STEPS[group] else option
    return None


@functools.cache
def list_options(group: str) -> list[str]:
    """Return the options of a config group, by name."""
    files = resources.files("modelpact.conf").joinpath(group).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def make_steps(
    model: object,
    X: object,
    y: object,
    *,
    data: DataSource | None = None,
    params: dict[str, Any] | None = None,
    metrics: Sequence[str] = (),
    signature: Signature | Mapping[str, object] | None = None,
    fit: bool = False,
    **given: Unpack[StepArguments],
) -> Steps:
    """Return the steps of a run from the arguments of `publish`.

    Raises:
        ConfigError: One of the arguments is invalid.
    """
    for name in given.keys() - DEFAULT_STEPS.keys():
        raise ConfigError(
            f"unknown argument {name!r}{did_you_mean(name, list(DEFAULT_STEPS))}",
            remedy=f"Steps: {', '.join(DEFAULT_STEPS)}.",
            key=name,
        )
    if signature is not None:
        if given.get("signer") is not None:
            raise ConfigError(
                "both signer and signature are given",
                remedy="Give one: signature= is short for an ExplicitSigner.",
                key="signature",
            )
        given["signer"] = _make_signer(signature)
    chosen = make_model(model, fit=fit)
    if data is None:
        # Neither an estimator nor a flavor of MLflow takes rows as dicts.
        as_frame = isinstance(chosen, (FlavorModel, SklearnModel))
        data = _make_data(X, y, as_frame=as_frame, params=params, metrics=list(metrics))
    saver = _make_saver(given.pop("saver", {}), chosen)
    loader = "custom" if isinstance(saver, CustomSaver) else "builtin"
    arguments: dict[str, Any] = {**DEFAULT_STEPS, "loader": loader, **given, "saver": saver}
    made = {group: make_step(group, step) for group, step in arguments.items()}
    return Steps(data=data, model=chosen, fit=fit, **made)


def _make_signer(signature: Signature | Mapping[str, object]) -> ExplicitSigner:
    from mlflow.models import ModelSignature

    written = signature if isinstance(signature, ModelSignature) else parse(signature)
    parts = {name: part for name, part in written.to_dict().items() if part is not None}
    return ExplicitSigner(**parts)


def _make_saver(saver: StepArgument, model: Model) -> Saver:
    """Return the saver; options without a class are those of the one that fits the model."""
    if isinstance(saver, Mapping):
        saver = {"_target_": "builtin" if isinstance(model, FlavorModel) else "custom", **saver}
    made: Saver = make_step("saver", saver)
    return made


def _make_data(X: object, y: object, *, as_frame: bool, **options: object) -> DataSource:
    if isinstance(X, DataSource):
        if y is not None or any(options.values()):
            raise ConfigError(
                f"{X.KIND} has its own targets, params and metrics",
                remedy="Set them on the data source.",
            )
        return X
    # The pair of (X, y) that many functions return.
    if y is None and isinstance(X, tuple) and len(X) == 2:
        X, y = X
    if X is None:
        raise ConfigError(
            "there is no data", remedy="Give the inputs: the argument X, after the model."
        )
    return MemoryData.of(X, y, as_frame=as_frame, **options)


def make_model(model: object, *, fit: bool = True) -> Model:
    """Return the model.

    Args:
        model: A `Model`; an estimator; an object of any library that MLflow has a flavor for; a
            function or an object with a method `predict`; or the URI of an existing model.
        fit: Whether the model will be fitted; otherwise, it is fitted already.

    Raises:
        ConfigError: It is none of these.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, type):
        raise ConfigError(
            f"the model is the class {model.__name__}, not an object",
            remedy=f"Create one: {model.__name__}(...).",
        )
    uri = _find_uri(model)
    if uri is not None:
        return MlflowModel(uri=uri)
    if all(hasattr(model, name) for name in ("fit", "predict", "get_params")):
        return SklearnModel(estimator=model) if fit else SklearnModel.fitted(model)
    flavor = find_flavor(model)
    if flavor is not None:
        return FlavorModel.of(model, flavor)
    predict = getattr(model, "predict", model)
    if callable(predict):
        return FunctionModel.of(predict)
    raise ConfigError(
        f"the model is of type {type(model).__name__}, which cannot be published",
        remedy="Give a Model, an estimator, an object of a library that MLflow has a flavor for, "
        "an object with a method predict, a function, or the URI of a model.",
    )


def _find_uri(model: object) -> str | None:
    """Return the URI of a stored model, which may be loaded already."""
    from mlflow.pyfunc import PyFuncModel

    if isinstance(model, (str, Path)):
        return str(model)
    if not isinstance(model, PyFuncModel):
        return None
    model_id = model.metadata.model_id
    if model_id is None:
        raise ConfigError(
            "the model was loaded by mlflow.pyfunc.load_model, and its URI is unknown",
            remedy="Give its URI: models:/name/1, runs:/<run_id>/model, or a folder.",
        )
    return f"models:/{model_id}"

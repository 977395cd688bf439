"""MLflow's private names.

Everything that modelpact uses of MLflow beyond its public interface is here. For each name,
`tests/_internal/test_mlflow_compat.py` has a test that shows what breaks when MLflow changes it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from mlflow.pyfunc import PyFuncModel
    from mlflow.types import DataType, ParamSchema, Schema
    from mlflow.types.schema import BaseType
    from pandas.api.extensions import ExtensionDtype

__all__ = [
    "artifact_root",
    "assume_schema_revision",
    "create_schema",
    "current_experiment",
    "current_tracking_uri",
    "current_user",
    "disabled_autologging",
    "download_model",
    "enforce_inputs",
    "enforce_params",
    "infer_column_type",
    "infer_params",
    "infer_scalar_type",
    "infer_values_type",
    "invoke_scoring_server",
    "is_from_type_hints",
    "keep_type_hint_mark",
    "mark_as_type_hints",
    "resolve_model_uri",
    "schema_migrations",
    "unenforced_predict",
    "write_input_example",
]


def create_schema(path: Path) -> None:
    """Create a SQLite database with MLflow's tables and experiment 0."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(f"sqlite:///{path}", "./mlruns")
    store.engine.dispose()


def artifact_root(experiment_id: int) -> str:
    """Return MLflow's default artifact location of an experiment in a SQLite store."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.utils.uri import append_to_uri_path, resolve_uri_if_local

    root: str = append_to_uri_path(
        resolve_uri_if_local(DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH), str(experiment_id)
    )
    return root


def download_model(uri: str, make_folder: Callable[[], Path]) -> Path:
    """Return a folder with the files of a model.

    MLflow's `download_artifacts` creates a folder that is never removed, and writes a file into
    the model's own folder even when nothing is downloaded.

    Args:
        uri: The model.
        make_folder: Creates the folder to download to. It is called only if the model is not
            stored in a local folder; a local folder is returned itself.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.tracking.artifact_utils import _get_root_uri_and_artifact_path

    root, path = _get_root_uri_and_artifact_path(uri)
    repository = get_artifact_repository(root)
    if isinstance(repository, ModelsArtifactRepository):
        repository = repository.repo
    is_local = isinstance(repository, LocalArtifactRepository)
    return Path(repository.download_artifacts(path, None if is_local else str(make_folder())))


def resolve_model_uri(uri: str) -> tuple[str, ...]:
    """Resolve a `models:/` URI with a version, an alias, a stage or `latest`.

    Returns:
        The name and the version of a registered model, or the id of a logged model, or nothing
        if the URI is a path within a model.
    """
    from mlflow import MlflowClient
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.store.artifact.utils.models import get_model_name_and_version

    if ModelsArtifactRepository.split_models_uri(uri)[1]:
        return ()
    return tuple(map(str, get_model_name_and_version(MlflowClient(), uri)))


def schema_migrations() -> list[str]:
    """Return the names of MLflow's schema migrations; they identify the schema."""
    import mlflow

    return sorted(os.listdir(Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"))


@contextlib.contextmanager
def assume_schema_revision(revision: str) -> Iterator[None]:
    """Give MLflow its newest schema revision.

    MLflow otherwise parses all migration scripts whenever it opens a store.
    """
    from mlflow.store.db import utils

    original = utils._get_latest_schema_revision
    utils._get_latest_schema_revision = lambda: revision
    try:
        yield
    finally:
        utils._get_latest_schema_revision = original


def enforce_inputs(data: Any, schema: Schema) -> Any:
    """Enforce an input schema as `PyFuncModel.predict` does."""
    from mlflow.models.utils import _enforce_schema

    return _enforce_schema(data, schema)


def enforce_params(params: dict[str, Any] | None, schema: ParamSchema | None) -> Any:
    """Enforce a params schema as `PyFuncModel.predict` does."""
    from mlflow.models.utils import _enforce_params_schema

    return _enforce_params_schema(params, schema)


def infer_column_type(dtype: np.dtype[Any] | ExtensionDtype) -> DataType:
    """Return the type that MLflow infers for a dtype; raise if there is none."""
    from mlflow.types.utils import _infer_numpy_dtype

    return _infer_numpy_dtype(dtype)


def infer_scalar_type(value: object) -> DataType:
    """Return the type that MLflow infers for a value; it depends on the exact Python type only."""
    from mlflow.types.utils import _infer_scalar_datatype

    return _infer_scalar_datatype(value)


def infer_values_type(values: list[Any]) -> BaseType:
    """Return the common type that MLflow infers for the items of a list; raise if there is none."""
    from mlflow.types.utils import _infer_colspec_type

    array: Any = _infer_colspec_type(values)
    dtype: BaseType = array.dtype
    return dtype


def infer_params(params: dict[str, Any]) -> ParamSchema:
    """Return the schema that MLflow infers for inference params."""
    from mlflow.types.utils import _infer_param_schema

    schema: ParamSchema = _infer_param_schema(params)
    return schema


def unenforced_predict(pyfunc: PyFuncModel) -> Callable[[Any, Any], Any]:
    """Return `(inputs, params) -> prediction` of a model without MLflow's enforcement."""
    import inspect

    function = pyfunc._predict_fn
    parameter = inspect.signature(function).parameters.get("params")
    if parameter is not None and parameter.kind is not inspect.Parameter.VAR_KEYWORD:
        return lambda inputs, params: function(inputs, params=params)
    return lambda inputs, params: function(inputs)


def mark_as_type_hints(signature: ModelSignature) -> ModelSignature:
    """Return a copy of a signature for which MLflow lets the model itself check its inputs."""
    from mlflow.models import ModelSignature

    marked = ModelSignature(signature.inputs, signature.outputs, signature.params)
    marked._is_signature_from_type_hint = True
    return marked


def is_from_type_hints(signature: ModelSignature) -> bool:
    """Return whether MLflow lets the model itself check its inputs, by its type hints."""
    return bool(signature._is_signature_from_type_hint)


def keep_type_hint_mark(old: ModelSignature | None, new: ModelSignature) -> ModelSignature:
    """Return the signature that replaces another one, marked as that if the inputs are the same."""
    if old is not None and is_from_type_hints(old) and old.inputs == new.inputs:
        return mark_as_type_hints(new)
    return new


def forget_code_model() -> None:
    """Forget the model that the last script set, which MLflow takes if the next one sets none."""
    import mlflow.models.model

    mlflow.models.model.__mlflow_model__ = None


def write_input_example(mlmodel: Model, input_example: Any, folder: Path) -> None:
    """Write an input example into a model's folder and its metadata, as `save_model` does."""
    from mlflow.models.utils import _save_example

    _save_example(mlmodel, input_example, str(folder))


def invoke_scoring_server(pyfunc: PyFuncModel, body: str) -> Any:
    """Return the response of MLflow's scoring server to a JSON body (`.status`, `.response`)."""
    from mlflow.pyfunc.scoring_server import invocations

    return invocations(body, "application/json", pyfunc, pyfunc.metadata.get_input_schema())


def current_tracking_uri() -> str | None:
    """Return the tracking URI that MLflow was set to, or that of the active run; None without."""
    import mlflow

    if not mlflow.is_tracking_uri_set() and mlflow.active_run() is None:
        return None
    return mlflow.get_tracking_uri()


def current_experiment() -> str | None:
    """Return the ID of the experiment that MLflow was set to, or that of the active run."""
    import mlflow
    from mlflow.tracking import fluent

    run = mlflow.active_run()
    if run is not None:
        return str(run.info.experiment_id)
    return fluent._active_experiment_id or os.environ.get("MLFLOW_EXPERIMENT_ID")


@contextlib.contextmanager
def disabled_autologging() -> Iterator[None]:
    """Turn MLflow's autologging off within the context."""
    from mlflow.utils.autologging_utils import disable_autologging

    with disable_autologging():
        yield


def current_user() -> str:
    """Return the user name that MLflow stores in the tag `mlflow.user`; raise if there is none."""
    from mlflow.tracking.context.default_context import _get_user

    name: str = _get_user()
    return name

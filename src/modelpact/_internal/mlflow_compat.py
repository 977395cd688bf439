"""The one home of MLflow's private names.

Whatever modelpact needs of MLflow beyond its public interface is named here, once, with what it is for. For each there is a test
in `tests/test_mlflow_private.py` that says what breaks when MLflow changes it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = [
    "artifact_root",
    "column_type",
    "create_schema",
    "download_model",
    "enforce_inputs",
    "enforce_params",
    "infer_params",
    "migrations",
    "names_of_model",
    "newest_revision",
    "predict_function",
    "save_example",
    "scalar_type",
    "scoring_request",
    "user",
    "values_type",
]


def create_schema(path: Path) -> None:
    """Make a SQLite database at `path` with MLflow's tables and its experiment 0, as MLflow does on first use."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(f"sqlite:///{path}", "./mlruns")
    store.engine.dispose()


def artifact_root(experiment_id: int) -> str:
    """Where MLflow keeps an experiment's artifacts when the store is a SQLite file and nothing else is said."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.utils.uri import append_to_uri_path, resolve_uri_if_local

    root: str = append_to_uri_path(
        resolve_uri_if_local(DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH), str(experiment_id)
    )
    return root


def download_model(uri: str, make_folder: Callable[[], Path]) -> Path:
    """A model's files: where they are stored, if that is a folder of this machine; else in a folder that is made for them.

    MLflow's own `download_artifacts` makes that folder itself, and nobody ever removes it. It also writes a note
    beside the files, even where they are stored.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.tracking.artifact_utils import _get_root_uri_and_artifact_path

    root, path = _get_root_uri_and_artifact_path(uri)
    files = get_artifact_repository(root)
    if isinstance(files, ModelsArtifactRepository):
        files = files.repo
    stays = isinstance(files, LocalArtifactRepository)
    return Path(files.download_artifacts(path, None if stays else str(make_folder())))


def names_of_model(uri: str) -> tuple[str, ...]:
    """What a `models:/` URI leads to today: the name and the version of a registered model, or the id of a logged one.

    Empty for a URI that leads into a model. MLflow reads versions, aliases, stages and `latest`.
    """
    from mlflow import MlflowClient
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.store.artifact.utils.models import get_model_name_and_version

    if ModelsArtifactRepository.split_models_uri(uri)[1]:
        return ()
    return tuple(map(str, get_model_name_and_version(MlflowClient(), uri)))


def migrations() -> list[str]:
    """The names of MLflow's schema migrations: two installations with the same ones have the same schema."""
    import mlflow

    return sorted(os.listdir(Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"))


@contextlib.contextmanager
def newest_revision(revision: str) -> Iterator[None]:
    """Spare MLflow the reading of all its migration scripts: it looks up its newest one whenever it opens a store."""
    from mlflow.store.db import utils

    reading = utils._get_latest_schema_revision
    utils._get_latest_schema_revision = lambda: revision
    try:
        yield
    finally:
        utils._get_latest_schema_revision = reading


def enforce_inputs(data: Any, schema: Any) -> Any:
    """MLflow's own enforcement of an input schema, as `PyFuncModel.predict` applies it."""
    from mlflow.models.utils import _enforce_schema

    return _enforce_schema(data, schema)


def enforce_params(params: Any, schema: Any) -> Any:
    """MLflow's own enforcement of inference parameters, as `PyFuncModel.predict` applies it."""
    from mlflow.models.utils import _enforce_params_schema

    return _enforce_params_schema(params, schema)


def column_type(dtype: Any) -> Any:
    """The `DataType` that MLflow infers for a dtype of NumPy or pandas; raises where it has none."""
    from mlflow.types.utils import _infer_numpy_dtype

    return _infer_numpy_dtype(dtype)


def scalar_type(value: Any) -> Any:
    """The `DataType` that MLflow infers for a Python value; it depends on nothing but the value's exact type."""
    from mlflow.types.utils import _infer_scalar_datatype

    return _infer_scalar_datatype(value)


def values_type(values: list[Any]) -> Any:
    """The type that MLflow infers for the items of a list, nested or not; raises where they have no common one."""
    from mlflow.types.utils import _infer_colspec_type

    array: Any = _infer_colspec_type(values)
    return array.dtype


def infer_params(params: dict[str, Any]) -> Any:
    """The `ParamSchema` that MLflow infers for inference parameters."""
    from mlflow.types.utils import _infer_param_schema

    return _infer_param_schema(params)


def predict_function(pyfunc: Any) -> Callable[[Any, Any], Any]:
    """The call into the model itself, past MLflow's enforcement: `(inputs, params) -> prediction`."""
    import inspect

    function = pyfunc._predict_fn
    argument = inspect.signature(function).parameters.get("params")
    if argument is not None and argument.kind is not inspect.Parameter.VAR_KEYWORD:
        return lambda inputs, params: function(inputs, params=params)
    return lambda inputs, params: function(inputs)


def save_example(mlmodel: Any, input_example: Any, folder: Path) -> None:
    """Write an input example and its serving form into a model's folder, and note them in its metadata, as `save_model` does."""
    from mlflow.models.utils import _save_example

    _save_example(mlmodel, input_example, str(folder))


def scoring_request(pyfunc: Any, body: str) -> Any:
    """Answer a JSON request body as MLflow's scoring server would; returns its response (`status`, `response`)."""
    from mlflow.pyfunc.scoring_server import invocations

    return invocations(body, "application/json", pyfunc, pyfunc.metadata.get_input_schema())


def user() -> str:
    """Who runs this process, as MLflow puts it into the tag `mlflow.user` of a run; raises where the account has no name."""
    from mlflow.tracking.context.default_context import _get_user

    name: str = _get_user()
    return name

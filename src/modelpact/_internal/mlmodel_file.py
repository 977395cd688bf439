"""The `MLmodel` file of a saved model, read without any other file of the model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder, without_new_bytecode
from modelpact._internal.text import truncate
from modelpact._internal.user_files import read_text

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature
    from mlflow.pyfunc import PyFuncModel

__all__ = ["describe_error", "load_pyfunc", "parse_metadata", "parse_signature", "read_mlmodel"]

MAX_DEPTH = 1000
"""How many brackets may be open at a time."""

_MALFORMED = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""What MLflow raises for a malformed file, which it does not validate."""


def read_mlmodel(location: str) -> str:
    """Return the text of the `MLmodel` file in a model's folder.

    Args:
        location: The folder, as a path or a URI.

    Raises:
        ValueError: The file does not exist or cannot be read.
        MlflowException: The store failed.
    """
    from mlflow.artifacts import download_artifacts

    path = Path(location.removeprefix("file://"))
    try:
        if path.is_dir():
            return read_text(path / "MLmodel")
        # without dst_path, MLflow downloads to a folder that is never removed
        with temporary_folder() as folder:
            uri = f"{location.rstrip('/')}/MLmodel"
            downloaded = download_artifacts(artifact_uri=uri, dst_path=str(folder))
            return read_text(Path(downloaded))
    except FileNotFoundError as error:
        raise ValueError("its MLmodel file does not exist") from error
    except OSError as error:
        raise ValueError(f"its MLmodel file cannot be read: {error.strerror or error}") from error


def parse_metadata(content: str | bytes) -> Model:
    """Parse the content of an `MLmodel` file.

    Raises:
        ValueError: The content is malformed.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model, ModelSignature

    fields = _load_yaml(content)
    try:
        metadata = Model.from_dict(fields)
    except (MlflowException, *_MALFORMED) as error:
        raise _malformed(error) from error
    if not isinstance(metadata.signature, ModelSignature | None):
        raise ValueError(f"its MLmodel file has the signature {truncate(metadata.signature)!r}")
    return metadata


def parse_signature(content: str | bytes) -> ModelSignature | None:
    """Return the signature in the content of an `MLmodel` file; None if the model has none.

    Raises:
        ValueError: The content is malformed.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.models import ModelSignature

    signature = _load_yaml(content).get("signature")
    try:
        return None if signature is None else ModelSignature.from_dict(signature)
    except (MlflowException, *_MALFORMED) as error:
        raise _malformed(error) from error


def load_pyfunc(folder: Path, *, suppress_warnings: bool = True) -> PyFuncModel:
    """Load a model with MLflow, which runs the model's code: it may raise anything.

    Args:
        folder: The folder of the model.
        suppress_warnings: Whether MLflow does not compare the versions of the requirements.

    Raises:
        ValueError: The `MLmodel` file does not exist or is malformed.
        RuntimeError: The model's code exits.
    """
    import mlflow.pyfunc

    # MLflow does not validate the file.
    parse_metadata(read_mlmodel(str(folder)))
    mlflow_compat.forget_code_model()
    try:
        with without_new_bytecode(folder):
            pyfunc: PyFuncModel = mlflow.pyfunc.load_model(
                str(folder), suppress_warnings=suppress_warnings
            )
    except SystemExit as error:
        raise RuntimeError(f"its code exits with status {error.code}") from error
    return pyfunc


def describe_error(error: BaseException) -> str:
    """Return the text of an exception, after its class unless the text is a sentence.

    Example:
        >>> describe_error(KeyError("class")), describe_error(ValueError("no class"))
        ("KeyError: 'class'", 'no class')
    """
    if isinstance(error, (OSError, ValueError, ImportError)) and str(error):
        return truncate(error, 300)
    return truncate(f"{type(error).__name__}: {error}", 300)


def _load_yaml(content: str | bytes) -> dict[str, Any]:
    import yaml

    _check_depth(content)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        metadata = yaml.load(content, Loader=loader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        raise _malformed(error) from error
    if not isinstance(metadata, dict):
        raise ValueError("its MLmodel file is malformed: it is not a mapping")
    return metadata


def _check_depth(content: str | bytes) -> None:
    """Raise a ValueError for brackets so deep that the parser in C would overflow its stack."""
    text = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    depth = 0
    for bracket in re.findall(rb"[\[{}\]]", text):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError("its MLmodel file is malformed: it is nested too deeply")


def _malformed(error: Exception) -> ValueError:
    reason = truncate(f"{type(error).__name__}: {error}", 160)
    return ValueError(f"its MLmodel file is malformed: {reason}")

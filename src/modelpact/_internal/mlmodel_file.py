"""The `MLmodel` file of a saved model, read without any other file of the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal.files import temporary_folder
from modelpact._internal.text import truncate

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

__all__ = ["parse_metadata", "parse_signature", "read_mlmodel"]

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
            return (path / "MLmodel").read_text(encoding="utf-8")
        # without dst_path, MLflow downloads to a folder that is never removed
        with temporary_folder() as folder:
            uri = f"{location.rstrip('/')}/MLmodel"
            downloaded = download_artifacts(artifact_uri=uri, dst_path=str(folder))
            return Path(downloaded).read_text(encoding="utf-8")
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


def _load_yaml(content: str | bytes) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        metadata = yaml.load(content, Loader=loader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        raise _malformed(error) from error
    if not isinstance(metadata, dict):
        raise ValueError("its MLmodel file is malformed: it is not a mapping")
    return metadata


def _malformed(error: Exception) -> ValueError:
    reason = truncate(f"{type(error).__name__}: {error}", 160)
    return ValueError(f"its MLmodel file is malformed: {reason}")

"""The `MLmodel` file of a model that was just written: its paths, and whether it is complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelpact._internal.mlmodel_file import parse_signature, read_mlmodel
from modelpact.errors import DriftError, SaveError
from modelpact.signature import digest

if TYPE_CHECKING:
    from mlflow.models import Model as MLmodel

    from modelpact.types import Signature

__all__ = ["check_written", "remove_author_paths"]


def remove_author_paths(mlmodel: MLmodel, folder: Path) -> None:
    """Make the paths in the MLmodel file relative: MLflow records where files were copied from."""
    artifacts = mlmodel.flavors.get("python_function", {}).get("artifacts", {}).values()
    scripts = [flavor for flavor in mlmodel.flavors.values() if "model_code_path" in flavor]
    for artifact in artifacts:
        artifact["uri"] = artifact["path"]
    # MLflow looks for a file of this name in the folder of the model.
    for flavor in scripts:
        flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    if artifacts or scripts:
        mlmodel.save(str(folder / "MLmodel"))


def check_written(folder: Path, signature: Signature) -> None:
    """Check the signature, the input example and the paths of a model in a folder.

    Raises:
        DriftError: MLflow wrote another signature.
        SaveError: The input example was not written, or the MLmodel file names a local path.
    """
    text = read_mlmodel(str(folder))
    stored = parse_signature(text)
    # Not ==, because a default of NaN differs from itself.
    if stored is None or digest(stored) != digest(signature):
        raise DriftError(
            "MLflow stored a signature that differs from the signed one",
            remedy="Type hints on predict override the signature: use signer=type_hint, or remove "
            "the hints.",
            signed=signature.to_dict(),
            stored=None if stored is None else stored.to_dict(),
        )
    _check_example(folder)
    _check_paths(folder, text)


def _check_example(folder: Path) -> None:
    for name in ("input_example.json", "serving_input_example.json"):
        if not (folder / name).exists():
            raise SaveError(
                f"MLflow did not write {name}",
                remedy="The input example cannot be converted to JSON.",
            )


def _check_paths(folder: Path, text: str) -> None:
    for local in map(str, (folder.parent, Path.home(), Path.cwd())):
        if len(local) > 1 and local in text:
            raise SaveError(
                f"the MLmodel file contains the local path {local}",
                remedy="Use paths relative to the model.",
            )

"""Written signatures: parsed from the short form or from MLflow's own, and written back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

from mlflow.models import ModelSignature
from mlflow.types.schema import ParamSchema, Schema

from modelpact._internal.text import preview
from modelpact._internal.user_files import read_text
from modelpact.errors import SpecError
from modelpact.signature.issues import SpecIssues
from modelpact.signature.language.params import params_to_spec, read_params
from modelpact.signature.language.schemas import read_schema, schema_to_spec
from modelpact.signature.language.yaml_reader import Unreadable, read_document

__all__ = ["load", "parse", "to_spec"]

_READERS: dict[str, Callable[..., Any]] = {
    "inputs": read_schema,
    "outputs": read_schema,
    "params": read_params,
}
_PARTS = list(_READERS)


def parse(spec: object, *, source: str | os.PathLike[str] | None = None) -> ModelSignature:
    """Parse a signature.

    Args:
        spec: A dict with at least one of `inputs`, `outputs` and `params`, or YAML text. Each part
            is in the short form, in MLflow's list of dicts, or in MLflow's JSON text as in an
            `MLmodel` file. The dict of a whole `MLmodel` file is accepted too.
        source: The name of the file, for the messages.

    Returns:
        MLflow's signature. It equals the signature that `to_spec` has written.

    Raises:
        SpecError: The spec is malformed. Every problem is listed, in the message and in `problems`.

    Example:
        >>> signature = parse({"inputs": {"notes?": "string"}, "params": {"top": "long = 3"}})
        >>> signature.inputs, signature.params
        (['notes': string (optional)], ['top': long (default: 3)])
    """
    issues = SpecIssues(None if source is None else os.fspath(source))
    if isinstance(spec, str):
        spec = read_document(spec, (), issues)
    return _read_signature(spec, issues)


def load(path: str | os.PathLike[str]) -> ModelSignature:
    """Load a signature from a YAML file, an `MLmodel` file, or the folder of an `MLmodel` file.

    Raises:
        SpecError: The file cannot be read or is malformed. Every problem is listed with its line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "wine.yaml")
        ...     _ = file.write_text("inputs: {alcohol: double}")
        ...     load(file).inputs
        ['alcohol': double (required)]
    """
    file = Path(path)
    if (file / "MLmodel").is_file():
        file = file / "MLmodel"
    issues = SpecIssues(str(file))
    text = ""
    try:
        text = read_text(file)
    except OSError as error:
        issues.add((), f"cannot read the file: {error.strerror}")
    except UnicodeDecodeError:
        issues.add((), "cannot read the file: it is not UTF-8 text")
    issues.raise_if_any("Give the path of a YAML file or of an MLmodel file.")
    return _read_signature(read_document(text, (), issues), issues)


def _read_signature(spec: object, issues: SpecIssues) -> ModelSignature:
    spec = _unwrap_mlmodel(spec, issues)
    parts: dict[str, Any] = {}
    try:
        parts = _read_parts(spec, issues)
    except RecursionError:
        issues.add((), "nested too deeply")
    if not issues and all(part is None for part in parts.values()):
        issues.add((), "at least one of inputs, outputs and params is required")
    issues.raise_if_any()
    return ModelSignature(**parts)


def _has_parts(spec: Container[object]) -> bool:
    return any(part in spec for part in _PARTS)


def _unwrap_mlmodel(spec: object, issues: SpecIssues) -> object:
    """Return the signature inside the data of an `MLmodel` file; other data unchanged."""
    match spec:
        case {"signature": Mapping() as signature, **others} if not _has_parts(others):
            issues.lines = {
                path[1:]: line for path, line in issues.lines.items() if path[:1] == ("signature",)
            }
            return signature
    return spec


def _read_parts(spec: object, issues: SpecIssues) -> dict[str, Any]:
    if spec is Unreadable:
        return {}
    if not isinstance(spec, Mapping):
        text = f"expected a mapping with inputs, outputs or params, got {preview(spec)}"
        issues.add((), text)
        return {}
    if "flavors" in spec and not _has_parts(spec):
        issues.add((), "this MLmodel was saved without a signature")
        return {}
    remedy = "; a signature has inputs, outputs and params"
    issues.add_unknown_keys((), spec, _PARTS, remedy=remedy)
    return {
        part: reader(spec[part], (part,), issues)
        for part, reader in _READERS.items()
        if spec.get(part) is not None
    }


def to_spec(signature: ModelSignature) -> dict[str, Any]:
    """Return a signature as data for YAML or JSON, which `parse` reads back.

    Each part is in the short form if that can hold it. Otherwise it is MLflow's list of dicts
    (names that are numbers or end with `?`), or MLflow's JSON text (duplicate names).

    Returns:
        The parts that the signature has.

    Raises:
        SpecError: MLflow could not store the signature and read it back.

    Example:
        >>> from mlflow.models import infer_signature
        >>> to_spec(infer_signature([{"name": "Ann", "scores": [1.5]}], params={"top": 3}))
        {'inputs': {'name': 'string', 'scores': ['double']}, 'params': {'top': 'long = 3'}}
    """
    parts = {part: getattr(signature, part) for part in _PARTS}
    return {part: _part_to_spec(part, schema) for part, schema in parts.items() if schema}


def _part_to_spec(part: str, schema: Schema | ParamSchema) -> object:
    """Return the first form of a part that is read back unchanged."""
    forms: list[Callable[[Any], object]] = [
        params_to_spec if part == "params" else schema_to_spec,
        # Without tuples, so that YAML and JSON write the same.
        lambda schema: json.loads(json.dumps(schema.to_dict())),
        lambda schema: schema.to_json(),
    ]
    for to_form in forms:
        try:
            spec = to_form(schema)
            if _is_same(getattr(parse({part: spec}), part), schema):
                return spec
        except (SpecError, TypeError, AttributeError, ValueError):
            # This form cannot hold the schema; the next one may.
            continue
    text = f"MLflow stores {preview(repr(schema))} in a form that it cannot read back"
    raise SpecError(
        f"cannot write the {part}: {text}",
        remedy="Use types, names and defaults that JSON can hold.",
        problems=[(part, "cannot be written")],
        lines=[None],
    )


def _is_same(read: Schema | ParamSchema, schema: Schema | ParamSchema) -> bool:
    if read == schema:
        return True
    # A default of NaN is not equal to itself.
    return isinstance(schema, ParamSchema) and bool(read.to_json() == schema.to_json())

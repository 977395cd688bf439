"""Signatures as people write them: `parse` makes a `ModelSignature` of the short form or of MLflow's own; `to_spec` writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlflow.models import ModelSignature

from modelpact._internal.text import did_you_mean, preview
from modelpact.errors import SpecError
from modelpact.signature.field_path import FieldPath
from modelpact.signature.language.issues import Problems
from modelpact.signature.language.params import format_params, read_params
from modelpact.signature.language.schemas import format_schema, read_schema
from modelpact.signature.language.yaml_reader import Unreadable, read_document

__all__ = ["load", "parse", "to_spec"]


_PARTS = ["inputs", "outputs", "params"]


def parse(spec: Any, *, source: str | os.PathLike[str] | None = None) -> ModelSignature:
    """Make a signature of what was written.

    Args:
        spec: A dict with `inputs`, `outputs` and `params`, at least one of them; each in the short form, in MLflow's list of
            dicts, or in MLflow's JSON text as it stands in an `MLmodel` file. A whole `MLmodel` dict will do; so will YAML text.
        source: Where it was written, for the messages.

    Returns:
        MLflow's own signature. What `to_spec` wrote is read back as an equal one.

    Raises:
        SpecError: The spec is malformed. Every fault is listed, in the message and in `problems` as `(place, text)`.

    Example:
        >>> signature = parse({"inputs": {"age": "long", "notes?": "string"}, "params": {"top": "long = 3"}})
        >>> signature.inputs, signature.params
        (['age': long (required), 'notes': string (optional)], ['top': long (default: 3)])
    """
    problems = Problems(None if source is None else os.fspath(source))
    if isinstance(spec, str):
        spec = read_document(spec, (), problems)
    return _read(spec, problems)


def load(path: str | os.PathLike[str]) -> ModelSignature:
    """Read a signature from a YAML file: a written contract, or an `MLmodel` file (or the folder that holds it).

    Raises:
        SpecError: The file cannot be read or is malformed; each fault is listed with its line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "wine.yaml")
        ...     _ = file.write_text("inputs: {alcohol: double}")
        ...     load(file).inputs
        ['alcohol': double (required)]
    """
    file = Path(path)
    file = file / "MLmodel" if (file / "MLmodel").is_file() else file
    problems = Problems(str(file))
    text = ""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        problems.add((), f"the file cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        problems.add((), "the file cannot be read: it is not UTF-8 text")
    problems.raise_if_any("Give the path of a YAML file, or of an MLmodel file.")
    return _read(read_document(text, (), problems), problems)


def _read(spec: Any, problems: Problems) -> ModelSignature:
    base: FieldPath = ()
    if (
        isinstance(spec, Mapping)
        and isinstance(spec.get("signature"), Mapping)
        and not any(part in spec for part in _PARTS)
    ):
        spec, base = spec["signature"], ("signature",)  # an MLmodel file
        problems.lines = {
            place[1:]: line
            for place, line in problems.lines.items()
            if place[:1] == base and len(place) > 1
        }
    try:
        parts = _read_parts(spec, problems)
    except RecursionError:
        parts = {}
        problems.add((), "nested too deeply")
    if not problems and all(part is None for part in parts.values()):
        problems.add((), "at least one of inputs, outputs and params is needed")
    problems.raise_if_any()
    return ModelSignature(**parts)


def _read_parts(spec: Any, problems: Problems) -> dict[str, Any]:
    if not isinstance(spec, Mapping):
        if spec is not Unreadable:
            problems.add((), f"a signature has inputs, outputs and params; here is {preview(spec)}")
        return {}
    if "flavors" in spec and not any(part in spec for part in _PARTS):
        problems.add((), "this MLmodel was saved without a signature")
        return {}
    for key in spec:
        if key not in _PARTS:
            problems.add(
                (key,),
                f"a signature has inputs, outputs and params, and no {preview(key)}{did_you_mean(str(key), _PARTS)}",
            )
    given = {part: spec[part] for part in _PARTS if spec.get(part) is not None}
    read: dict[str, Callable[[Any, FieldPath, Problems], Any]] = {
        "inputs": read_schema,
        "outputs": read_schema,
        "params": read_params,
    }
    return {part: read[part](value, (part,), problems) for part, value in given.items()}


def to_spec(signature: ModelSignature) -> dict[str, Any]:
    """Write a signature; `parse` reads it back as an equal one.

    Each part is written in the short form where that can say it, else in MLflow's list of dicts (names that end with `?`, or are
    numbers), else as MLflow's own JSON text (names given twice).

    Returns:
        A dict for YAML or JSON, with the parts that the signature has.

    Raises:
        SpecError: MLflow itself could not store the signature and read it back.

    Example:
        >>> from mlflow.models import infer_signature
        >>> to_spec(infer_signature([{"name": "Ann", "scores": [1.5]}], params={"top": 3}))
        {'inputs': {'name': 'string', 'scores': ['double']}, 'params': {'top': 'long = 3'}}
    """
    forms: dict[str, list[Callable[[Any], Any]]] = {
        "inputs": [
            format_schema,
            lambda schema: _plain(schema.to_dict()),
            lambda schema: schema.to_json(),
        ],
        "outputs": [
            format_schema,
            lambda schema: _plain(schema.to_dict()),
            lambda schema: schema.to_json(),
        ],
        "params": [
            format_params,
            lambda schema: _plain(schema.to_dict()),
            lambda schema: schema.to_json(),
        ],
    }
    parts = {part: getattr(signature, part) for part in _PARTS}
    return {
        part: _first_that_reads_back(part, schema, forms[part])
        for part, schema in parts.items()
        if schema
    }


def _first_that_reads_back(part: str, schema: Any, forms: list[Callable[[Any], Any]]) -> Any:
    for form in forms:
        try:
            written = form(schema)
            read = getattr(parse({part: written}), part)
            if read == schema or (
                part == "params" and read.to_json() == schema.to_json()
            ):  # NaN is not equal to itself
                return written
        except (SpecError, TypeError, AttributeError, ValueError):
            continue  # this form cannot say it; the next one may
    raise SpecError(
        f"the {part} cannot be written: MLflow itself would not read back what it stores of {preview(repr(schema))}",
        remedy="Use types, names and defaults that JSON can hold.",
        problems=[(part, "cannot be written")],
        lines=[None],
        source=None,
    )


def _plain(items: list[dict[str, Any]]) -> Any:
    """MLflow's dicts without tuples, so that YAML and JSON write them alike."""
    return json.loads(json.dumps(items))

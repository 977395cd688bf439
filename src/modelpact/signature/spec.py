"""Signatures as people write them: `parse` makes a `ModelSignature` of the short form or of MLflow's own; `to_spec` writes it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

from modelpact.errors import SpecError
from modelpact.signature.aliases import WORDS
from modelpact.signature.defaults import format_param, read_param
from modelpact.signature.documents import Unreadable, read_document
from modelpact.signature.problems import Place, Problems, nearest, shown
from modelpact.signature.types import awkward, format_type, is_tensor, read_key, read_member, read_tensor, read_type

__all__ = ["load", "parse", "to_spec"]

_Stored = TypeVar("_Stored", Schema, ParamSchema)

_PARTS = ["inputs", "outputs", "params"]
_COLUMN_KEYS = {"type", "name", "required", "items", "properties", "values", "tensor-spec"}
_LONG_KINDS = ("tensor", "array", "object", "map")  # compared, not hashed: a column may be named type


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
    base: Place = ()
    if isinstance(spec, Mapping) and isinstance(spec.get("signature"), Mapping) and not any(part in spec for part in _PARTS):
        spec, base = spec["signature"], ("signature",)  # an MLmodel file
        problems.lines = {place[1:]: line for place, line in problems.lines.items() if place[:1] == base and len(place) > 1}
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
            problems.add((), f"a signature has inputs, outputs and params; here is {shown(spec)}")
        return {}
    if "flavors" in spec and not any(part in spec for part in _PARTS):
        problems.add((), "this MLmodel was saved without a signature")
        return {}
    for key in spec:
        if key not in _PARTS:
            problems.add((key,), f"a signature has inputs, outputs and params, and no {shown(key)}{nearest(str(key), _PARTS)}")
    given = {part: spec[part] for part in _PARTS if spec.get(part) is not None}
    read: dict[str, Callable[[Any, Place, Problems], Any]] = {
        "inputs": _read_schema,
        "outputs": _read_schema,
        "params": _read_params,
    }
    return {part: read[part](value, (part,), problems) for part, value in given.items()}


def _stored(value: Any, read: Callable[[str], _Stored]) -> _Stored | None:
    """What MLflow makes of its own JSON text, in which it may have stored what nobody should write (names given twice)."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return None
    try:
        items = json.loads(value)
        return read(value) if items and all(isinstance(item, dict) for item in items) else None
    except (ValueError, MlflowException, KeyError, TypeError, AttributeError, RecursionError):
        return None  # not MLflow's, or broken: read as people write it, which says what is wrong


def _read_schema(value: Any, place: Place, problems: Problems) -> Schema | None:
    stored: Schema | None = _stored(value, Schema.from_json)
    if stored is not None:
        return stored
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = read_document(value, place, problems)
    if isinstance(value, str) and is_tensor(value):
        tensor = read_tensor(value, place, problems)
        return None if tensor is None else Schema([tensor])
    if isinstance(value, Mapping) and value and (set(value) == {"*"} or value.get("type") in _LONG_KINDS):
        problems.add(place, f"one unnamed column is written as a list of its type: [{shown(dict(value))}]")
        return None
    before = len(problems)
    if isinstance(value, Mapping) and value:
        columns = [_read_named(key, item, (*place, key), problems) for key, item in value.items()]
    elif isinstance(value, (list, tuple)) and value:
        columns = [_read_listed(item, (*place, index), problems) for index, item in enumerate(value)]
    elif isinstance(value, str):
        columns = [_column(None, read_type(value, place, problems), True)]
    else:
        if value is not Unreadable:
            problems.add(place, f"columns are {{name: type}} or [type], a tensor is float32[-1, 3]; here is {shown(value)}")
        return None
    _refuse_mixtures([column for column in columns if column is not None], place, problems)
    return None if len(problems) > before or None in columns else _build_schema(columns, place, problems)


def _build_schema(columns: list[Any], place: Place, problems: Problems) -> Schema | None:
    try:
        return Schema(columns)
    except MlflowException as error:
        problems.add(place, error.message)
        return None


def _column(name: Any, dtype: Any, required: bool | None) -> ColSpec | None:
    if dtype is None:
        return None
    return ColSpec(dtype, name, cast("bool", required))  # None is what MLflow itself reads where its file has no `required`


def _read_named(key: Any, value: Any, place: Place, problems: Problems) -> ColSpec | TensorSpec | None:
    known = read_key(key, place[:-1], problems)
    if isinstance(value, str) and is_tensor(value):
        tensor = read_tensor(value, place, problems, known[0] if known else None)
        if known and not known[1]:
            problems.add(place, "a tensor cannot be optional; drop the ?")
        return tensor if known else None
    if isinstance(value, Mapping) and value.get("type") == "tensor":
        return _read_long_tensor(value, known[0] if known else None, place, problems)
    dtype, said = read_member(value, place, problems)
    if known is None:
        return None
    if not known[1] and said:
        problems.add(place, "the ? makes it optional, but required says true; keep one of them")
    return _column(known[0], dtype, known[1] if said is None else said)


def _is_long_column(value: Any) -> bool:
    """Whether an item of a list is MLflow's form of a column, which has `type`, rather than an object in the short form."""
    return isinstance(value, Mapping) and "type" in value and set(value) <= _COLUMN_KEYS


def _read_listed(value: Any, place: Place, problems: Problems) -> ColSpec | TensorSpec | None:
    if isinstance(value, str) and is_tensor(value):
        return read_tensor(value, place, problems)
    if not _is_long_column(value):
        return _column(None, read_type(value, place, problems), True)
    name, required = value.get("name"), value.get("required", True)
    if not isinstance(name, (str, int, float, type(None))):
        problems.add((*place, "name"), f"a name is text or a number, not {shown(name)}")
        name = shown(name)
    if set(value) == {"name", "type"} and isinstance(name, str) and name in WORDS:
        problems.add(
            place, f"a column named {name}, or an object with the properties name and type? Add required: true, or name: type"
        )
    if value["type"] == "tensor":
        return _read_long_tensor(value, name, place, problems)
    if value["type"] in _LONG_KINDS and "required" not in value:
        problems.add(place, "MLflow reads a missing required as optional here; add required: true or required: false")
    dtype, _ = read_member(value, place, problems, long=True)
    return _column(name, dtype, required)


def _read_long_tensor(value: Mapping[str, Any], name: Any, place: Place, problems: Problems) -> TensorSpec | None:
    inside = value.get("tensor-spec")
    if not isinstance(inside, Mapping) or not {"dtype", "shape"} <= set(inside) or not isinstance(inside["shape"], (list, tuple)):
        problems.add(place, "type tensor needs tensor-spec: {dtype: float32, shape: [-1, 3]}")
        return None
    if value.get("required") is False:
        problems.add(place, "a tensor cannot be optional; drop required")
    written = f"{inside['dtype']}[{', '.join(map(str, inside['shape']))}]"
    if not is_tensor(written):
        problems.add(
            (*place, "tensor-spec"),
            f"{shown(written)} is no tensor; a tensor is a dtype and a shape, such as float32 and [-1, 3]",
        )
        return None
    return read_tensor(written, (*place, "tensor-spec"), problems, name)


def _refuse_mixtures(columns: list[ColSpec | TensorSpec], place: Place, problems: Problems) -> None:
    names = [column.name for column in columns if column.name is not None]
    _refuse_repeated(names, place, problems)
    tensors = [column for column in columns if isinstance(column, TensorSpec)]
    if tensors and len(tensors) < len(columns):
        problems.add(
            place,
            f"tensors ({len(tensors)}) and columns ({len(columns) - len(tensors)}) cannot be mixed; an array column is [double]",
        )
    if names and len(names) < len(columns):
        problems.add(
            place, f"named ({len(names)}) and unnamed ({len(columns) - len(names)}) cannot be mixed; name all of them or none"
        )
    elif len(tensors) == len(columns) > 1 and not names:
        problems.add(place, "several tensors need names: {left: float32[-1, 3], right: float32[-1, 3]}")
    for index, column in enumerate(columns):
        if isinstance(column, ColSpec) and column.name is None and not names and column.required is False:
            problems.add((*place, index), "an unnamed column cannot be optional; name it, or drop required: false")


def _refuse_repeated(names: list[Any], place: Place, problems: Problems) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            problems.add(place, f"the name {shown(name)} is given {times} times")


def _read_params(value: Any, place: Place, problems: Problems) -> ParamSchema | None:
    stored: ParamSchema | None = _stored(value, ParamSchema.from_json)
    if stored is not None:
        return stored
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = read_document(value, place, problems)
    if value is Unreadable or value in ([], {}):
        return None
    found: list[ParamSpec | None]
    if isinstance(value, Mapping):
        found = [_read_named_param(key, item, (*place, key), problems) for key, item in value.items()]
    elif isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
        found = [_read_listed_param(item, (*place, index), problems) for index, item in enumerate(value)]
    else:
        problems.add(place, f"params are {{name: type = default}}, such as {{temperature: double = 0.7}}; here is {shown(value)}")
        return None
    specs = [spec for spec in found if spec is not None]
    _refuse_repeated([spec.name for spec in specs], place, problems)
    return None if problems or len(specs) < len(found) else ParamSchema(specs)


def _read_named_param(key: Any, value: Any, place: Place, problems: Problems) -> ParamSpec | None:
    known = read_key(key, place[:-1], problems)
    if known and not known[1]:
        problems.add(place, "a param has a default, so it is always optional; drop the ?")
    return read_param(known[0] if known else str(key), value, place, problems)


def _read_listed_param(value: Mapping[Any, Any], place: Place, problems: Problems) -> ParamSpec | None:
    name = value.get("name")
    if not isinstance(name, str):
        problems.add((*place, "name"), "a param needs a name" if name is None else f"a name is text, not {shown(name)}")
    return read_param(str(name), dict(value), place, problems)


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
        "inputs": [_short_schema, lambda schema: _plain(schema.to_dict()), lambda schema: schema.to_json()],
        "outputs": [_short_schema, lambda schema: _plain(schema.to_dict()), lambda schema: schema.to_json()],
        "params": [_short_params, lambda schema: _plain(schema.to_dict()), lambda schema: schema.to_json()],
    }
    parts = {part: getattr(signature, part) for part in _PARTS}
    return {part: _first_that_reads_back(part, schema, forms[part]) for part, schema in parts.items() if schema}


def _first_that_reads_back(part: str, schema: Any, forms: list[Callable[[Any], Any]]) -> Any:
    for form in forms:
        try:
            written = form(schema)
            read = getattr(parse({part: written}), part)
            if read == schema or (part == "params" and read.to_json() == schema.to_json()):  # NaN is not equal to itself
                return written
        except (SpecError, TypeError, AttributeError, ValueError):
            continue  # this form cannot say it; the next one may
    raise SpecError(
        f"the {part} cannot be written: MLflow itself would not read back what it stores of {shown(repr(schema))}",
        remedy="Use types, names and defaults that JSON can hold.",
        problems=[(part, "cannot be written")],
        lines=[None],
        source=None,
    )


def _plain(items: list[dict[str, Any]]) -> Any:
    """MLflow's dicts without tuples, so that YAML and JSON write them alike."""
    return json.loads(json.dumps(items))


def _short_schema(schema: Schema) -> Any:
    columns = schema.inputs
    if columns[0].name is None:
        return format_type(columns[0]) if schema.is_tensor_spec() else [format_type(column.type) for column in columns]
    if any(awkward(column.name) for column in columns) or len({column.name for column in columns}) < len(columns):
        raise ValueError("a name that is no key")
    if schema.is_tensor_spec():
        return {column.name: format_type(column) for column in columns}
    return {str(column.name) + ("" if column.required else "?"): format_type(column.type) for column in columns}


def _short_params(schema: ParamSchema) -> dict[str, str]:
    if any(awkward(spec.name) for spec in schema.params):
        raise ValueError("a name that is no key")
    return {spec.name: format_param(spec) for spec in schema.params}

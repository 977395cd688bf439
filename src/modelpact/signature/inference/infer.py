"""Infers a signature from data; raises where MLflow would silently infer `Any`."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Object, Property, Schema

from modelpact.errors import SignError
from modelpact.signature.field_path import FieldPath
from modelpact.signature.inference.params import infer_params
from modelpact.signature.inference.schemas import infer_schema
from modelpact.signature.issues import DataIssues
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import column_labels

__all__ = ["infer"]

_ON_ANY = ("error", "warn", "allow")
_INTEGERS_AS = ("auto", "long", "double")
_UNTYPED = "cannot infer a type from nulls or empty lists only"


def infer(
    inputs: object,
    outputs: object = None,
    params: dict[str, Any] | None = None,
    *,
    on_any: Literal["error", "warn", "allow"] = "error",
    integers_as: Literal["auto", "long", "double"] = "auto",
) -> ModelSignature:
    """Infer the signature of data, as `mlflow.models.infer_signature` does, or raise an error.

    MLflow falls back to one unnamed `Any` and logs a warning where this function raises.

    Args:
        inputs: Inputs of the model: a DataFrame `(n_rows, n_columns)`, Series, ndarray, dict of
            arrays, sparse matrix, list, dict or scalar; None for a signature without inputs.
        outputs: Outputs of the model, of the same kinds.
        params: Example inference parameters; they become the defaults.
        on_any: What to do about values whose type cannot be inferred (a column of nulls or of mixed
            types, Decimals, an array of objects), per column: `error` raises, `warn` infers Any
            with a `UserWarning`, `allow` infers Any.
        integers_as: `auto` keeps the integer types that MLflow infers, `long` makes them 64 bits
            wide, `double` makes them doubles, for integer columns that may have missing values.
            Applies to columns at every depth; tensors and params keep their dtype.

    Returns:
        The signature. An enforcer compiled from it accepts the data.

    Raises:
        SignError: A value has no MLflow type, or there is no data. Every problem is listed.
        ValueError: Unknown value of `on_any` or `integers_as`.

    Example:
        >>> import pandas as pd
        >>> infer(pd.DataFrame({"age": [41.5], "name": ["Ada"]})).inputs
        ['age': double (required), 'name': string (required)]
    """
    _check_option("on_any", on_any, _ON_ANY)
    _check_option("integers_as", integers_as, _INTEGERS_AS)
    issues = DataIssues(allow_any=on_any != "error")
    schemas = {
        "inputs": _infer_part("inputs", inputs, integers_as, issues),
        "outputs": _infer_part("outputs", outputs, integers_as, issues),
    }
    issues.part = "params"
    params_schema = infer_params(params, issues) if params else None
    _report_issues(issues, on_any)
    if inputs is None and outputs is None and params_schema is None:
        text = "nothing to infer a signature from: there are no inputs, outputs or params"
        raise SignError(text, problems=[("inputs", text)])
    # MLflow's annotations lack None.
    inputs, outputs = schemas["inputs"], schemas["outputs"]
    return ModelSignature(inputs, outputs, params_schema)  # type: ignore[arg-type]


def _check_option(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"unknown value {value!r} of {name}; use one of {', '.join(known)}")


def _report_issues(issues: DataIssues, on_any: str) -> None:
    issues.raise_if_any()
    if issues.untyped and on_any == "warn":
        listed = ", ".join(item.path for item in issues.untyped)
        warnings.warn(f"the type any is inferred for {listed}"[:500], UserWarning, stacklevel=3)


def _infer_part(part: str, data: object, integers_as: str, issues: DataIssues) -> Schema | None:
    issues.part = part
    schema = None if data is None else infer_schema(data, issues)
    if schema is None or schema.is_tensor_spec():
        return schema
    for label, spec in zip(column_labels(schema), schema, strict=True):
        _add_untyped(spec.type, (label,), issues)
    return schema if integers_as == "auto" else _cast_integers(schema, DataType[integers_as])


def _cast_integers(schema: Schema, integer_type: DataType) -> Schema:
    return Schema(
        [
            ColSpec(_replace_integers(spec.type, integer_type), spec.name, required=spec.required)
            for spec in schema
        ]
    )


def _add_untyped(dtype: ColumnType, path: FieldPath, issues: DataIssues) -> None:
    """Add the paths of `Any` in a type."""
    if isinstance(dtype, AnyType):
        issues.add_untyped(path, _UNTYPED, "provide a value, or set on_any to allow")
    elif isinstance(dtype, Array):
        _add_untyped(dtype.dtype, (*path, 0), issues)
    elif isinstance(dtype, Object):
        for prop in dtype.properties:
            _add_untyped(prop.dtype, (*path, prop.name), issues)


def _replace_integers(dtype: ColumnType, integer_type: DataType) -> ColumnType:
    # Data has no maps: a dict is an object.
    if dtype in (DataType.integer, DataType.long):
        return integer_type
    if type(dtype) is Array:
        return Array(_replace_integers(dtype.dtype, integer_type))
    if isinstance(dtype, Object):
        return Object(
            [
                Property(prop.name, _replace_integers(prop.dtype, integer_type), prop.required)
                for prop in dtype.properties
            ]
        )
    return dtype

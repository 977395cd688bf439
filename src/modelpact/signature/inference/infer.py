"""`infer`: MLflow's signature of data, or an error that says why there is none; never a silent `Any`."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Map, Object, Property, Schema

from modelpact.errors import SignError
from modelpact.signature.field_path import FieldPath
from modelpact.signature.inference.issues import Troubles
from modelpact.signature.inference.params import infer_params
from modelpact.signature.inference.schemas import infer_schema

__all__ = ["infer"]


def infer(
    inputs: Any,
    outputs: Any = None,
    params: dict[str, Any] | None = None,
    *,
    on_any: Literal["error", "warn", "allow"] = "error",
    integers_as: Literal["auto", "long", "double"] = "auto",
) -> ModelSignature:
    """The signature that `mlflow.models.infer_signature` gives where it works; an error where it falls silent.

    Args:
        inputs: What the model is called with: DataFrame `(n_rows, n_columns)`, Series, ndarray, dict of arrays, sparse matrix,
            list, dict or scalar; None for a signature without inputs.
        outputs: What the model answers, of the same kinds.
        params: Example inference parameters; they become the defaults.
        on_any: What happens where the data tells no type (a column of nulls, an empty list) and MLflow says Any: `error` refuses,
            `warn` signs with a `UserWarning`, `allow` signs.
        integers_as: `auto` leaves integers as MLflow infers them; `long` makes all of them 64 bits; `double` makes them doubles,
            for integer columns that will meet missing values. At every depth of columns; tensors and params keep their dtype.

    Returns:
        The signature. An enforcer compiled from it accepts the data.

    Raises:
        SignError: A column has no honest type, or the data has none at all; every such place is listed, with what to do.
        ValueError: No such value of `on_any` or `integers_as`.

    Example:
        >>> import pandas as pd
        >>> infer(pd.DataFrame({"age": [41.5], "name": ["Ada"]})).inputs
        ['age': double (required), 'name': string (required)]
    """
    for word, known in (
        (on_any, ("error", "warn", "allow")),
        (integers_as, ("auto", "long", "double")),
    ):
        if word not in known:
            raise ValueError(f"{word!r} is none of {', '.join(known)}")
    troubles = Troubles()
    sides: dict[str, Schema | None] = {}
    for troubles.side, data in (("inputs", inputs), ("outputs", outputs)):
        schema = None if data is None else infer_schema(data, troubles)
        sides[troubles.side] = (
            schema
            if schema is None or integers_as == "auto"
            else _with_integers(schema, integers_as)
        )
        if schema is not None:
            _note_unknown(schema, troubles)
    troubles.side = "params"
    described = infer_params(params, troubles) if params else None
    if on_any == "error":
        for place in troubles.unknown:
            troubles.found.append(
                (place, _UNTOLD, "give data that has a value there, or allow any (on_any)")
            )
    troubles.raise_if_any()
    if troubles.unknown and on_any == "warn":
        warnings.warn(f"{_UNTOLD}: {', '.join(troubles.unknown)[:500]}", UserWarning, stacklevel=2)
    if inputs is None and outputs is None and described is None:
        text = "nothing to sign: there are no inputs, no outputs and no params"
        raise SignError(text, problems=[("inputs", text)])
    return ModelSignature(sides["inputs"], sides["outputs"], described)  # type: ignore[arg-type]  # its hint forgets None


_UNTOLD = "the data tells no type (nulls or empty lists only)"


def _note_unknown(schema: Schema, troubles: Troubles) -> None:
    for position, spec in enumerate(schema.inputs):
        if isinstance(spec, ColSpec):
            _note_any(spec.type, (position if spec.name is None else spec.name,), troubles)


def _note_any(dtype: Any, place: FieldPath, troubles: Troubles) -> None:
    if isinstance(dtype, AnyType):
        troubles.add_unknown(place)
    elif isinstance(dtype, Array):
        _note_any(dtype.dtype, (*place, 0), troubles)
    elif isinstance(dtype, Object):
        for prop in dtype.properties:
            _note_any(prop.dtype, (*place, prop.name), troubles)


def _with_integers(schema: Schema, word: str) -> Schema:
    if schema.is_tensor_spec():
        return schema
    return Schema(
        [
            ColSpec(_converted(spec.type, word), spec.name, required=spec.required)
            for spec in schema.inputs
        ]
    )


def _converted(dtype: Any, word: str) -> Any:
    if isinstance(dtype, DataType):
        return DataType[word] if dtype in (DataType.integer, DataType.long) else dtype
    if type(dtype) is Array:
        return Array(_converted(dtype.dtype, word))
    if isinstance(dtype, Map):
        return Map(_converted(dtype.value_type, word))
    if isinstance(dtype, Object):
        return Object(
            [
                Property(prop.name, _converted(prop.dtype, word), prop.required)
                for prop in dtype.properties
            ]
        )
    return dtype

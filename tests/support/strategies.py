"""Hypothesis strategies for every signature that MLflow can store and load."""

from __future__ import annotations

import datetime
import json
from typing import Any, cast

import numpy as np
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
)

PLAIN_NAMES = ["age", "name", "author", "orcid", "score", "tags", "x1", "image", "notes", "total"]
AWKWARD_NAMES = [
    "a?",
    "?",
    "*",
    "",
    "type",
    "required",
    "properties",
    "items",
    "default",
    "a.b",
    "a=b",
    "on",
    "1",
    "null",
    "é ü",
    "{x}",
    "[y]",
    "# c",
]
TENSOR_DTYPES = [
    *(
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
    ),
    *(
        "complex64",
        "complex128",
        "str",
        "bytes",
        "object",
        "datetime64[ns]",
        "datetime64[D]",
        "timedelta64[s]",
    ),
]

plain_names = st.sampled_from(PLAIN_NAMES) | st.from_regex(
    r"[a-z][a-z0-9_]{0,8}", fullmatch=True
).filter(lambda name: name != "cls")
"""Names without special characters, except `cls`: MLflow cannot load a property of that name."""

any_names = st.one_of(plain_names, st.sampled_from(AWKWARD_NAMES), st.text(max_size=8)).filter(
    lambda name: name != "cls"
)
"""Any name that MLflow allows for a property or a param."""

names_and_numbers = any_names | st.integers(0, 9)
"""Names of columns, which may be numbers in pandas."""

scalars = st.sampled_from(list(DataType))
leaf_types = scalars | st.just(AnyType())


def types(
    names: st.SearchStrategy[str] = any_names, *, leaves: st.SearchStrategy[Any] = leaf_types
) -> st.SearchStrategy[Any]:
    """Draw a column type: a scalar, `any`, or arrays, objects and maps of them at any depth."""

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(
            st.builds(Array, inner),
            st.builds(Map, inner),
            objects(names, inner),
        )

    return st.recursive(leaves, deeper, max_leaves=6)


def objects(
    names: st.SearchStrategy[str] = any_names, inner: st.SearchStrategy[Any] = scalars
) -> st.SearchStrategy[Object]:
    """Draw an object of one to four properties, some of them optional."""
    triples = st.lists(
        st.tuples(names, inner, st.booleans()),
        min_size=1,
        max_size=4,
        unique_by=lambda triple: triple[0],
    )
    return triples.map(
        lambda found: Object([Property(name, dtype, required) for name, dtype, required in found])
    )


def column_schemas(
    names: st.SearchStrategy[Any] = names_and_numbers,
    *,
    named: bool | None = None,
    max_size: int = 4,
) -> st.SearchStrategy[Schema]:
    """Draw named columns (some optional) or unnamed ones (all required); None draws both kinds."""
    column_types = types() if named is None or names is not plain_names else types(plain_names)
    column_types = (
        column_types | st.just(SparkMLVector()) if names is not plain_names else column_types
    )
    triples = st.lists(
        st.tuples(names, column_types, st.booleans()),
        min_size=1,
        max_size=max_size,
        unique_by=lambda triple: str(triple[0]),
    )
    with_names = triples.map(
        lambda found: Schema([ColSpec(dtype, name, required) for name, dtype, required in found])
    )
    without = st.lists(column_types, min_size=1, max_size=max_size).map(
        lambda found: Schema([ColSpec(dtype) for dtype in found])
    )
    return {True: with_names, False: without, None: with_names | without}[named]


shapes = st.lists(st.just(-1) | st.integers(0, 5), max_size=4).map(tuple)
row_shapes = st.lists(st.just(-1) | st.integers(1, 4), max_size=3).map(lambda tail: (-1, *tail))


def tensor_schemas(
    names: st.SearchStrategy[Any] = names_and_numbers,
    *,
    dtypes: list[str] = TENSOR_DTYPES,
    tensor_shapes: st.SearchStrategy[tuple[int, ...]] = shapes,
) -> st.SearchStrategy[Schema]:
    """Draw one unnamed tensor, or several named ones."""
    kinds = st.sampled_from(dtypes).map(np.dtype)
    unnamed = st.builds(TensorSpec, kinds, tensor_shapes).map(lambda spec: Schema([spec]))
    triples = st.lists(
        st.tuples(names, kinds, tensor_shapes),
        min_size=1,
        max_size=3,
        unique_by=lambda triple: str(triple[0]),
    )
    return unnamed | triples.map(
        lambda found: Schema([TensorSpec(kind, shape, name) for name, kind, shape in found])
    )


_finite = st.floats(allow_nan=False)
_moments = (
    st.datetimes(min_value=datetime.datetime(1900, 1, 1), max_value=datetime.datetime(2200, 1, 1))
    | st.dates()
)
_defaults: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, width=32),
    "double": _finite,
    "string": st.text(max_size=10)
    | st.sampled_from(
        ["a=b", "null", "3", '"', "[x]", "= 1", " padded ", "# no comment", "a: b", "double = 2"]
    ),
    "datetime": _moments,
}


@st.composite
def param_specs(draw: st.DrawFn, name: str) -> ParamSpec:
    """Draw a param: a scalar, a list of them, or an object, with a default that MLflow accepts."""
    kind = draw(st.sampled_from([*_defaults, "object"]))
    if kind == "object":
        dtype = draw(
            objects(
                inner=st.sampled_from(
                    [DataType.string, DataType.long, DataType.double, DataType.boolean]
                )
            )
        )
        default = {
            prop.name: draw(_defaults[cast("DataType", prop.dtype).name])
            for prop in dtype.properties
            if prop.required or draw(st.booleans())
        }
        return ParamSpec(name, dtype, json.loads(json.dumps(default)))
    values = _defaults[kind]
    if draw(st.booleans()):
        return ParamSpec(name, DataType[kind], draw(st.lists(values, max_size=3)), (-1,))
    missing = st.nothing() if kind == "datetime" else st.none()
    return ParamSpec(name, DataType[kind], draw(values | missing))


@st.composite
def param_schemas(draw: st.DrawFn, names: st.SearchStrategy[str] = any_names) -> ParamSchema:
    """Draw one to four params with different names."""
    return ParamSchema(
        [
            draw(param_specs(name))
            for name in draw(st.lists(names, min_size=1, max_size=4, unique=True))
        ]
    )


@st.composite
def signatures(draw: st.DrawFn) -> ModelSignature:
    """Draw a signature with at least one of inputs, outputs and params."""
    schemas = column_schemas() | tensor_schemas()
    inputs, outputs, params = (
        draw(st.none() | schemas),
        draw(st.none() | schemas),
        draw(st.none() | param_schemas()),
    )
    if inputs is None and outputs is None and params is None:
        inputs = draw(schemas)
    return ModelSignature(inputs, outputs, params)  # type: ignore[arg-type]

"""Compares a written signature with the type hints of `predict`.

MLflow silently stores the signature of the hints instead of the written one.
"""

from __future__ import annotations

from mlflow.models import ModelSignature
from mlflow.types.schema import Array, Map, Object, Property, Schema, TensorSpec

from modelpact._internal.counts import format_count
from modelpact._internal.text import list_items, preview, truncate
from modelpact.errors import SignError
from modelpact.signature.compat.descriptions import describe_part
from modelpact.signature.inference.type_hints import from_predict
from modelpact.signature.language.spec import to_spec
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import format_type, properties_by_name

__all__ = ["check_type_hints", "diff_type_hints"]

_Differences = list[tuple[str, str]]


def check_type_hints(signature: ModelSignature, function: object) -> None:
    """Check that a written signature equals the signature of the type hints of `predict`.

    Args:
        signature: The written signature.
        function: A `predict` function or method, or a `PythonModel`. Inputs or outputs without a
            hint are not compared.

    Raises:
        SignError: They differ, or a hint has no schema. `differences` lists each difference as
            `(path, text)`, and the remedy shows the signature of the hints.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> def predict(model_input: list[str]) -> list[float]: ...
        >>> check_type_hints(parse({"inputs": ["string"], "outputs": ["double"]}), predict)
    """
    inputs, outputs = from_predict(function)
    differences: _Differences = []
    differences += diff_type_hints(signature.inputs, inputs)
    differences += diff_type_hints(signature.outputs, outputs, role="outputs")
    if not differences:
        return
    count = format_count(len(differences), "difference")
    lines = [f"{path}: {text}" for path, text in differences]
    spec = to_spec(ModelSignature(inputs, outputs))
    hinted = "; ".join(f"{role}: {preview(value)}" for role, value in spec.items())
    raise SignError(
        list_items(
            f"the signature does not match the type hints of predict, {count}", lines, len(lines)
        ),
        remedy=f"Change one of them. Signature of the type hints: {hinted}.",
        differences=differences,
    )


def diff_type_hints(
    written: Schema | None, hinted: Schema | None, *, role: str = "inputs"
) -> list[tuple[str, str]]:
    """Return the differences between a written schema and the schema of type hints.

    Args:
        written: The schema of the signature.
        hinted: The schema of the type hints; None if there are none to compare with.
        role: The root of the paths: `inputs` or `outputs`.

    Returns:
        The differences as `(path, text)`.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> old, new = (parse({"inputs": [{"age": kind}]}).inputs for kind in ("long", "double"))
        >>> diff_type_hints(old, new)
        [('inputs[0].age', 'long in the signature, double in the type hints')]
    """
    if hinted is None or written == hinted:
        return []
    if written is None:
        return _differ(role, "missing", _format_schema(hinted))
    if _get_layout(written) != _get_layout(hinted) or written.is_tensor_spec():
        return _differ(role, _format_schema(written), _format_schema(hinted))
    found: _Differences = []
    for index, (old, new) in enumerate(zip(written, hinted, strict=True)):
        path = f"{role}[{index}]" if old.name is None else f"{role}.{old.name}"
        found += _diff_types(old.type, new.type, path)
        found += _diff_required(bool(old.required), bool(new.required), path)
    return found


def _differ(path: str, old: str, new: str) -> _Differences:
    """Return one difference."""
    return [(path, f"{old} in the signature, {new} in the type hints")]


def _get_layout(schema: Schema) -> list[object]:
    return [schema.is_tensor_spec(), *(column.name for column in schema.inputs)]


def _format_schema(schema: Schema) -> str:
    items = []
    for spec in schema.inputs:
        text = format_type(spec if isinstance(spec, TensorSpec) else spec.type)
        items.append(text if spec.name is None else f"{spec.name}: {text}")
    return f"{describe_part(schema)} ({truncate(', '.join(items))})"


def _diff_required(old: bool, new: bool, path: str) -> _Differences:
    words = {True: "required", False: "optional"}
    return [] if old == new else _differ(path, words[old], words[new])


def _diff_types(old: ColumnType, new: ColumnType, path: str) -> _Differences:
    if old == new:
        return []
    if type(old) is type(new) is Array:
        return _diff_types(old.dtype, new.dtype, f"{path}[]")
    if type(old) is type(new) is Map:
        return _diff_types(old.value_type, new.value_type, f"{path}.*")
    if type(old) is type(new) is Object:
        return _diff_objects(old, new, path)
    return _differ(path, _format_clipped(old), _format_clipped(new))


def _diff_objects(old: Object, new: Object, path: str) -> _Differences:
    old_properties, new_properties = properties_by_name(old), properties_by_name(new)
    found: _Differences = []
    for name in dict.fromkeys([*old_properties, *new_properties]):
        properties = old_properties.get(name), new_properties.get(name)
        found += _diff_properties(*properties, f"{path}.{name}")
    return found


def _diff_properties(old: Property | None, new: Property | None, path: str) -> _Differences:
    if old is None or new is None:
        old_text, new_text = (
            "missing" if prop is None else _format_clipped(prop.dtype) for prop in (old, new)
        )
        return _differ(path, old_text, new_text)
    return [
        *_diff_types(old.dtype, new.dtype, path),
        *_diff_required(bool(old.required), bool(new.required), path),
    ]


def _format_clipped(dtype: ColumnType) -> str:
    return truncate(format_type(dtype))

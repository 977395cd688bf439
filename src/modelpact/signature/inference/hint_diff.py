"""Whether a written signature and the type hints of `predict` say the same; MLflow would silently store what the hints say."""

from __future__ import annotations

from typing import Any

from mlflow.models import ModelSignature
from mlflow.types.schema import Array, Map, Object, Schema

from modelpact._internal.text import preview
from modelpact.errors import SignError
from modelpact.signature.inference.type_hints import from_predict
from modelpact.signature.language.spec import to_spec
from modelpact.signature.language.types import format_type

__all__ = ["check_type_hints", "diff_type_hints"]


def check_type_hints(signature: ModelSignature, function: Any) -> None:
    """Make sure that a written signature says what the type hints of `predict` say.

    Args:
        signature: The signature as it was written.
        function: A `predict` function or method, or a `PythonModel`. What it does not hint is not compared.

    Raises:
        SignError: They disagree; `differences` lists each as `(place, text)`, the remedy is the signature that the hints state.
            Or a hint states no schema.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> def predict(model_input: list[str]) -> list[float]: ...
        >>> check_type_hints(parse({"inputs": ["string"], "outputs": ["double"]}), predict)
    """
    hinted = dict(zip(("inputs", "outputs"), from_predict(function), strict=True))
    found = [
        difference
        for role, schema in hinted.items()
        if schema is not None
        for difference in diff_type_hints(getattr(signature, role), schema, role=role)
    ]
    if not found:
        return
    count = f"{len(found)} difference{'s' if len(found) > 1 else ''}"
    written = to_spec(ModelSignature(hinted["inputs"], hinted["outputs"]))
    remedy = "; ".join(f"{role}: {preview(value)}" for role, value in written.items())
    raise SignError(
        "\n".join(
            [
                f"the signature and the type hints of predict disagree, {count}:",
                *(f"  {place}: {text}" for place, text in found),
            ]
        ),
        remedy=f"Change one of them; the hints state {remedy}.",
        differences=found,
    )


def diff_type_hints(
    written: Schema | None, hinted: Schema, *, role: str = "inputs"
) -> list[tuple[str, str]]:
    """Each place where two schemas differ, with what the first says and what the second.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> old, new = (parse({"inputs": [{"age": kind}]}).inputs for kind in ("long", "double"))
        >>> diff_type_hints(old, new)
        [('inputs[0].age', 'written long, hinted double')]
    """
    if written is None:
        return [(role, f"not written, hinted {_schema_text(hinted)}")]
    if _shape(written) != _shape(hinted) or written.is_tensor_spec():
        return (
            []
            if written == hinted
            else [(role, f"written {_schema_text(written)}, hinted {_schema_text(hinted)}")]
        )
    found: list[tuple[str, str]] = []
    for index, (old, new) in enumerate(zip(written, hinted, strict=True)):
        place = f"{role}[{index}]" if old.name is None else f"{role}.{old.name}"
        found += _members(old.type, bool(old.required), new.type, bool(new.required), place)
    return found


def _shape(schema: Schema) -> list[Any]:
    return [schema.is_tensor_spec(), *(column.name for column in schema)]


def _schema_text(schema: Schema) -> str:
    kind = (
        "tensor"
        if schema.is_tensor_spec()
        else "column"
        if schema.has_input_names()
        else "unnamed column"
    )
    items = [
        ("" if column.name is None else f"{column.name}: ")
        + format_type(column if schema.is_tensor_spec() else column.type)
        for column in schema
    ]
    return f"{len(items)} {kind}{'s' if len(items) > 1 else ''} ({preview(', '.join(items))[1:-1]})"


def _members(
    old: Any, old_required: bool, new: Any, new_required: bool, place: str
) -> list[tuple[str, str]]:
    found = _types(old, new, place)
    if old_required != new_required:
        words = {True: "required", False: "optional"}
        found.append((place, f"written {words[old_required]}, hinted {words[new_required]}"))
    return found


def _types(old: Any, new: Any, place: str) -> list[tuple[str, str]]:
    if old == new:
        return []
    if type(old) is type(new) is Array:
        return _types(old.dtype, new.dtype, f"{place}[]")
    if type(old) is type(new) is Map:
        return _types(old.value_type, new.value_type, f"{place}.*")
    if not (isinstance(old, Object) and isinstance(new, Object)):
        return [(place, f"written {_clipped(old)}, hinted {_clipped(new)}")]
    before, after = ({prop.name: prop for prop in dtype.properties} for dtype in (old, new))
    found: list[tuple[str, str]] = []
    for name in dict.fromkeys([*before, *after]):
        inside = f"{place}.{name}"
        if name not in after:
            found.append((inside, f"written {_clipped(before[name].dtype)}, not hinted"))
        elif name not in before:
            found.append((inside, f"not written, hinted {_clipped(after[name].dtype)}"))
        else:
            one, two = before[name], after[name]
            found += _members(one.dtype, bool(one.required), two.dtype, bool(two.required), inside)
    return found


def _clipped(dtype: Any) -> str:
    text = format_type(dtype)
    return text if len(text) <= 80 else text[:77] + "..."

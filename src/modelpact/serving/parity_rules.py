"""Finds the differences between two clients of a model, and the rules that explain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelpact._internal.text import truncate
from modelpact.errors import InputsError, OutputsError
from modelpact.models.row_objects import read_row_hint
from modelpact.serving.clients import CallResult, Payload
from modelpact.serving.comparison import is_null_of_nonfinite, iter_cells, unequal_paths
from modelpact.serving.mlflow_protocol import as_mlflow_table
from modelpact.signature import compile as compile_signature

if TYPE_CHECKING:
    from modelpact.loaders import Adapter
    from modelpact.models.row_objects import RowHint
    from modelpact.serving.comparison import Cell
    from modelpact.signature import Enforcer

__all__ = ["RULES", "Difference", "RuleChecker"]

RULES = {
    "MLFLOW_RULES": "mlflow.pyfunc enforces MLflow's rules; policy=mlflow gives the same verdict",
    "MLFLOW_CONVERSIONS": "mlflow.pyfunc converts inputs differently; so does policy=mlflow",
    "TYPE_HINTS": "mlflow.pyfunc validates the type hints; Pydantic gives the same verdict",
    "OUTPUTS_UNCHECKED": "mlflow.pyfunc does not check predictions; this one is invalid",
    "NAN_IS_NULL": "JSON does not have NaN and Infinity; they are null over HTTP",
    "NOT_DETERMINISTIC": "the model declares that its predictions are not deterministic",
}
"""The rules that explain a difference, each with its reason."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a client and the adapter.

    Attributes:
        payload: The number of the payload.
        client: The client.
        path: The path of the cell; empty for the verdict.
        python: The cell or verdict of the adapter.
        other: The cell or verdict of the client.
        rule: The key of `RULES` that explains the difference; empty if none does.
    """

    payload: int
    client: str
    path: str
    python: str
    other: str
    rule: str = ""


class RuleChecker:
    """Compares the results of two clients and tests which rule explains a difference.

    Args:
        adapter: The model.
    """

    def __init__(self, adapter: Adapter) -> None:
        is_deterministic = adapter.model is None or adapter.model.deterministic
        self._default_rule = "" if is_deterministic else "NOT_DETERMINISTIC"
        self._lossless = compile_signature(adapter.signature)
        self._mlflow = compile_signature(adapter.signature, policy="mlflow")
        self._row_hint = _load_row_hint(adapter)

    def compare(
        self,
        number: int,
        payload: Payload,
        client: str,
        python: CallResult,
        other: CallResult,
    ) -> tuple[list[Difference], int]:
        """Return the differences between two results, and the number of cells compared.

        Args:
            number: The number of the payload.
            payload: The payload.
            client: The client of `other`.
            python: The result of the adapter.
            other: The result of the client.
        """
        if python.verdict != other.verdict:
            is_pyfunc = client == "pyfunc"
            rule = self._explain_verdict(payload, python, other) if is_pyfunc else ""
            return [Difference(number, client, "", _describe(python), _describe(other), rule)], 0
        if python.verdict != "accepted":
            return [], 0
        expected = python.prediction
        if client == "invocations":
            expected = as_mlflow_table(expected)
        left, right = dict(iter_cells(expected)), dict(iter_cells(other.prediction))
        differences = []
        for path in unequal_paths(left, right):
            is_null = _is_null_of_nonfinite(left, right, path)
            rule = self._explain_cell(payload, client, is_null)
            cells = _describe_cell(left, path), _describe_cell(right, path)
            differences.append(Difference(number, client, path, *cells, rule))
        return differences, len(left)

    def _explain_cell(self, payload: Payload, client: str, is_null: bool) -> str:
        """Return the rule that explains a cell; `is_null` if it is null for NaN or Infinity."""
        if client == "pyfunc":
            is_converted = self._is_converted_differently(payload)
            return "MLFLOW_CONVERSIONS" if is_converted else self._default_rule
        return "NAN_IS_NULL" if is_null else self._default_rule

    def _is_converted_differently(self, payload: Payload) -> bool:
        """Return whether MLflow's enforcement passes other values to the model."""
        try:
            ours = self._lossless.enforce_call(payload.inputs, payload.params)
            theirs = self._mlflow.enforce_call(payload.inputs, payload.params)
        except InputsError:
            return False
        return any(
            any(True for _ in unequal_paths(dict(iter_cells(left)), dict(iter_cells(right))))
            for left, right in zip(ours, theirs, strict=True)
        )

    def _explain_verdict(self, payload: Payload, python: CallResult, other: CallResult) -> str:
        """Return the rule that explains why MLflow has another verdict than the adapter."""
        if python.verdict == "failed" and other.verdict == "accepted":
            try:
                self._lossless.enforce_outputs(other.prediction)
            except OutputsError:
                return "OUTPUTS_UNCHECKED"
            return self._default_rule
        if (python.verdict == "rejected") is (other.verdict == "rejected"):
            return ""
        is_accepted = other.verdict != "rejected"
        if _accepts(self._mlflow, payload) is is_accepted:
            return "MLFLOW_RULES"
        return "TYPE_HINTS" if self._hint_accepts(payload) is is_accepted else ""

    def _hint_accepts(self, payload: Payload) -> bool | None:
        """Return whether the type hint accepts the inputs; None without a type hint."""
        if self._row_hint is None:
            return None
        try:
            self._row_hint.to_objects(payload.inputs)
        except InputsError:
            return False
        return True


def _accepts(enforcer: Enforcer, payload: Payload) -> bool:
    try:
        enforcer.enforce_call(payload.inputs, payload.params)
    except InputsError:
        return False
    return True


def _load_row_hint(adapter: Adapter) -> RowHint | None:
    """Return the type hint by which the saved model validates inputs; None if there is none."""
    return None if adapter.model is None else read_row_hint(type(adapter.model).predict)


def _is_null_of_nonfinite(left: dict[str, Cell], right: dict[str, Cell], path: str) -> bool:
    return path in left and path in right and is_null_of_nonfinite(left[path], right[path])


def _describe(result: CallResult) -> str:
    return f"{result.verdict} ({result.reason})" if result.reason else result.verdict


def _describe_cell(cells: dict[str, Cell], path: str) -> str:
    return truncate(repr(cells[path])) if path in cells else "missing"

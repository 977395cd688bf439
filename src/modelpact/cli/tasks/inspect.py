"""`task=inspect`: show the signature of data and a model, and write it as a contract."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.tasks.base import Task
from modelpact.data import DataSource
from modelpact.data.base import all_inputs
from modelpact.errors import ConfigError, OutputsError, SignError
from modelpact.models import Model
from modelpact.models.row_methods import call_fit
from modelpact.models.row_objects import call_predict
from modelpact.pipeline.recorder import RunRecorder
from modelpact.pipeline.runner import STAGES
from modelpact.signers import ExampleSigner, InferSigner, Signer

if TYPE_CHECKING:
    from mlflow.types.schema import ParamSchema, Schema

    from modelpact.signature.export.column_table import ColumnRow
    from modelpact.types import Inputs, Outputs, Sample, Signature

__all__ = ["InspectTask"]

_MLFLOW_NOTE = (
    "Plain MLflow would sign this data as Any, or with a signature that rejects it, and at most "
    "log a warning."
)


class InspectTask(Task):
    """Shows the signature of data and a model without saving anything.

    Attributes:
        data: The data.
        model: The model; fitted only for `outputs`, and for a signer that needs it.
        signer: How the signature is made.
        outputs: Whether to fit the model and sign its predictions as well.
        write: The file for the contract; None for none.
        overwrite: Whether to replace another contract in that file.
    """

    data: DataSource
    model: Model
    signer: Signer
    outputs: bool = False
    write: str | None = None
    overwrite: bool = False

    def run(self, folder: Path) -> float | None:
        from modelpact.cli.render.contract_file import check_contract_path, contract_yaml

        if self.write is not None:
            check_contract_path(Path(self.write))
        if isinstance(self.signer, ExampleSigner) and not self.outputs:
            raise ConfigError(
                "signer=example calls the model, which is not fitted",
                remedy="Set task.outputs=true to fit it, or use signer=infer.",
            )
        with Progress() as progress, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            recorder = RunRecorder(STAGES, progress.stage)
            sample = self._read_sample(recorder)
            try:
                with recorder.stage("sign"):
                    signature = self.signer.sign(
                        all_inputs(sample), sample.outputs, params=sample.params, model=self.model
                    )
            except SignError as error:
                self._show_errors(sample, error)
                raise
        self._show(sample, signature)
        for warning in caught:
            echo(f"warning: {warning.message}")
        echo()
        echo(contract_yaml(signature).rstrip())
        if self.write is not None:
            echo()
            self._write_contract(Path(self.write), signature)
        return None

    def _read_sample(self, recorder: RunRecorder) -> Sample:
        with recorder.stage("read"):
            sample = self.data.with_contract(self.signer.contract()).read()
        if not self.outputs:
            return sample
        with recorder.stage("fit"):
            call_fit(self.model, sample.inputs, sample.targets)
        with recorder.stage("predict"):
            outputs = call_predict(self.model, sample.inputs, sample.params)
            return sample.with_outputs(outputs)

    def _show(self, sample: Sample, signature: Signature) -> None:
        integers = isinstance(self.signer, InferSigner) and self.signer.integers_as != "double"
        if signature.inputs is None:
            echo("inputs: not signed")
        else:
            self._show_schema("inputs", signature.inputs, sample.inputs, integers)
        self._show_params(signature.params)
        self._show_outputs(sample.outputs, signature.outputs)

    def _show_params(self, schema: ParamSchema | None) -> None:
        from modelpact.signature.export.column_table import HEADERS, describe_params

        if schema is not None and schema.params:
            rows = [row.cells() for row in describe_params(schema)]
            show_table("params", HEADERS, rows)
        else:
            echo("params: none")

    def _show_outputs(self, outputs: Outputs | None, schema: Schema | None) -> None:
        if schema is not None:
            title = "outputs (declared, not predicted)" if outputs is None else "outputs"
            self._show_schema(title, schema, outputs, False)
        elif self.outputs:
            echo("outputs: not signed")
        else:
            echo("outputs: unknown; task.outputs=true fits the model and signs its predictions")

    def _show_schema(
        self, title: str, schema: Schema, data: Inputs | Outputs, integers: bool
    ) -> None:
        from modelpact.signature.export.column_table import HEADERS, describe_schema

        rows = describe_schema(schema, data, check_integers=integers)
        show_table(title, HEADERS, [row.cells() for row in rows])

    def _show_errors(self, sample: Sample, error: SignError) -> None:
        """Show all columns, with the errors as remarks."""
        from modelpact.signature.export.column_table import HEADERS, add_errors

        errors = _errors_by_side(error)
        if not errors:
            return
        for side, rows in self._describe_sides(sample, error.signature).items():
            marked = add_errors(rows, errors.get(side, []))
            show_table(side, HEADERS, [row.cells() for row in marked])
        if error.problems:
            echo(_MLFLOW_NOTE)

    def _describe_sides(
        self, sample: Sample, signature: Signature | None
    ) -> dict[str, list[ColumnRow]]:
        """Return the rows of inputs, params and outputs; the signature may be missing or wrong."""
        from modelpact.signature.export.column_table import (
            ColumnRow,
            describe_columns,
            describe_schema,
        )

        on_any = self.signer.on_any if isinstance(self.signer, InferSigner) else "allow"

        def describe(side: str, data: Inputs | Outputs) -> list[ColumnRow]:
            schema = getattr(signature, side, None)
            if schema is None:
                return describe_columns(data, on_any)
            return describe_schema(schema, data, check_integers=False)

        tables = {"inputs": describe("inputs", sample.inputs)}
        if sample.params:
            params = sample.params.items()
            tables["params"] = [
                ColumnRow(str(key), example=str(value)[:30]) for key, value in params
            ]
        if sample.outputs is not None:
            tables["outputs"] = describe("outputs", sample.outputs)
        return tables

    def _write_contract(self, path: Path, signature: Signature) -> None:
        from modelpact.cli.render.contract_file import write_contract

        comment = f"{self.data.name}: written by task=inspect; review it"
        written = write_contract(path, signature, comment, overwrite=self.overwrite)
        echo(f"{'wrote' if written else 'unchanged:'} {path}")
        if path.parent.name == "contract":
            echo(f"use it: --config-dir {path.parent.parent} signer=explicit contract={path.stem}")


def _errors_by_side(error: SignError) -> dict[str, list[tuple[str, str]]]:
    """Return the path and text of each error, by inputs, outputs and params."""
    found: dict[str, list[tuple[str, str]]] = {}
    for place, text in error.problems:
        side, _, path = place.partition(": ")
        found.setdefault(side, []).append((path, text))
    side = "inputs"
    if isinstance(error.__cause__, OutputsError):
        side = "outputs"
    elif "the params violate" in str(error.__cause__):
        side = "params"
    for failure in error.failures:
        row = "" if failure.row is None else f"row {failure.row}: "
        text = f"{row}expected {failure.expected}, got {failure.got}"
        found.setdefault(side, []).append((failure.path, text))
    return found

"""`task=inspect`: what would be signed, and a contract to freeze it in."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.tasks.base import Task
from modelpact.data import DataSource
from modelpact.errors import ConfigError, OutputsError, SignError
from modelpact.models import Model
from modelpact.pipeline.publish import STAGES
from modelpact.pipeline.recorder import Journal
from modelpact.signers import ExampleSigner, InferSigner, Signer

if TYPE_CHECKING:
    from modelpact.types import Sample, Signature

__all__ = ["InspectTask"]

_SILENT = (
    "Plain MLflow would not have stopped: it signs such data as Any, or in a way that refuses the data itself, with at most a "
    "line in the log."
)


class InspectTask(Task):
    """Shows what would be signed, without saving anything; with `write`, freezes it as a contract.

    Attributes:
        data: Where the sample comes from.
        model: What would be published; fitted only for `outputs`, and for a signer that reads it.
        signer: Where the contract would come from.
        outputs: Whether to fit the model and sign what it answers as well.
        write: The file to freeze the contract in; None for none.
        overwrite: Whether that file may hold another contract, which is lost.
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
                "signer=example runs the model, which is not fitted",
                remedy="Set task.outputs=true to fit it, or use signer=infer.",
            )
        with Progress() as progress, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            journal = Journal(STAGES, progress.stage)
            sample = self._sample(journal)
            try:
                with journal.stage("sign"):
                    signed = self.signer.sign(
                        sample.inputs, sample.outputs, params=sample.params, model=self.model
                    )
            except SignError as error:
                self._show_refused(sample, error)
                raise
        self._show(sample, signed)
        for warning in told:
            echo(f"warning: {warning.message}")
        echo()
        echo(contract_yaml(signed).rstrip())
        if self.write is not None:
            echo()
            self._freeze(Path(self.write), signed)
        return None

    def _sample(self, journal: Journal) -> Sample:
        with journal.stage("read"):
            sample = self.data.read()
        if not self.outputs:
            return sample
        with journal.stage("fit"):
            self.model.fit(sample.inputs, sample.targets)
        with journal.stage("predict"):
            return sample.with_outputs(self.model.predict(sample.inputs, sample.params))

    def _show(self, sample: Sample, signed: Signature) -> None:
        from modelpact.cli.render.column_table import HEADERS, describe, describe_params

        integers = isinstance(self.signer, InferSigner) and self.signer.integers_as != "double"
        for side, schema, data in (
            ("inputs", signed.inputs, sample.inputs),
            ("outputs", signed.outputs, sample.outputs),
        ):
            if schema is None:
                echo(f"{side}: {self._unsigned(side)}")
            else:
                title = side if data is not None else f"{side} (the model was not asked)"
                lines = describe(schema, data, integers=integers and side == "inputs")
                show_table(title, HEADERS, [line.cells() for line in lines])
            if side == "inputs" and signed.params is not None and signed.params.params:
                show_table(
                    "params", HEADERS, [line.cells() for line in describe_params(signed.params)]
                )
            elif side == "inputs":
                echo("params: none")

    def _unsigned(self, side: str) -> str:
        if side == "outputs" and not self.outputs:
            return "unknown without a model; task.outputs=true fits it and signs what it answers"
        return "not signed"

    def _show_refused(self, sample: Sample, error: SignError) -> None:
        """All columns, with what was refused as remarks."""
        from modelpact.cli.render.column_table import HEADERS, Column, alone, describe, marked

        refusals = _refusals(error)
        if not refusals:
            return
        signed = error.signature
        on_any = self.signer.on_any if isinstance(self.signer, InferSigner) else "allow"
        params = [
            Column(str(name), example=str(value)[:30])
            for name, value in (sample.params or {}).items()
        ]
        for side, data in (
            ("inputs", sample.inputs),
            ("params", params or None),
            ("outputs", sample.outputs),
        ):
            if data is None:
                continue
            schema = getattr(signed, side, None)
            if side == "params":
                lines = params
            else:
                lines = (
                    alone(data, on_any)
                    if schema is None
                    else describe(schema, data, integers=False)
                )
            found = marked(lines, [(path, text) for where, path, text in refusals if where == side])
            show_table(side, HEADERS, [line.cells() for line in found])
        if error.problems:
            echo(_SILENT)

    def _freeze(self, path: Path, signed: Signature) -> None:
        from modelpact.cli.render.contract_file import write_contract

        written = write_contract(
            path,
            signed,
            f"{self.data.name}: frozen by task=inspect, to be reviewed",
            overwrite=self.overwrite,
        )
        echo(f"{'wrote' if written else 'unchanged:'} {path}")
        if path.parent.name == "contract":
            echo(f"use it: --config-dir {path.parent.parent} signer=explicit contract={path.stem}")


def _refusals(error: SignError) -> list[tuple[str, str, str]]:
    """What was refused, each as `(side, path, text)`."""
    found = []
    for place, text in error.problems:
        side, _, path = place.partition(": ")
        found.append((side, path, text))
    cause = error.__cause__
    side = (
        "outputs"
        if isinstance(cause, OutputsError)
        else "params"
        if "the params violate" in str(cause)
        else "inputs"
    )
    for failure in error.failures:
        row = "" if failure.row is None else f"row {failure.row}: "
        found.append((side, failure.path, f"{row}expected {failure.expected}, got {failure.got}"))
    return found

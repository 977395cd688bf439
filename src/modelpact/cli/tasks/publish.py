"""`task=publish`: publish a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from modelpact._internal.signals import held_signals
from modelpact.cli.render.progress import Progress, show_receipt
from modelpact.cli.tasks.base import Task
from modelpact.data import DataSource
from modelpact.errors import ConfigError
from modelpact.loaders import Loader
from modelpact.models import Model
from modelpact.pipeline import publish
from modelpact.pipeline.dry_run import dry_run
from modelpact.pipeline.stages import Steps
from modelpact.registers import Register
from modelpact.savers import Saver
from modelpact.signers import Signer
from modelpact.tracking import Tracking
from modelpact.verifiers import Verifier

__all__ = ["PublishTask"]


class PublishTask(Task):
    """Publishes a model: data -> model -> sign -> save -> load -> verify -> register.

    Attributes:
        name: The registered model; None for the name of the data.
        data: The data.
        model: The model.
        signer: How the signature is made.
        saver: How the model is saved.
        loader: How the model is loaded.
        verifier: How the saved model is verified.
        registry: How a version is created; the field `register` in a configuration.
        tracking: The store.
        dry_run: Whether to do everything but write to the store.
    """

    name: str | None
    data: DataSource
    model: Model
    signer: Signer
    saver: Saver
    loader: Loader
    verifier: Verifier
    # `register` is a method of every abstract class.
    registry: Register = Field(alias="register")
    tracking: Tracking
    dry_run: bool = False

    def check(self) -> None:
        # Called for the jobs of a sweep.
        if self.dry_run:
            raise ConfigError(
                "task.dry_run=true cannot be combined with a sweep, which writes to the store",
                remedy="Run the jobs one by one.",
                key="task.dry_run",
            )
        steps = self._steps()
        name = steps.pop("name")
        Steps(**steps).check(self.data.name if name is None else name)

    def _steps(self) -> dict[str, Any]:
        """Return the arguments of `publish`."""
        fields = self.option_fields()
        del fields["dry_run"]
        return {field.alias or name: getattr(self, name) for name, field in fields.items()}

    def run(self, folder: Path) -> float | None:
        run = dry_run if self.dry_run else publish
        # A signal that arrives too late to stop the run does not hide its result.
        with held_signals():
            with Progress(keep_finished=self._job.number is None) as progress:
                receipt = run(**self._steps(), folder=folder, observe=progress.stage, job=self._job)
            show_receipt(receipt, folder)
        return next(iter(receipt.metrics.values()), None)

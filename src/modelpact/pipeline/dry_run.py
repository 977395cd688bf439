"""`dry_run`: a run of `publish` that writes nothing to the store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from modelpact._internal.files import temporary_folder, write_atomically
from modelpact.errors import PactError
from modelpact.pipeline.runner import publish
from modelpact.registers import MlflowRegister, Register
from modelpact.registry import COMPATIBILITY_TAG, CompatibilityReport
from modelpact.security.leak_scan import redact_json
from modelpact.tracking import SqliteTracking, Tracking

if TYPE_CHECKING:
    from modelpact.models import Model
    from modelpact.types import Job, Receipt, Signature, Version

__all__ = ["dry_run"]


def dry_run(
    *,
    model: Model,
    register: Register,
    tracking: Tracking,
    folder: Path | None = None,
    **steps: Any,
) -> Receipt:
    """Run all stages of `publish` with a temporary store, and write nothing to the real one.

    The contract is compared with the versions of the real store. Neither that store nor the
    experiment is created, and no version.

    Args:
        model: The model.
        register: Finds the same job and compares the contract; it does not register the model.
        tracking: The real store.
        folder: Where `receipt.json` is written; None for nowhere.
        **steps: The other arguments of `publish`.

    Raises:
        PactError: A stage failed, as in `publish`.
    """
    # Within `publish`, MLflow's settings name the temporary store.
    real = tracking.target()

    def finish(receipt: Receipt) -> Receipt:
        kinds = {**receipt.steps, "register": register.KIND, "tracking": tracking.KIND}
        changes: dict[str, Any] = {"dry_run": True, "run_id": None, "steps": kinds}
        changes |= {"tracking_uri": real.display_uri(), "experiment": None}
        if not receipt.reused:
            changes["model_uri"] = None
        receipt = receipt.model_copy(update=changes)
        if folder is not None:
            write_atomically(folder / "receipt.json", redact_json(receipt.to_json()))
        return receipt

    with temporary_folder() as temporary:
        store = SqliteTracking(
            uri=f"sqlite:///{temporary}/mlflow.db", artifact_location=f"{temporary}/artifacts"
        )
        try:
            with _reading(real):
                # A stored model is read from the real store.
                model.identity()
            reading = _ReadingRegister(inner=register, tracking=real)
            return finish(publish(model=model, register=reading, tracking=store, **steps))
        except PactError as error:
            if error.receipt is not None:
                error.receipt = finish(error.receipt)
            raise


@contextlib.contextmanager
def _reading(tracking: Tracking) -> Iterator[None]:
    """Open a store that exists."""
    file = tracking.file()
    if file is not None and not file.exists():
        yield
        return
    with tracking.read_only().open():
        yield


class _ReadingRegister(Register):
    """Reads what another register reads from the real store, and registers nothing.

    The tags of the version are scanned for secrets as if it were created.
    """

    inner: Register
    tracking: Tracking

    _report: CompatibilityReport = PrivateAttr(default_factory=lambda: CompatibilityReport("none"))

    def check(self, name: str) -> None:
        self.inner.check(name)

    def find(self, name: str, job_key: str, job: Job | None = None) -> Version | None:
        with _reading(self.tracking):
            return self.inner.find(name, job_key, job)

    def check_compatibility(self, name: str, signature: Signature) -> CompatibilityReport | None:
        with _reading(self.tracking):
            report = self.inner.check_compatibility(name, signature)
        self._report = report or self._report
        return report

    def register(
        self, name: str, model_uri: str, *, tags: dict[str, str] | None = None
    ) -> Version | None:
        from mlflow import MlflowClient

        if isinstance(self.inner, MlflowRegister):
            model = MlflowClient().get_logged_model(model_uri.removeprefix("models:/"))
            tags = {COMPATIBILITY_TAG: self._report.to_tag(), **(tags or {})}
            self.inner.scanned_tags(model, tags)
        return None

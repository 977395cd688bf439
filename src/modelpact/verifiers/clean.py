"""`CleanVerifier`: predicts the sample in a new process, with the code that the model carries."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from modelpact._internal.files import temporary_folder
from modelpact.errors import PredictError
from modelpact.loaders import Adapter
from modelpact.signature import compile as compile_signature
from modelpact.types import Check, Sample
from modelpact.verifiers.clean_process import CleanReport
from modelpact.verifiers.replay import ReplayVerifier

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["CleanVerifier"]

SCRIPT = Path(__file__).with_name("clean_process.py")


class CleanVerifier(ReplayVerifier):
    """Predicts the sample in a new process, in another folder, where modelpact is hidden.

    Attributes:
        timeout: Seconds until the process is terminated.
    """

    timeout: float = Field(default=300.0, gt=0)

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        reports: list[CleanReport] = []

        def predict() -> Any:
            reports.append(self._run(adapter, sample))
            if reports[0]["error"]:
                raise PredictError(f"in a clean process: {reports[0]['error']}")
            return compile_signature(adapter.signature).enforce_outputs(reports[0]["prediction"])

        yield self._check_signature(adapter, signature)
        yield from self._check_predictions(predict, adapter, sample)
        source = reports[0]["modelpact"] if reports else "not loaded"
        yield Check(
            code="SELF_CONTAINED",
            ok=source in {"carried", "not used"},
            detail=f"in a clean process, the code of modelpact was {source}",
        )
        yield self._check_serving_example(adapter)
        yield self._check_invalid_calls(adapter)

    def _run(self, adapter: Adapter, sample: Sample) -> CleanReport:
        """Load and call the model in a new process, and return what the process reports."""
        with temporary_folder() as folder:
            shutil.copytree(adapter.folder, folder / "model")
            (folder / "question.pickle").write_bytes(pickle.dumps((sample.inputs, sample.params)))
            command = [sys.executable, "-P", str(SCRIPT), str(folder / "model"), str(folder)]
            try:
                process = subprocess.run(
                    command,
                    cwd=folder,
                    env=_clean_environment(),
                    capture_output=True,
                    text=True,
                    timeout=self.timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return _failure(f"no prediction within verifier.timeout={self.timeout:g} s")
            answer = folder / "answer.pickle"
            if not answer.exists():
                last = (process.stderr.strip().splitlines() or ["no output"])[-1]
                return _failure(f"the process ended with status {process.returncode}: {last[:300]}")
            report: CleanReport = pickle.loads(answer.read_bytes())
            return report


def _clean_environment() -> dict[str, str]:
    hidden = ("PYTHONPATH", "MLFLOW_TRACKING")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


def _failure(error: str) -> CleanReport:
    return {"error": error, "prediction": None, "modelpact": "not loaded"}

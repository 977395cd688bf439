"""Proving a saved model before anyone depends on it: one class a way, each with a YAML file in `conf/verifier`.

All checks are made, whatever the first of them says; then a bad verdict is raised with every failure in it.
"""

from __future__ import annotations

import functools
import json
import os
import pickle
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact._internal.text import truncate
from modelpact.datatypes import count_rows
from modelpact.errors import InputsError, OutputsError, PactError, PredictError, VerifyError
from modelpact.loaders import Adapter
from modelpact.signature import InvalidExample, generate_invalid_examples
from modelpact.types import Check, Sample, Step, Verdict

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["CleanVerifier", "NoneVerifier", "ReplayVerifier", "Verifier"]

BREAKS = 12
"""How many examples that break the contract are sent to a model: one of each kind, then a second of each kind, ..."""


class Verifier(Step, ABC):
    """Checks a loaded model against what was signed."""

    @abstractmethod
    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        """Make each check; one that raises is a check that failed."""

    def verify(self, adapter: Adapter, sample: Sample, signature: Signature) -> Verdict:
        """Check a loaded model.

        Args:
            adapter: The model as a loader gave it.
            sample: Rows, params, and in `outputs` what the model answered before it was saved.
            signature: What was signed.

        Raises:
            VerifyError: At least one check failed; `verdict` holds all of them.
        """
        verdict = Verdict(tuple(self.checks(adapter, sample, signature)))
        if not verdict.ok:
            lines = "\n".join(f"  {check.code}: {check.detail}" for check in verdict.failed)
            raise VerifyError(
                f"{len(verdict.failed)} of {len(verdict.checks)} checks failed:\n{lines}",
                remedy="Nothing was registered. Mend the model or its signature, and publish again.",
                verdict=verdict,
            )
        return verdict


class NoneVerifier(Verifier):
    """Checks nothing, and says so in the receipt."""

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        yield Check(code="NOT_VERIFIED", ok=True, detail="verifier=none")


class ReplayVerifier(Verifier):
    """Replays the sample through the loaded model, in this process.

    Attributes:
        rtol: Relative difference allowed between two floats that should be equal.
        atol: Absolute difference allowed.
    """

    rtol: float = Field(default=1e-6, ge=0)
    atol: float = Field(default=1e-9, ge=0)

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        yield _signature_stored(adapter, signature)
        yield from self._replayed(
            lambda: adapter.predict(sample.inputs, sample.params).prediction,
            sample,
            _is_repeatable(adapter),
        )
        yield _serving_example(adapter)
        yield _breaks_refused(adapter)

    def _replayed(
        self, predict: Callable[[], Any], sample: Sample, repeatable: bool
    ) -> Iterator[Check]:
        try:
            again = predict()
        except (InputsError, PredictError) as error:
            yield Check(code="PREDICTIONS_EQUAL", ok=False, detail=error.message)
            return
        except OutputsError as error:
            yield Check(code="OUTPUTS_CONFORM", ok=False, detail=error.message)
            return
        yield Check(
            code="OUTPUTS_CONFORM", ok=True, detail="every answer conforms to the signature"
        )
        if not repeatable:
            difference = _difference_in_shape(again, sample.outputs)
            detail = (
                difference
                or "the saved model answers every row; its answers need not repeat themselves"
            )
            yield Check(code="ANSWERED", ok=not difference, detail=detail)
            return
        difference = _difference(again, sample.outputs, self.rtol, self.atol)
        yield Check(
            code="PREDICTIONS_EQUAL",
            ok=not difference,
            detail=difference or "the saved model answers as the fitted one did",
        )


class CleanVerifier(ReplayVerifier):
    """Replays the sample in a new process, in another folder, with only the code that the model carries.

    Attributes:
        timeout: Seconds that process may take.
    """

    timeout: float = Field(default=300.0, gt=0)

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        yield _signature_stored(adapter, signature)
        report: dict[str, Any] = {}

        def predict() -> Any:
            report.update(self._run(adapter, sample))
            if report["error"]:
                raise PredictError(f"in a clean process: {report['error']}")
            return _conforming(adapter, report["prediction"])

        yield from self._replayed(predict, sample, _is_repeatable(adapter))
        carried = report.get("modelpact", "not loaded")
        ok = carried in {"carried", "not used"}
        yield Check(
            code="SELF_CONTAINED",
            ok=ok,
            detail=f"in a clean process modelpact's code was {carried}",
        )
        yield _serving_example(adapter)
        yield _breaks_refused(adapter)

    def _run(self, adapter: Adapter, sample: Sample) -> dict[str, Any]:
        script = Path(__file__).with_name("clean_process.py")
        with temporary_folder() as folder:
            shutil.copytree(adapter.folder, folder / "model")
            (folder / "question.pickle").write_bytes(pickle.dumps((sample.inputs, sample.params)))
            environment = {
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("PYTHONPATH", "MLFLOW_TRACKING"))
            }
            command = [sys.executable, "-P", str(script), str(folder / "model"), str(folder)]
            try:
                done = subprocess.run(
                    command,
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=self.timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return {
                    "error": f"no answer within verifier.timeout={self.timeout:g} s",
                    "modelpact": "not loaded",
                }
            answer = folder / "answer.pickle"
            if not answer.exists():
                last = (done.stderr.strip().splitlines() or ["no output"])[-1]
                return {
                    "error": f"the process ended with status {done.returncode}: {last[:300]}",
                    "modelpact": "not loaded",
                }
            report: dict[str, Any] = pickle.loads(answer.read_bytes())
            return report


def _signature_stored(adapter: Adapter, signature: Signature) -> Check:
    same = adapter.pyfunc.metadata.signature == signature
    return Check(
        code="SIGNATURE_STORED",
        ok=same,
        detail="the stored signature is the signed one" if same else "it is another one",
    )


def _conforming(adapter: Adapter, prediction: Any) -> Any:
    from modelpact.signature import compile as compile_signature

    return compile_signature(adapter.signature).enforce_outputs(prediction)


def _serving_example(adapter: Adapter) -> Check:
    """Send the stored serving example through MLflow's own scoring path."""
    from mlflow.exceptions import MlflowException

    code = "SERVING_EXAMPLE"
    try:
        body = adapter.pyfunc.metadata.get_serving_input(str(adapter.folder))
        if body is None:
            return Check(
                code=code, ok=False, detail="no serving_input_example.json is stored with the model"
            )
        response = mlflow_compat.scoring_request(adapter.pyfunc, body)
    except (MlflowException, OSError) as error:
        return Check(code=code, ok=False, detail=truncate(error, 300))
    answered = response.status == HTTPStatus.OK and "predictions" in json.loads(response.response)
    return Check(
        code=code,
        ok=answered,
        detail=f"MLflow's scoring server answers it with status {response.status}",
    )


def _breaks_refused(adapter: Adapter) -> Check:
    """Send examples that break the contract, each in one way; every one must be refused before the model is asked."""
    accepted = []
    for broken in _breaks(json.dumps(adapter.signature.to_dict())):
        try:
            adapter.predict(broken.inputs, broken.params)
        except InputsError:
            continue
        except PactError as error:
            accepted.append(
                f"{broken.kind} at {broken.path} reached the model ({type(error).__name__})"
            )
        else:
            accepted.append(f"{broken.kind} at {broken.path} was answered")
    detail = (
        "; ".join(accepted)[:500]
        or f"{BREAKS} inputs and params that break the contract, all refused"
    )
    return Check(code="BREAKS_REFUSED", ok=not accepted, detail=detail)


@functools.lru_cache(maxsize=8)
def _breaks(signature: str) -> list[InvalidExample]:
    """The breaks of a signature, given as JSON: the jobs of a sweep often have the same, and nobody changes them."""
    from mlflow.models import ModelSignature

    return generate_invalid_examples(ModelSignature.from_dict(json.loads(signature)), BREAKS)


def _is_repeatable(adapter: Adapter) -> bool:
    return adapter.model is None or adapter.model.deterministic


def _difference_in_shape(left: Any, right: Any) -> str:
    """How two predictions differ in kind, columns or number of rows; empty where they do not."""
    if type(left) is not type(right):
        return f"the answer was a {type(right).__name__} and is a {type(left).__name__}"
    if hasattr(left, "columns") and list(left.columns) != list(right.columns):
        return f"the columns were {list(right.columns)} and are {list(left.columns)}"
    count, before = count_rows(left), count_rows(right)
    return "" if count == before else f"there were {before} answers and are {count}"


def _difference(left: Any, right: Any, rtol: float, atol: float) -> str:
    """How two predictions differ, in a sentence; empty where they do not."""
    if type(left) is not type(right) or (
        hasattr(left, "columns") and list(left.columns) != list(right.columns)
    ):
        return _difference_in_shape(left, right)
    if isinstance(left, dict):
        if left.keys() != right.keys():
            return f"the keys were {sorted(map(str, right))} and are {sorted(map(str, left))}"
        found = (_difference(left[key], right[key], rtol, atol) for key in left)
        return next((text for text in found if text), "")
    import pandas as pd

    one, other = np.asarray(left), np.asarray(right)
    if one.shape != other.shape:
        return f"the shape was {other.shape} and is {one.shape}"
    if one.dtype.kind in "fc" and other.dtype.kind in "fc":
        equal = np.isclose(one, other, rtol=rtol, atol=atol, equal_nan=True)
    else:
        equal = np.asarray(one == other) | (pd.isna(one) & pd.isna(other))
    if bool(np.all(equal)):
        return ""
    return f"{int(np.size(equal) - np.count_nonzero(equal))} of {np.size(equal)} values differ"

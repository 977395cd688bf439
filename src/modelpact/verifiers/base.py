"""The base class of verifiers: it runs all checks, and raises one error with all failed ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpact.errors import VerifyError
from modelpact.loaders import Adapter
from modelpact.types import Check, Sample, Step, Verdict

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["NoneVerifier", "Verifier"]


class Verifier(Step, ABC):
    """Checks a loaded model against the signed sample before it is registered."""

    @abstractmethod
    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        """Yield the result of each check; a check that raises is a failed check."""

    def verify(self, adapter: Adapter, sample: Sample, signature: Signature) -> Verdict:
        """Check a loaded model.

        Args:
            adapter: The model as a loader returned it.
            sample: Inputs, params, and in `outputs` the predictions of the fitted model.
            signature: The signed signature.

        Raises:
            VerifyError: At least one check failed; `verdict` holds all of them.
        """
        verdict = Verdict(tuple(self.checks(adapter, sample, signature)))
        if not verdict.ok:
            lines = "\n".join(f"  {check.code}: {check.detail}" for check in verdict.failed)
            raise VerifyError(
                f"{len(verdict.failed)} of {len(verdict.checks)} checks failed:\n{lines}",
                remedy="Fix the model or its signature, and publish again.",
                verdict=verdict,
            )
        return verdict


class NoneVerifier(Verifier):
    """Runs no check; the receipt records it."""

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        yield Check(code="NOT_VERIFIED", ok=True, detail="verifier=none")

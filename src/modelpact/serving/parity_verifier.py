"""`verifier=parity`: verifies a saved model through every client that its callers use.

It is not in `modelpact.verifiers` because it needs the server, which is above the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from modelpact._internal.text import truncate
from modelpact.loaders import Adapter
from modelpact.serving.parity import compare, generate_payloads
from modelpact.types import Check, Sample
from modelpact.verifiers import ReplayVerifier

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["ParityVerifier"]

MAX_SHOWN = 5
"""Differences that the check lists at most."""


class ParityVerifier(ReplayVerifier):
    """Replays the sample, then compares predictions in Python, through MLflow and over HTTP.

    Attributes:
        payloads: The number of payloads: the stored example, generated ones, and invalid ones.
        seed: The seed of the payloads.
    """

    payloads: int = Field(default=25, ge=1)
    seed: int = Field(default=0, ge=0)

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        yield from super().checks(adapter, sample, signature)
        parity = compare(adapter, generate_payloads(adapter, self.payloads, self.seed))
        unexplained = parity.unexplained
        if unexplained:
            shown = "; ".join(parity.describe(difference) for difference in unexplained[:MAX_SHOWN])
            detail = f"{len(unexplained)} differences: {shown}"
        else:
            detail = f"{len(parity.results)} payloads, same verdicts and predictions"
            if parity.differences:
                detail += f", {parity.explained.total()} differences explained"
        yield Check(code="PARITY", ok=not unexplained, detail=truncate(detail, 500))

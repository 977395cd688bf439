"""`verifier=parity`: proves a saved model by replaying it, and by asking it in every way that its callers will.

It stands here and not beside the other verifiers: it needs the server, which stands above the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from modelpact.loaders import Adapter
from modelpact.serving.parity import compare, payloads
from modelpact.types import Check, Sample
from modelpact.verifiers import ReplayVerifier

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["ParityVerifier"]


class ParityVerifier(ReplayVerifier):
    """Replays the sample as `ReplayVerifier` does, then asks in Python, by plain MLflow and over HTTP, and compares.

    Attributes:
        payloads: How many payloads are asked in each way: the stored example, and made ones that conform and that do not.
        seed: The same seed makes the same payloads.
    """

    payloads: int = Field(default=25, ge=1)
    seed: int = Field(default=0, ge=0)

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        yield from super().checks(adapter, sample, signature)
        found = compare(adapter, payloads(adapter, self.payloads, self.seed))
        left = found.unexplained
        told = "; ".join(
            f"payload {one.payload} ({found.asked[one.payload].kind}), {one.way}"
            f"{one.path and f', cell {one.path}'}: {one.other}, in Python {one.python}"
            for one in left[:5]
        )
        explained = (
            f", {found.explained.total()} differences explained" if found.differences else ""
        )
        equal = f"{len(found.asked)} payloads, one verdict and one answer{explained}"
        detail = f"{len(left)} differences: {told}" if left else equal
        yield Check(code="PARITY", ok=not left, detail=detail[:500])

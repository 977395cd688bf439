"""Verifiers check a loaded model.

One class per strategy, each with a config file in `conf/verifier`.
"""

from __future__ import annotations

from modelpact.verifiers.base import NoneVerifier, Verifier
from modelpact.verifiers.clean import CleanVerifier
from modelpact.verifiers.replay import ReplayVerifier

__all__ = ["CleanVerifier", "NoneVerifier", "ReplayVerifier", "Verifier"]

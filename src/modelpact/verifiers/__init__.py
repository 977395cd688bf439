"""Verifiers: one class per way to verify a loaded model, each with a config file in `conf/verifier`."""

from __future__ import annotations

from modelpact.verifiers.verifiers import CleanVerifier, NoneVerifier, ReplayVerifier, Verifier

__all__ = ["CleanVerifier", "NoneVerifier", "ReplayVerifier", "Verifier"]

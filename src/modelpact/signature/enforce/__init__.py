"""Enforcement: data checked against a signature, in both directions, with one verdict wherever it is asked for."""

from __future__ import annotations

from modelpact.signature.enforce.enforcer import Enforcer, Extra, Policy, compile, enforce
from modelpact.signature.enforce.failures import Code, Failure

__all__ = ["Code", "Enforcer", "Extra", "Failure", "Policy", "compile", "enforce"]

"""Enforcement: data checked against a signature, in both directions, with one verdict wherever it is asked for."""

from __future__ import annotations

from modelpact.signature.enforcement.enforcer import Enforcer, Extra, Policy, compile, enforce
from modelpact.signature.enforcement.violations import Code, Failure

__all__ = ["Code", "Enforcer", "Extra", "Failure", "Policy", "compile", "enforce"]

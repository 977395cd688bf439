"""Options of enforcement: the policy, and the treatment of extra columns."""

from __future__ import annotations

import warnings
from typing import Literal, get_args

from modelpact.signature.enforcement.violations import ViolationCode, Violations
from modelpact.signature.field_path import FieldPath

__all__ = ["Extra", "Policy", "check_options", "report_extra"]

Policy = Literal["mlflow", "lossless", "strict"]
Extra = Literal["ignore", "warn", "forbid"]


def report_extra(
    extra: str, path: FieldPath, expected: str, got: str, *, warning: str, violations: Violations
) -> None:
    """Add a violation for an extra column or tensor, warn about it, or ignore it."""
    if extra == "forbid":
        violations.add_message(ViolationCode.EXTRA_COLUMN, path, expected, got)
    elif extra == "warn":
        warnings.warn(warning, UserWarning, stacklevel=2)


def check_options(policy: str, extra: str) -> None:
    """Check the names of a policy and of a treatment of extra columns.

    Raises:
        ValueError: One of them is unknown.
    """
    for name, value, known in (
        ("policy", policy, get_args(Policy)),
        ("extra", extra, get_args(Extra)),
    ):
        if value not in known:
            raise ValueError(f"unknown {name} {value!r}: use one of {', '.join(known)}")

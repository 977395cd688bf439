"""Options of enforcement: the policy, and the treatment of extra columns."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["Extra", "Policy", "check_options"]

Policy = Literal["mlflow", "lossless", "strict"]
Extra = Literal["ignore", "warn", "forbid"]


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

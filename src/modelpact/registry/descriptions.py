"""Descriptions of versions and registered models: their contracts in Markdown."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from modelpact.security.leak_scan import redact
from modelpact.signature.export.markdown import contract_sections
from modelpact.tracking import remote_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Signature

__all__ = ["describe_contract", "describe_model"]

MAX_LENGTH = 5000
"""MLflow's limit of the characters of a description in a database."""

_MARK = "\n\n<!-- modelpact "
"""The start of a comment with a digest of the text: a text that a user edits does not match it."""

_CUT = "\n\nThe contract is longer: `modelpact task=export task.to=markdown` prints all of it."


def describe_contract(signature: Signature | None) -> str:
    """Return the description of a version: its contract, at most `MAX_LENGTH` characters long.

    It is empty without a contract.
    """
    if signature is None:
        return ""
    # The name of a column may be a secret.
    text = redact("\n\n".join(contract_sections(signature)))
    longest = MAX_LENGTH - len(_mark(""))
    if len(text) > longest:
        text = text[: longest - len(_CUT)].rpartition("\n")[0] + _CUT
    return text + _mark(text)


def describe_model(client: MlflowClient, name: str, signature: Signature | None) -> None:
    """Set the description of a registered model to the contract of its newest version.

    A text that a user wrote or edited is kept. A failure is only logged, because the version exists
    already.
    """
    text = describe_contract(signature)
    with remote_store.log_failure(f"cannot describe the registered model {name}"):
        current = client.get_registered_model(name).description or ""
        if current != text and _is_own(current):
            client.update_registered_model(name, text)


def _mark(text: str) -> str:
    return f"{_MARK}{hashlib.sha256(text.encode()).hexdigest()[:16]} -->"


def _is_own(description: str) -> bool:
    text = description.rpartition(_MARK)[0]
    return description in {"", text + _mark(text)}

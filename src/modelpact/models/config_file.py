"""Checks of a model's configuration file that a user names, before it is read with the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modelpact._internal.user_files import MISSING, describe_irregular, read_text
from modelpact.errors import ConfigError, ModelConfigError
from modelpact.models.base import read_config

__all__ = ["check_config_file"]


def check_config_file(file: str) -> None:
    """Check that a file can be the configuration of a model.

    Raises:
        ModelConfigError: It is not a JSON object in UTF-8, or it holds what cannot be stored.
        ModelConfigNotFound: It does not exist.
    """
    path = Path(file)
    try:
        # A pipe would be waited for, and a device may never end.
        if path.parent.is_dir() and describe_irregular(path) == MISSING:
            read_config(path)
        else:
            # It names the place of a syntax error.
            text = read_text(path)
            read_config(path)
            parsed = json.loads(text, object_pairs_hook=_reject_duplicates)
            # An unpaired surrogate cannot be stored.
            json.dumps(parsed, ensure_ascii=False).encode()
    except ConfigError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)[:200]
        raise ModelConfigError(
            f"the model's configuration {path} cannot be read: {reason}",
            remedy="Give a JSON file in UTF-8.",
            path=file,
        ) from error


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"duplicate key {key!r}")
    return dict(pairs)

"""What the command line says when something is wrong: what, where, and what to do; no traceback."""

from __future__ import annotations

import re
import sys
from typing import Any

from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import ConfigError, PactError

__all__ = ["report", "translate"]


def report(error: Exception) -> int:
    """Print an error for its reader to stderr, and return the exit status.

    Raises:
        Exception: The error itself, where it is none that modelpact or Hydra foresee: a fault in the program needs its traceback.
    """
    known = translate(error)
    if known is None:
        raise error
    if known.reported:
        sys.stderr.write(
            "at least one job of the sweep failed: see above, and each job's own log\n"
        )
    else:
        sys.stderr.write(f"error: {known}\n")
    return known.exit_status


def translate(error: Exception) -> PactError | None:
    """The error in modelpact's terms; None for one that nobody foresaw."""
    import yaml  # type: ignore[import-untyped, unused-ignore]
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

    from modelpact.security.secrets import redact_text

    if isinstance(error, PactError):
        return error
    if isinstance(error, HydraException) and isinstance(error.__cause__, PactError):
        return error.__cause__  # of what Hydra instantiates itself: a launcher
    if isinstance(error, MissingConfigException) and error.options is not None:
        return _unknown_option(error)
    if isinstance(error, MissingMandatoryValue):
        return _missing_value(error)
    if isinstance(error, HydraException):
        return _bad_override(error)
    if isinstance(error, OmegaConfBaseException):
        return ConfigError(
            truncate(redact_text(str(error)), 500), remedy="Correct the key or the interpolation."
        )
    if isinstance(error, ValueError) and "Config group override" in str(error):
        return ConfigError(
            truncate(redact_text(str(error)), 300),
            remedy="Choose an option of the group, such as register=none.",
        )
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return ConfigError(
            f"{mark.name.strip(chr(34))}, line {mark.line + 1}, column {mark.column + 1}: not YAML: {error.problem}",
            remedy="Quote texts that hold one of : ? # { } [ ] , or begin with another sign.",
        )
    if isinstance(error, OSError) and error.filename is not None:
        return PactError(
            f"{error.filename} cannot be written: {error.strerror}",
            remedy="Run in a folder that you may write to, or set hydra.run.dir=... to one.",
        )
    return None


def _unknown_option(error: Any) -> ConfigError:
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    known = [name for name in error.options if not name.startswith("_")]
    return ConfigError(
        f"{group}={option}: there is no such option{did_you_mean(option, known)}",
        remedy=f"The options of {group}: {', '.join(known)}.",
        group=group,
        option=option,
    )


def _missing_value(error: Any) -> ConfigError:
    key = re.sub(
        r"^task\.(?=\w+\.)", "", str(error.full_key or error.key)
    )  # a step's key, which the task interpolates
    return ConfigError(f"{key} is required and has no value", remedy=f"Set it: {key}=...", key=key)


def _bad_override(error: Exception) -> ConfigError:
    from hydra.errors import OverrideParseException
    from omegaconf.errors import GrammarParseError

    from modelpact.cli.compose import groups
    from modelpact.security.secrets import redact_text

    cause = error.__cause__
    parent, key = getattr(cause, "parent_node", None), getattr(cause, "full_key", None)
    text = truncate(_unquoted(str(error)), 500)
    if key and isinstance(cause, GrammarParseError):
        return ConfigError(
            f"{key}: its value is no valid interpolation", remedy="Close each ${ with a }.", key=key
        )
    if key and hasattr(parent, "keys"):
        prefix = key.rpartition(".")[0]
        known = sorted(
            {str(name) for name in (parent or ()) if name != "_target_"}
            | set([] if prefix else groups())
        )
        if not known:  # a mapping whose keys are the user's own, such as register.tags
            return ConfigError(
                f"{key}: there is no such key", remedy=f"Add it with a plus: +{key}=...", key=key
            )
        return ConfigError(
            f"{key}: there is no such key{did_you_mean(key.rpartition('.')[2], known)}",
            remedy=f"The keys of {prefix}: {', '.join(known)}."
            if prefix
            else f"Top-level keys and groups: {', '.join(known)}.",
            key=key,
        )
    if isinstance(error, OverrideParseException):
        shown = redact_text(error.override)
        return ConfigError(
            f"{shown} cannot be read" + (f": {text}" if shown == error.override else ""),
            remedy="Quote a value that holds brackets, braces, commas or colons: 'signer.outputs=\"float64[-1]\"'.",
        )
    match = re.search(r"Could not override '([\w./]+)'", text)
    if match:
        return ConfigError(
            f"{match[1]}: there is no such group{did_you_mean(match[1], groups())}",
            remedy=f"The groups: {', '.join(groups())}.",
            group=match[1],
        )
    return ConfigError(text, remedy="See --help, and --cfg job for the composed configuration.")


def _unquoted(text: str) -> str:
    """A text of Hydra's without the values of secrets that it quotes."""
    from modelpact.security.secrets import is_sensitive, redact_text

    deleted = re.search(
        r"The value of '([^']+)' is ", text
    )  # ~key=value, where the value is another
    if deleted and is_sensitive(deleted[1].split("."), ""):
        text = f"{text[: deleted.end()]}another"
    return redact_text(text)

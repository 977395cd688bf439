"""Reports errors on the command line: what happened, where, and what to do, without a traceback."""

from __future__ import annotations

import contextlib
import errno
import re
import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import did_you_mean, truncate
from modelpact.cli.config_groups import list_groups, list_options, option_keys, unknown_option
from modelpact.cli.override_advice import GENERIC, advise
from modelpact.errors import ConfigError, PactError

if TYPE_CHECKING:
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import Mark

__all__ = ["report", "translate"]


def report(error: BaseException, full: bool = False) -> int:
    """Print an error to stderr and return the exit status.

    The traceback is printed if neither modelpact nor Hydra raises the error on purpose: it is a
    bug.

    Args:
        error: The error.
        full: Whether to print the traceback in every case.
    """
    known = translate(error)
    if known is None or full:
        # As one text: a secret may be on several lines.
        sys.stderr.write("".join(traceback.format_exception(error)))
    if known is None:
        return 1
    if full:
        return known.exit_status
    if known.reported:
        sys.stderr.write(
            "at least one job of the sweep failed; see above and the log of each job\n"
        )
    else:
        sys.stderr.write(f"error: {known}\n")
    return known.exit_status


def translate(error: BaseException) -> PactError | None:
    """Return an error of Hydra, OmegaConf, PyYAML or the OS as a `PactError`; None for others."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, PactError):
        return error
    if isinstance(error, HydraException):
        return _from_hydra(error)
    if isinstance(error, OmegaConfBaseException):
        return _from_omegaconf(error)
    return _from_other(error)


def _from_other(error: BaseException) -> PactError | None:
    """Return the error for one of PyYAML or Python that an option can cause; None for others."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return _invalid_yaml(error.problem_mark, str(error.problem))
    if isinstance(error, OSError):
        return _from_os(error)
    if isinstance(error, RecursionError) and _is_composing(error):
        keys = re.findall(r"full_key: ([\w.]+)$", str(error), re.MULTILINE)
        return ConfigError(
            f"{keys[-1] if keys else 'a value of the configuration'} is nested too deeply",
            remedy="Write it in fewer levels.",
            key=keys[-1] if keys else None,
        )
    # Hydra raises a plain ValueError for a group that is set to a list or a mapping.
    if isinstance(error, ValueError) and "Config group override" in str(error):
        return ConfigError(
            _mask(str(error), 300), remedy="Choose an option of the group, such as register=none."
        )
    return None


def _from_os(error: OSError) -> PactError | None:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        # A write to an open file, such as the redirected output, does not name the file.
        return PactError(
            f"cannot write {error.filename or 'the output'}: {error.strerror}",
            remedy="Free disk space, or write to another disk: hydra.run.dir=...",
        )
    if error.filename is None:
        return None
    return PactError(
        f"cannot write {error.filename}: {error.strerror}",
        remedy="Run in a writable folder, or set hydra.run.dir to one.",
    )


def _is_composing(error: Exception) -> bool:
    """Return whether Hydra or OmegaConf raised an error, not the task that they run."""
    frames = traceback.extract_tb(error.__traceback__)[-20:]
    return any(re.search(r"[/\\](omegaconf|hydra|antlr4)[/\\]", frame.filename) for frame in frames)


def _from_hydra(error: HydraException) -> PactError:
    from hydra.errors import MissingConfigException

    if isinstance(error.__cause__, PactError):
        # Raised by an object that Hydra instantiates, such as a launcher.
        return error.__cause__
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        options = [name for name in error.options if not name.startswith("_")]
        return unknown_option(group, option, options)
    return _from_key(error.__cause__, str(error)) or _from_override(error)


def _from_key(cause: BaseException | None, text: str) -> ConfigError | None:
    """Return the error for a key that OmegaConf rejects; None if the cause is not about a key."""
    from omegaconf.errors import GrammarParseError, KeyValidationError

    key, parent = getattr(cause, "full_key", None), getattr(cause, "parent_node", None)
    if not key:
        return None
    if isinstance(cause, GrammarParseError):
        return ConfigError(
            f"invalid interpolation in the value of {key}",
            remedy="Close each ${ with a }.",
            key=key,
        )
    if isinstance(cause, KeyValidationError):
        return ConfigError(
            f"invalid name below {key}: {_mask(str(cause).splitlines()[0], 200)}",
            remedy="Names are text.",
            key=key,
        )
    if not hasattr(parent, "keys"):
        return None
    match = re.search(r"Could not override '([^']+)'", text)
    return _unknown_key(key, parent or (), match[1] if match else key)


def _from_override(error: HydraException) -> ConfigError:
    from hydra.errors import OverrideParseException

    text = truncate(_mask_deleted(str(error)), 500)
    if isinstance(error, OverrideParseException):
        return _unparsable(error.override, text)
    match = re.search(r"Could not load '(\w+)/(\w+)'", text)
    if match:
        return unknown_option(match[1], match[2], list_options(match[1]))
    if re.search(r"Could not override '[\w./]+@", text):
        return ConfigError(text, remedy="Only a recipe (experiment=...) can set other groups.")
    match = re.search(r"Could not override '([\w./]+)'", text)
    if match:
        groups = list_groups()
        return ConfigError(
            f"unknown config group {match[1]!r}{did_you_mean(match[1], groups)}",
            remedy=f"Config groups: {', '.join(groups)}.",
            group=match[1],
        )
    return ConfigError(text, remedy="See --help, and --cfg job for the composed configuration.")


def _unparsable(override: str, text: str) -> ConfigError:
    """Return the error for an override that Hydra cannot parse; `text` is Hydra's message."""
    masked = _mask(override)
    if masked != override:
        # Hydra's text repeats the override, and with it a secret.
        return ConfigError(f"cannot parse {masked}", remedy=GENERIC)
    remedy = advise(override)
    detail = f": {text}" if remedy == GENERIC else ""
    return ConfigError(f"cannot parse {override}{detail}", remedy=remedy)


def _from_omegaconf(error: OmegaConfBaseException) -> ConfigError:
    from omegaconf.errors import MissingMandatoryValue

    if isinstance(error, MissingMandatoryValue):
        # A task interpolates its steps: task.data.path is set as data.path.
        key = re.sub(r"^task\.(?=\w+\.)", "", str(error.full_key or error.key))
        return ConfigError(f"{key} is required", remedy=f"Set it with {key}=...", key=key)
    return ConfigError(_mask(str(error), 500), remedy="Correct the key or the interpolation.")


def _invalid_yaml(mark: Mark, problem: str) -> ConfigError:
    file = str(mark.name).strip('"')
    return ConfigError(
        f"{file}, line {mark.line + 1}, column {mark.column + 1}: invalid YAML: {problem}",
        remedy="Quote a string that contains one of : ? # { } [ ] , or starts with a special "
        "character.",
    )


def _unknown_key(key: str, parent: Any, override: str) -> ConfigError:
    """Return the error for a key that does not exist.

    Args:
        key: The first part of the override that does not exist.
        parent: The mapping that lacks it.
        override: The key that was typed.
    """
    prefix, _, name = key.rpartition(".")
    place, known = f"Keys of {prefix}", sorted(str(one) for one in parent if one != "_target_")
    if not prefix:
        place, known = "Top-level keys and groups", sorted({*known, *list_groups()})
    own_name = override.removeprefix(f"{prefix}.")
    remedies = []
    # Mappings with names of the user's own, such as register.tags, and keys that the class has but
    # the file of the option does not list.
    if "." in prefix or not known or name in _fields(parent):
        remedies.append(f"Add a new key with a plus: +{override}=...")
    if known:
        remedies.append(f"{place}: {', '.join(known)}.")
    elif "." in own_name:
        remedies.append(f"If the dot is part of a name: '{prefix}={{{own_name}: ...}}'.")
    remedies += _suggest_places(prefix, name)
    return ConfigError(
        f"unknown key {key!r}{did_you_mean(name, known)}", remedy=" ".join(remedies), key=key
    )


def _suggest_places(prefix: str, name: str) -> list[str]:
    """Return the first group whose options have a key, as a sentence; nothing if none has it."""
    for group in list_groups():
        options = [one for one in list_options(group) if name in option_keys(group, one)]
        if options and prefix in ("", group):
            return [f"{group}.{name} is a key of {group}={', '.join(options)}."]
    return []


def _fields(node: Any) -> Iterable[str]:
    """Return the fields of the class that a mapping names; nothing if it cannot be imported."""
    from hydra.utils import get_class

    # Importing may raise anything; `build` would report the error.
    with contextlib.suppress(Exception):
        return getattr(get_class(node["_target_"]), "model_fields", {})
    return ()


def _mask(text: str, length: int | None = None) -> str:
    from modelpact.security.text_redaction import redact_text

    return redact_text(text) if length is None else truncate(redact_text(text), length)


def _mask_deleted(text: str) -> str:
    """Mask the secrets in a text of Hydra's, also where it quotes the value of a deleted key."""
    from modelpact.security.text_redaction import is_sensitive

    # Hydra's message about ~key=value if the key has another value.
    match = re.search(r"The value of '([^']+)' is ", text)
    if match and is_sensitive(match[1].split("."), ""):
        text = f"{text[: match.end()]}different"
    return _mask(text)

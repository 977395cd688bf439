"""Contract files: a signature as YAML, to be reviewed in git and composed as `contract=<name>`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from modelpact._internal.files import write_atomically
from modelpact.cli.render.output_file import check_writable
from modelpact.errors import ConfigError, SpecError
from modelpact.signature import digest, load, parse, to_spec

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["check_contract_path", "contract_yaml", "write_contract"]


class _FlowMapping(dict[Any, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes YAML that PyYAML and OmegaConf read alike: they differ in what they read as float."""


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    plain = re.match(r"[^\W\d]", value) and value.lower() not in {"nan", "inf", "infinity"}
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


def _represent_flow(dumper: yaml.SafeDumper, value: _FlowMapping) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


def _represent_list(dumper: yaml.SafeDumper, value: list[object]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_FlowMapping, _represent_flow)
_Dumper.add_representer(list, _represent_list)


def contract_yaml(signature: Signature) -> str:
    r"""Return the short form of a signature as YAML, with one line per column and param.

    Raises:
        SpecError: The signature has no YAML that is read back as the same signature.

    Example:
        >>> from modelpact.signature import parse
        >>> contract_yaml(parse({"inputs": {"age": "long", "tags?": ["string"]}}))
        'inputs:\n  age: long\n  tags?: [string]\n'
    """
    spec = {part: _with_flow_items(value) for part, value in to_spec(signature).items()}
    text: str = yaml.dump(
        spec,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        width=10_000,
        allow_unicode=True,
    )
    if digest(parse(text)) != digest(signature):
        raise SpecError(
            "the signature cannot be written as equivalent YAML",
            remedy="Use simpler names and defaults.",
        )
    return text


def _with_flow_items(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {
        key: _FlowMapping(item) if isinstance(item, dict) else item for key, item in value.items()
    }


def check_contract_path(path: Path) -> None:
    """Check the path of a contract file before any work is done.

    Raises:
        ConfigError: The path does not end in `.yaml`, or cannot be written.
    """
    if path.suffix != ".yaml":
        raise ConfigError(
            f"task.write={path} does not end in .yaml",
            remedy="Write task.write=conf/contract/houses.yaml, and choose it with "
            "contract=houses.",
            path=str(path),
        )
    check_writable(str(path), "task.write")


def write_contract(path: Path, signature: Signature, comment: str, *, overwrite: bool) -> bool:
    """Write a signature to a contract file, atomically.

    Args:
        path: The file; its folder is created.
        signature: The signature.
        comment: The first line, without its `#`.
        overwrite: Whether to replace another contract.

    Returns:
        Whether the file was written. A file with an equal contract keeps its comments.

    Raises:
        ConfigError: The file has other content, or cannot be written.
        SpecError: The signature cannot be written as YAML.
    """
    text = f"# {comment}\n{contract_yaml(signature)}"
    if "${" in text:
        raise SpecError(
            "a contract cannot contain ${, which Hydra reads as an interpolation",
            remedy="Rename the column or param, or change its default.",
        )
    if path.exists() and _is_up_to_date(path, signature, overwrite):
        return False
    try:
        write_atomically(path, text)
    except OSError as error:
        raise ConfigError(
            f"cannot write task.write={path}: {error.strerror or error}",
            remedy="Choose a file in a writable folder.",
            path=str(path),
        ) from error
    return True


def _is_up_to_date(path: Path, signature: Signature, overwrite: bool) -> bool:
    """Return whether a file has an equal contract.

    Raises:
        ConfigError: It has other content, which must not be replaced.
    """
    what = "contains another contract"
    try:
        if digest(load(path)) == digest(signature):
            return True
    except SpecError:
        what = "exists and is not a contract"
    if not overwrite:
        raise ConfigError(
            f"{path} {what}",
            remedy="Compare the two, then set task.overwrite=true or another task.write.",
            path=str(path),
        )
    return False

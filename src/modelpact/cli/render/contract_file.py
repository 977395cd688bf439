"""A signature frozen into a file: YAML to review in git, which `signature.load` reads and which composes as `contract=<name>`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from modelpact._internal.files import write_atomically
from modelpact.errors import ConfigError, SpecError
from modelpact.signature import digest, load, parse, to_spec

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["check_contract_path", "contract_yaml", "write_contract"]


class _Flow(dict[Any, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes what PyYAML and OmegaConf, which differ about what a float is, read alike."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    plain = re.match(r"[^\W\d]", value) and value.lower() not in {"nan", "inf", "infinity"}
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    _Flow,
    lambda dumper, value: dumper.represent_mapping(
        "tag:yaml.org,2002:map", value.items(), flow_style=True
    ),
)
_Dumper.add_representer(
    list,
    lambda dumper, value: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", value, flow_style=True
    ),
)


def contract_yaml(signature: Signature) -> str:
    r"""The short form of a signature as YAML: a line for each column and param.

    Raises:
        SpecError: The signature cannot be written so that it is read back as the same.

    Example:
        >>> from modelpact.signature import parse
        >>> contract_yaml(parse({"inputs": {"age": "long", "tags?": ["string"]}}))
        'inputs:\n  age: long\n  tags?: [string]\n'
    """
    spec = to_spec(signature)
    outer = {
        part: {key: _flow(item) for key, item in value.items()}
        if isinstance(value, dict)
        else value
        for part, value in spec.items()
    }
    text: str = yaml.dump(
        outer,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        width=10_000,
        allow_unicode=True,
    )
    if digest(parse(text)) != digest(signature):
        raise SpecError(
            "the signature cannot be written as YAML that says the same",
            remedy="Use simpler names and defaults.",
        )
    return text


def _flow(value: Any) -> Any:
    return _Flow(value) if isinstance(value, dict) else value


def check_contract_path(path: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        ConfigError: It is no YAML file's name, or it is a folder.
    """
    if path.suffix != ".yaml":
        raise ConfigError(
            f"task.write={path}: a contract is a file that ends in .yaml",
            remedy="Write task.write=conf/contract/houses.yaml; contract=houses then picks it.",
            path=str(path),
        )
    if path.is_dir():
        raise ConfigError(
            f"task.write={path} is a folder",
            remedy=f"Name a file in it: task.write={path}/houses.yaml.",
            path=str(path),
        )


def write_contract(path: Path, signature: Signature, comment: str, *, overwrite: bool) -> bool:
    """Write a signature into a file, whole or not at all.

    Args:
        path: The file; its folder is made if need be.
        signature: What is frozen.
        comment: The first line, without its `#`.
        overwrite: Whether another contract may be replaced.

    Returns:
        Whether it was written; a file that says the same already is left as it is, with whatever comments it has.

    Raises:
        ConfigError: The file holds something else, or it cannot be written.
        SpecError: The signature cannot be written.
    """
    text = f"# {comment}\n{contract_yaml(signature)}"
    if "${" in text:
        raise SpecError(
            "a contract cannot hold ${, which Hydra would take for a reference",
            remedy="Rename the column or param, or its default.",
        )
    if path.exists():
        same = _says_the_same(path, signature)
        if same:
            return False
        if not overwrite:
            raise ConfigError(
                f"{path} holds another contract"
                if same is False
                else f"{path} exists and holds no contract",
                remedy="Compare the two; task.overwrite=true replaces it, another task.write leaves it.",
                path=str(path),
            )
    try:
        write_atomically(path, text)
    except OSError as error:
        raise ConfigError(
            f"task.write={path} cannot be written: {error.strerror or error}",
            remedy="Choose a file in a folder that you may write to.",
            path=str(path),
        ) from error
    return True


def _says_the_same(path: Path, signature: Signature) -> bool | None:
    """Whether a file holds an equal signature; None where it holds none at all."""
    try:
        return digest(load(path)) == digest(signature)
    except SpecError:
        return None

"""Config files of a folder that the user names, checked before Hydra reads them."""

from __future__ import annotations

import os
from pathlib import Path

import yaml  # type: ignore[import-untyped, unused-ignore]
from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult
from omegaconf.errors import OmegaConfBaseException

from modelpact._internal.guards import convert_errors
from modelpact._internal.text import truncate
from modelpact._internal.user_files import read_text
from modelpact.errors import ConfigError

__all__ = ["check_config_files"]

MAX_DEPTH = 50
"""How deep mappings and lists may be nested; OmegaConf reads hardly more."""

MAX_VALUES = 100_000
"""How many values a file may have, where each alias counts as all that it repeats."""


_REPORTED = (ConfigError, yaml.MarkedYAMLError, OmegaConfBaseException)
"""Errors that `error_reporting` reports with the place."""


def check_config_files() -> None:
    """Let Hydra check each config file in a folder before it reads it."""
    SourcesRegistry.instance().types["file"] = FileConfigSource


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's source of files in a folder, with errors that name the file.

    Workers of a launcher get the registry of sources, and Hydra registers its own class there
    again, which it accepts if the registered one has the same name.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        file = os.path.join(self.path, self._normalize_file_name(config_path))
        if not os.path.lexists(file):
            return super().load_config(config_path)

        def invalid(error: Exception) -> ConfigError:
            return ConfigError(
                f"{file} cannot be read: {truncate(error, 200)}",
                remedy="Write a mapping in YAML, as text in UTF-8.",
                path=file,
            )

        with convert_errors(invalid, unless=_REPORTED):
            text = read_text(Path(file))
            if yaml.reader.Reader.NON_PRINTABLE.search(text):
                raise ValueError("it contains characters that YAML does not allow")
            _check_size(text)
            return super().load_config(config_path)


def _check_size(text: str) -> None:
    """Raise a ValueError for a document that is too deep or, with its aliases, too large."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # The number of values of each open collection, after that of the document.
    open_sizes, anchors = [0], {}
    open_anchors: list[str | None] = []
    # Parsing does not recurse, and it does not expand aliases.
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_sizes.append(1)
            open_anchors.append(event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            size = open_sizes.pop()
            anchors[open_anchors.pop()] = size
            open_sizes[-1] += size
        elif isinstance(event, yaml.AliasEvent):
            open_sizes[-1] += anchors.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            open_sizes[-1] += 1
        if len(open_sizes) > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        if sum(open_sizes) > MAX_VALUES:
            raise ValueError(f"it has more than {MAX_VALUES:,} values, with those of its aliases")

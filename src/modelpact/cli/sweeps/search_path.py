"""Options that other packages bring: found by an entry point, with no edit here."""

from __future__ import annotations

from importlib.metadata import entry_points

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

__all__ = ["EntryPointSearchPath"]


class EntryPointSearchPath(SearchPathPlugin):
    """Adds the configuration package of every distribution that names one under the entry point `modelpact.conf`.

    In such a distribution's pyproject.toml:

        [project.entry-points."modelpact.conf"]
        my_package = "my_package.conf"
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append each package to Hydra's search path, in the order of their names."""
        for entry in sorted(entry_points(group="modelpact.conf"), key=lambda entry: entry.name):
            search_path.append(provider=entry.name, path=f"pkg://{entry.value}")

"""Options of other packages, found through an entry point."""

from __future__ import annotations

from importlib.metadata import entry_points

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

__all__ = ["EntryPointSearchPath"]


class EntryPointSearchPath(SearchPathPlugin):
    """Adds the config package of every distribution with the entry point `modelpact.conf`.

    In the pyproject.toml of such a distribution:

        [project.entry-points."modelpact.conf"]
        my_package = "my_package.conf"
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append each package to Hydra's search path, sorted by name."""
        for entry in sorted(entry_points(group="modelpact.conf"), key=lambda entry: entry.name):
            search_path.append(provider=entry.name, path=f"pkg://{entry.value}")

"""`BuiltinLoader`: loads a model of any MLflow flavor."""

from __future__ import annotations

from modelpact.loaders.adapter import Adapter
from modelpact.loaders.base import Loader
from modelpact.models.config_file import check_config_file

__all__ = ["BuiltinLoader"]


class BuiltinLoader(Loader):
    """Loads a model of any MLflow flavor."""

    def load(self, uri: str) -> Adapter:
        adapter = self.load_adapter(uri)
        if self.config_file is not None:
            check_config_file(self.config_file)
            adapter.load_context(self.config_file)
        return adapter

"""`BuiltinLoader`: loads a model of any MLflow flavor."""

from __future__ import annotations

from modelpact.loaders.adapter import Adapter
from modelpact.loaders.base import Loader

__all__ = ["BuiltinLoader"]


class BuiltinLoader(Loader):
    """Loads a model of any MLflow flavor."""

    def load(self, uri: str) -> Adapter:
        adapter = self._load_adapter(uri)
        if self.config_file is not None:
            adapter.load_context(self.config_file)
        return adapter

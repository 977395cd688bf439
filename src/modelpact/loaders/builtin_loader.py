"""`BuiltinLoader`: loads a model of any MLflow flavor."""

from __future__ import annotations

from modelpact.loaders.adapter import Adapter
from modelpact.loaders.base import Loader

__all__ = ["BuiltinLoader"]


class BuiltinLoader(Loader):
    """Loads a model of any MLflow flavor."""

    def load(self, uri: str) -> Adapter:
        return self._load_adapter(uri)

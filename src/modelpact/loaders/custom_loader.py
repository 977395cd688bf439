"""`CustomLoader`: loads a model that `CustomSaver` saved."""

from __future__ import annotations

from modelpact.errors import LoadError
from modelpact.loaders.adapter import Adapter
from modelpact.loaders.base import Loader
from modelpact.models.config_file import check_config_file

__all__ = ["CustomLoader"]


class CustomLoader(Loader):
    """Loads a model that modelpact saved as code, configuration and state."""

    def load(self, uri: str) -> Adapter:
        adapter = self.load_adapter(uri)
        if adapter.model is None:
            flavors = ", ".join(adapter.pyfunc.metadata.flavors)
            raise LoadError(
                f"{uri} was not saved with saver=custom (its flavors: {flavors})",
                remedy="Load it with loader=builtin.",
                uri=uri,
            )
        if self.config_file is not None:
            check_config_file(self.config_file)
            adapter.load_context(self.config_file)
        return adapter

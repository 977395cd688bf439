"""Isolation of every test: its own working folder, a shared cache, and restored global state.

Hypothesis runs the same 25 examples each time, or 1,000 random ones with `HYPOTHESIS_PROFILE=full`.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.support.litellm_proxy import Proxy


_SUPPRESSED = [
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.function_scoped_fixture,
]
settings.register_profile(
    "quick", max_examples=25, derandomize=True, deadline=None, suppress_health_check=_SUPPRESSED
)
settings.register_profile(
    "full", max_examples=1000, deadline=None, suppress_health_check=_SUPPRESSED
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# Few collections: the imported modules and the collected tests live until the end.
gc.set_threshold(200_000, 50, 100)


def pytest_collection() -> None:
    """Import skops before MLflow: on import, it inspects all modules that are loaded."""
    importlib.import_module("skops.io")
    from tests.support import fast_libraries

    fast_libraries.share_configs()
    fast_libraries.share_statements()
    fast_libraries.share_schema()
    fast_libraries.skip_disk_flushes()


def pytest_collection_finish() -> None:
    """Exempt what was imported and collected from garbage collection."""
    gc.freeze()


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache folder of the whole run: the store template and inferred requirements are shared."""
    folder = tmp_path_factory.getbasetemp()
    # Each worker of pytest-xdist has its own subfolder.
    cache = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "cache"
    cache.mkdir(exist_ok=True)
    return cache


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Handle SIGINT here and in child processes, even if a shell started the tests with it ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder; restore the global state of MLflow, Hydra, logging and the command line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELPACT_CACHE", str(cache))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in list(os.environ):
        if name.startswith(("MLFLOW_TRACKING", "MLFLOW_REGISTRY", "MLFLOW_EXPERIMENT", "HYDRA_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["modelpact"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    root = logging.getLogger()
    handlers, level, tracer = list(root.handlers), root.level, sys.gettrace()
    yield
    # A signal that is raised where a store returns removes the tracer of the coverage.
    if sys.gettrace() is not tracer:
        sys.settrace(tracer)
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:], root.level = handlers, level
    # A logging configuration may have disabled the existing loggers.
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False
    if "hydra" in sys.modules:
        from hydra.core.global_hydra import GlobalHydra
        from hydra.core.hydra_config import HydraConfig

        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
    if "mlflow" in sys.modules:
        import mlflow

        while mlflow.active_run() is not None:
            mlflow.end_run()
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        mlflow.set_registry_uri("")
        # What `mlflow.set_experiment` sets.
        mlflow.tracking.fluent._active_experiment_id = None
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
        _forget_relative_stores()


def _forget_relative_stores() -> None:
    """Remove stores such as `sqlite:///mlflow.db` from MLflow's caches: the next folder has its own."""
    tracking = sys.modules.get("mlflow.store.tracking.sqlalchemy_store")
    if tracking is None:
        return
    store = tracking.SqlAlchemyStore
    # Its name depends on the version of MLflow.
    (name,) = {"_engine_map", "_db_uri_sql_alchemy_engine_map"} & vars(store).keys()
    engines = getattr(store, name)
    relative = [uri for uri in engines if re.match("sqlite:///[^/]", uri)]
    for uri in relative:
        engines.pop(uri).dispose()
    if relative:
        from mlflow.tracking._model_registry import utils as registry
        from mlflow.tracking._tracking_service import utils as service

        service._tracking_store_registry._get_store_with_resolved_uri.cache_clear()
        registry._get_store_registry()._get_store_with_resolved_uri.cache_clear()


@pytest.fixture(scope="session")
def litellm_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A LiteLLM proxy with the models of examples/litellm."""
    from tests.support import environments
    from tests.support.litellm_proxy import running

    with running(environments.litellm(), tmp_path_factory.mktemp("litellm")) as proxy:
        yield proxy

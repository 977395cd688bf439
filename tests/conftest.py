"""What every test gets: a folder and a cache of its own, and global state that is as it was before.

Properties are tried with the same 50 examples each time, or with 1,000 new ones with `HYPOTHESIS_PROFILE=full`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.support.litellm_proxy import Proxy


_calm = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "quick", max_examples=50, derandomize=True, deadline=None, suppress_health_check=_calm
)
settings.register_profile("full", max_examples=1000, deadline=None, suppress_health_check=_calm)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache folder for the whole run, so that MLflow makes its schema and infers requirements once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts here and in what tests start, also where a shell runs the tests in the background, with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder; put back MLflow's and Hydra's global state, the loggers and the command line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELPACT_CACHE", str(cache))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in [
        name
        for name in os.environ
        if name.startswith(("MLFLOW_TRACKING", "MLFLOW_REGISTRY", "HYDRA_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["modelpact"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:], root.level = handlers, level
    for logger in (
        logging.Logger.manager.loggerDict.values()
    ):  # a configuration of logging may have disabled those it found
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
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri("")


@pytest.fixture(scope="session")
def litellm_proxy(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A LiteLLM proxy with the models of examples/litellm; its first start on a machine installs it."""
    from tests.support.litellm_proxy import installed, running

    programs = installed(Path(pytestconfig.cache.mkdir("litellm")))
    with running(programs, tmp_path_factory.mktemp("litellm")) as proxy:
        yield proxy

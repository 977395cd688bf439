"""The command line: Hydra composes a task, and the task is run. `run.py` and the console script `modelpact` are both `main`."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact.complaints import complain
from modelpact.composition import build, forgive_unused

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["main"]

log = logging.getLogger(__name__)

FULL_ERROR = "HYDRA_FULL_ERROR"


def main() -> None:
    """Run what the command line asks for; exit status 2 for a configuration error, 1 for any other, 130 after Ctrl-C."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        from modelpact.overview import overview

        sys.stdout.write(overview())
        return
    wanted = os.environ.get(FULL_ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # read when mlflow is imported
    try:
        sys.argv[1:] = forgive_unused(sys.argv[1:])
        os.environ[FULL_ERROR] = "1"  # Hydra then hands its errors over instead of printing them its own way
        _run_hydra()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except Exception as error:
        if wanted == "1":
            raise
        sys.exit(complain(error))
    finally:
        os.environ.pop(FULL_ERROR, None)
        if wanted is not None:
            os.environ[FULL_ERROR] = wanted


def _run_hydra() -> None:
    import hydra
    from hydra.core.plugins import Plugins

    from modelpact.plugins.search_path import EntryPointSearchPath

    Plugins.instance().register(EntryPointSearchPath)
    hydra.main(version_base="1.3", config_path="pkg://modelpact.conf", config_name="config")(job)()


def job(cfg: DictConfig) -> float | None:
    """Run one composed task; returns the objective for a sweeper."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from modelpact.errors import PactError

    settings = HydraConfig.get()
    try:
        return build(cfg, settings).run(Path(settings.runtime.output_dir))
    except PactError as error:
        if settings.mode == RunMode.MULTIRUN:  # Hydra itself would show the first failure of a sweep only
            log.error("job %s (%s) failed: %s", settings.job.num, settings.job.override_dirname, error)
            error.facts["reported"] = True
        raise

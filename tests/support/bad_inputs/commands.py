"""Runs command lines like the console script, but composes each set of options only once."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import cast

from hydra import compose, initialize_config_module
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from modelpact.cli import main
from modelpact.cli.argument_secrets import refuse_literals
from modelpact.cli.config_groups import list_groups
from modelpact.cli.error_reporting import report
from modelpact.cli.sweeps.callback import CallbackError, reject_composed_literals
from tests.support.commands import CommandResult, CommandRunner

_VALUE = re.compile(r"[a-z_]+(\.[A-Za-z_]+)*=.*", re.DOTALL)
_OPTION = re.compile(r"\w+=\w+")


class ComposedCommands:
    """Runs a command line whose options of groups exist, and passes any other on to Hydra.

    Args:
        runner: Runs command lines through Hydra.
    """

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner
        self._composed: dict[tuple[str, ...], tuple[DictConfig, DictConfig]] = {}

    def __call__(self, *arguments: str) -> CommandResult:
        """Run one command."""
        composed = self._compose(arguments)
        if composed is None:
            return self._runner(*arguments)
        groups = list_groups()
        values = [one for one in arguments if one.partition("=")[0] not in groups]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = self._run(composed[0].copy(), composed[1], values)
        return CommandResult(status, out.getvalue(), err.getvalue())

    def _compose(self, arguments: tuple[str, ...]) -> tuple[DictConfig, DictConfig] | None:
        """Return the configuration of the options of groups, and Hydra's; None if Hydra must run."""
        groups = [*list_groups(), "experiment"]
        options = tuple(one for one in arguments if one.partition("=")[0] in groups)
        if not all(map(_VALUE.fullmatch, arguments)) or not all(map(_OPTION.fullmatch, options)):
            return None
        if any(one.startswith(("hydra", "resume")) for one in arguments):
            return None
        if options not in self._composed:
            GlobalHydra.instance().clear()
            try:
                with initialize_config_module("modelpact.conf", version_base="1.3"):
                    cfg = compose("config", list(options), return_hydra_config=True)
            # Hydra says what is wrong.
            except Exception:
                return None
            folder = Path("outputs") / "job"
            folder.mkdir(parents=True, exist_ok=True)
            with open_dict(cfg):
                cfg.hydra.runtime.output_dir = str(folder)
                job = cfg.copy()
                del job["hydra"]
            OmegaConf.set_struct(job, True)
            self._composed[options] = job, cfg
        return self._composed[options]

    def _run(self, job: DictConfig, cfg: DictConfig, values: list[str]) -> int:
        try:
            refuse_literals(values)
            parsed = OverridesParser.create().parse_overrides(values)
            ConfigLoaderImpl._apply_overrides_to_config(parsed, job)
            HydraConfig.instance().cfg = cast("HydraConf", cfg)
            reject_composed_literals(job)
            main.job(job)
        except CallbackError as wrapper:
            return report(wrapper.error)
        except SystemExit as error:
            return int(error.code or 0)
        # The boundary of the program, like `main`.
        except Exception as error:
            return report(error)
        return 0

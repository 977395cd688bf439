from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError, MissingMandatoryValue

from modelpact.cli.error_reporting import report, translate
from modelpact.errors import ConfigError, DataError, PactError


def test_an_error_of_modelpact_is_printed_with_its_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report(DataError("no rows", remedy="Give one.")) == 1
    assert capsys.readouterr().err == "error: no rows\nGive one.\n"
    assert report(ConfigError("bad key")) == 2


def test_an_error_that_was_reported_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(DataError("no rows", reported=True)) == 1
    assert capsys.readouterr().err.startswith("at least one job of the sweep failed")


def test_a_fault_in_the_program_keeps_its_traceback() -> None:
    error = ZeroDivisionError("by zero")
    assert translate(error) is None
    with pytest.raises(ZeroDivisionError) as raised:
        report(error)
    assert raised.value is error


def test_an_unknown_option_lists_the_options_and_the_nearest() -> None:
    known = translate(
        MissingConfigException(
            "?", missing_cfg_file="signer/infr", options=["infer", "explicit", "__init__"]
        )
    )
    assert "signer=infr" in str(known)
    assert "did you mean 'infer'?" in str(known)
    assert "infer, explicit" in str(known)
    assert "__init__" not in str(known)


def test_a_value_that_must_be_given_is_asked_for() -> None:
    cfg = OmegaConf.create({"task": {"data": {"path": "???"}}})
    with pytest.raises(MissingMandatoryValue) as raised:
        _ = cfg.task.data.path
    known = translate(raised.value)
    assert str(known) == "data.path is required and has no value\nSet it: data.path=..."
    assert known.exit_status == 2


def test_a_broken_interpolation_is_a_configuration_error() -> None:
    with pytest.raises(InterpolationKeyError) as raised:
        _ = OmegaConf.create({"a": "${nowhere}"}).a
    known = translate(raised.value)
    assert "nowhere" in str(known)
    assert known.exit_status == 2


@pytest.mark.parametrize(
    "error", [HydraException("something\nelse"), ConfigCompositionException("something\nelse")]
)
def test_any_other_error_of_hydra_is_one_line(error: Exception) -> None:
    known = translate(error)
    assert known.message == "something else"
    assert isinstance(known, ConfigError)


def test_a_folder_that_cannot_be_written_is_named() -> None:
    known = translate(PermissionError(13, "Permission denied", "/there/outputs"))
    assert "/there/outputs cannot be written: Permission denied" in str(known)
    assert "hydra.run.dir" in str(known)
    assert known.exit_status == 1


@pytest.mark.parametrize("error", [OSError("no name"), RuntimeError("x")])
def test_what_nobody_foresaw_is_not_explained(error: Any) -> None:
    assert translate(error) is None


def test_every_complaint_is_an_error_of_modelpact(tmp_path: Path) -> None:
    assert isinstance(translate(FileExistsError(17, "File exists", str(tmp_path))), PactError)


def test_yaml_that_cannot_be_read_is_named_with_its_line() -> None:
    import yaml

    with pytest.raises(yaml.YAMLError) as raised:
        yaml.safe_load("name: {a: what?}")
    known = translate(raised.value)
    assert known is not None
    assert known.exit_status == 2
    assert "line 1, column 15: not YAML" in known.message

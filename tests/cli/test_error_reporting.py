from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError, MissingMandatoryValue

from modelpact.cli.error_reporting import report, translate
from modelpact.errors import ConfigError, DataError, PactError


def translated(error: Exception) -> PactError:
    known = translate(error)
    assert known is not None
    return known


def test_an_error_of_modelpact_is_printed_with_its_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report(DataError("no rows", remedy="Give one.")) == 1
    assert capsys.readouterr().err == "error: no rows\nGive one.\n"
    assert report(ConfigError("bad key")) == 2


def test_a_reported_error_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(DataError("no rows", reported=True)) == 1
    assert capsys.readouterr().err.startswith("at least one job of the sweep failed")


def test_a_bug_keeps_its_traceback() -> None:
    error = ZeroDivisionError("by zero")
    assert translate(error) is None
    with pytest.raises(ZeroDivisionError) as raised:
        report(error)
    assert raised.value is error


def test_an_unknown_option_lists_the_options_and_the_closest() -> None:
    error = MissingConfigException(
        "?", missing_cfg_file="signer/infr", options=["infer", "explicit", "__init__"]
    )
    assert str(translated(error)) == (
        "unknown signer 'infr' (did you mean 'infer'?)\nOptions of signer: infer, explicit."
    )


def test_a_missing_value_names_its_key() -> None:
    cfg = OmegaConf.create({"task": {"data": {"path": "???"}}})
    with pytest.raises(MissingMandatoryValue) as raised:
        _ = cfg.task.data.path
    known = translated(raised.value)
    assert str(known) == "data.path is required\nSet it with data.path=..."
    assert known.exit_status == 2


def test_a_broken_interpolation_is_a_configuration_error() -> None:
    with pytest.raises(InterpolationKeyError) as raised:
        _ = OmegaConf.create({"a": "${nowhere}"}).a
    known = translated(raised.value)
    assert "nowhere" in str(known)
    assert known.exit_status == 2


@pytest.mark.parametrize(
    "error", [HydraException("something\nelse"), ConfigCompositionException("something\nelse")]
)
def test_any_other_error_of_hydra_is_one_line(error: Exception) -> None:
    known = translated(error)
    assert known.message == "something else"
    assert isinstance(known, ConfigError)


def test_a_folder_that_cannot_be_written_is_named() -> None:
    known = translated(PermissionError(13, "Permission denied", "/there/outputs"))
    assert "cannot write /there/outputs: Permission denied" in str(known)
    assert "hydra.run.dir" in str(known)
    assert known.exit_status == 1


@pytest.mark.parametrize("error", [OSError("no name"), RuntimeError("x")])
def test_an_unknown_error_is_not_translated(error: Exception) -> None:
    assert translate(error) is None


def test_a_translated_error_is_an_error_of_modelpact(tmp_path: Path) -> None:
    assert isinstance(translate(FileExistsError(17, "File exists", str(tmp_path))), PactError)


def test_invalid_yaml_is_named_with_its_line() -> None:
    with pytest.raises(yaml.YAMLError) as raised:
        yaml.safe_load("name: {a: what?}")
    known = translated(raised.value)
    assert known.exit_status == 2
    assert "line 1, column 15: invalid YAML" in known.message

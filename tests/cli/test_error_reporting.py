from __future__ import annotations

import errno
from pathlib import Path

import pytest
import yaml
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError, MissingMandatoryValue

from modelpact.cli.error_reporting import report, translate
from modelpact.errors import ConfigError, DataError, PactError
from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_params

__all__ = ["modelpact"]  # the fixture


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


def test_a_bug_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    error = ZeroDivisionError("by zero")
    assert translate(error) is None
    assert report(error) == 1
    assert capsys.readouterr().err == "ZeroDivisionError: by zero\n"


@pytest.mark.parametrize(("full", "shown"), [(False, "error: m"), (True, "modelpact.errors.")])
def test_the_traceback_of_an_error_is_printed_on_demand(
    full: bool, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(ConfigError("m"), full=full) == 2
    assert capsys.readouterr().err.startswith(shown)


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


@pytest.mark.parametrize("file", ["/there/outputs", None])
def test_a_full_disk_is_named(file: str | None) -> None:
    known = translated(OSError(errno.ENOSPC, "No space left on device", file))
    assert f"cannot write {file or 'the output'}: No space left" in str(known)
    assert "Free disk space" in str(known)


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


OWN_DATA = "defaults: [csv]\npath: a.csv\ntypes: {b: string}\n"
INHERITED = "defaults: [csv]\npath: a.csv\n"
ONLY_CLASS = "_target_: modelpact.data.CsvData\npath: a.csv\n"


@pytest.mark.parametrize(
    ("option", "override", "text"),
    sample_params(
        [
            (OWN_DATA, "data.target=b", None),
            (OWN_DATA, "+data.types={a: long}", None),
            (OWN_DATA, "data.types={a: long}", "Add a new key with a plus: +data.types=..."),
            (OWN_DATA, "+data.types.a=long", None),
            (ONLY_CLASS, "+data.types={a: long}", None),
            (
                OWN_DATA,
                "data.types.a=long",
                "unknown key 'data.types.a'\n"
                "Add a new key with a plus: +data.types.a=... Keys of data.types: b.",
            ),
            (
                INHERITED,
                "data.types.a.b=long",
                "Add a new key with a plus: +data.types.a.b=... If the dot is part of a name: "
                "'data.types={a.b: ...}'.",
            ),
            (ONLY_CLASS, "data.target=b", "a plus: +data.target=... Keys of data: path."),
            (ONLY_CLASS, "data.targt=b", "unknown key 'data.targt'\nKeys of data: path."),
            (INHERITED, "data.types={null: x}", "invalid name below data.types: "),
            (INHERITED, "data.types={true: x}", "data.types.1: the name True is not text"),
            (OWN_DATA, "+data.types.a.b=x", "data.types.a: input should be a valid string"),
            (OWN_DATA, "+data.types.a.b=x", "write a name with a dot as {a.b: ...}"),
            (OWN_DATA, "data.target=2019", """got 2019; as text, write '"2019"'"""),
            (
                f"{OWN_DATA}name: x\n",
                "seed=1",
                "unknown key; name is a key of the top level: name=",
            ),
            ("defaults: [cvs]\n", "seed=1", "unknown data 'cvs' (did you mean 'csv'?)"),
            ("defaults: [/data/csv]\n", "seed=1", "data=mine does not name a class"),
            (
                "defaults: [csv, override /model: forest]\n",
                "seed=1",
                "Only a recipe (experiment=...) can set other groups.",
            ),
        ],
        every=3,
    ),
)
def test_options_of_the_user(
    option: str,
    override: str,
    text: str | None,
    modelpact: CommandRunner,
    tmp_path: Path,
) -> None:
    (tmp_path / "conf/data").mkdir(parents=True)
    (tmp_path / "conf/data/mine.yaml").write_text(option)
    Path("a.csv").write_text("a,b\n1,2\n3,4\n")
    ended = modelpact("--config-dir", str(tmp_path / "conf"), "task=inspect", "data=mine", override)
    assert ended.status == (0 if text is None else 2), ended.err
    assert text is None or text in ended.err


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("target=price", "data.target is a key of data=csv, jsonl, parquet."),
        ("data.path=a.csv", "data.path is a key of data=csv, jsonl, parquet."),
        (
            "data=a.csv",
            "For a file: data=csv data.path=a.csv data.target=...",
        ),
        ("data=a.csv.gz", "For a file: data=csv data.path=a.csv.gz data.target=..."),
    ],
)
def test_first_steps_with_a_file(argument: str, text: str, modelpact: CommandRunner) -> None:
    ended = modelpact(argument)
    assert ended.status == 2
    assert text in ended.err

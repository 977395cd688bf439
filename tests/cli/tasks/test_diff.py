from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from mlflow.models import Model as MLmodel
from pydantic import ValidationError

from modelpact.cli.tasks import DiffTask
from modelpact.errors import CompatibilityError, ConfigError, LoadError, SpecError
from modelpact.signature import parse
from modelpact.signature.compat.rules import RULES
from modelpact.tracking import SqliteTracking
from tests.support.commands import CommandRunner, modelpact

__all__ = ["modelpact"]  # the fixture

OLD = {"inputs": {"age": "integer", "sex": "string"}, "params": {"top": "integer = 3"}}
NEW = {
    "inputs": {"age": "long", "sex": "string", "region": "string"},
    "params": {"top": "integer = 3"},
}
TITLE = "old.yaml -> new.yaml: 2 changes, 1 of which breaks backward"


@pytest.fixture(autouse=True)
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two contracts into an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name, spec in (("old", OLD), ("new", NEW)):
        Path(f"{name}.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")


def task(old: str = "old.yaml", new: str = "new.yaml", **changes: Any) -> DiffTask:
    return DiffTask(**{"old": old, "new": new, "tracking": SqliteTracking(), **changes})


def refused(**changes: Any) -> CompatibilityError:
    with pytest.raises(CompatibilityError) as caught:
        task(**changes).run(Path())
    return caught.value


def test_shows_changes_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    error = refused()
    assert capsys.readouterr().out.splitlines() == [
        TITLE,
        "  rule                  path           old      new     breaks",
        "  INPUT_REQUIRED_ADDED  inputs.region  -        string  backward",
        "  INPUT_TYPE_WIDENED    inputs.age     integer  long    forward",
    ]
    assert [change.rule for change in error.changes] == ["INPUT_REQUIRED_ADDED"]
    assert (
        error.message
        == "new.yaml breaks backward compatibility with old.yaml: 2 changes, 1 of which breaks backward"
    )
    assert error.exit_status == 1


@pytest.mark.parametrize(("mode", "broken"), [("backward", 1), ("forward", 1), ("full", 2)])
def test_a_mode_fails_for_its_directions(mode: str, broken: int) -> None:
    assert len(refused(mode=mode).changes) == broken


def test_without_a_mode_it_only_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert task(mode="none").run(Path()) is None
    assert capsys.readouterr().out.splitlines()[0] == "old.yaml -> new.yaml: 2 changes"


def test_no_changes(capsys: pytest.CaptureFixture[str]) -> None:
    task(new="old.yaml").run(Path())
    assert capsys.readouterr().out == "old.yaml -> old.yaml: no changes\n"


def test_compatible_changes_pass(capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.yaml").write_text(
        "inputs: {age: long, sex: string}\nparams: {top: integer = 3}\n", encoding="utf-8"
    )
    task().run(Path())
    assert (
        capsys.readouterr().out.splitlines()[0]
        == "old.yaml -> new.yaml: 1 change, none of which break backward"
    )


def test_json_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    refused(format="json")
    document = json.loads(capsys.readouterr().out)
    assert {key: value for key, value in document.items() if key != "changes"} == {
        "old": "old.yaml",
        "new": "new.yaml",
        "mode": "backward",
        "policy": "lossless",
        "extra": "ignore",
        "compatible": False,
    }
    assert [
        (change["rule"], change["breaks"], change["breaks_mode"]) for change in document["changes"]
    ] == [
        ("INPUT_TYPE_WIDENED", ["forward"], False),
        ("INPUT_REQUIRED_ADDED", ["backward"], True),
    ]


def test_junit_has_a_test_case_per_change(capsys: pytest.CaptureFixture[str]) -> None:
    refused(format="junit")
    (suite,) = ElementTree.fromstring(capsys.readouterr().out)
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        "old.yaml -> new.yaml",
        "2",
        "1",
    )
    assert [(case.get("name"), case.get("classname"), len(case)) for case in suite] == [
        ("inputs.age", "input.INPUT_TYPE_WIDENED", 0),
        ("inputs.region", "input.INPUT_REQUIRED_ADDED", 1),
    ]
    assert suite[1][0].text == RULES["INPUT_REQUIRED_ADDED"]


def test_junit_without_changes_has_one_passed_case(capsys: pytest.CaptureFixture[str]) -> None:
    task(new="old.yaml", format="junit").run(Path())
    (suite,) = ElementTree.fromstring(capsys.readouterr().out)
    assert (suite.get("tests"), suite.get("failures"), len(suite)) == ("1", "0", 1)


def test_markdown_marks_breaking_changes(capsys: pytest.CaptureFixture[str]) -> None:
    refused(format="markdown")
    assert capsys.readouterr().out.splitlines() == [
        "### `old.yaml` → `new.yaml`: 2 changes, 1 of which breaks backward",
        "",
        "| rule | path | old | new | breaks |",
        "| --- | --- | --- | --- | --- |",
        "| **INPUT_REQUIRED_ADDED** | `inputs.region` | - | `string` | backward |",
        "| INPUT_TYPE_WIDENED | `inputs.age` | `integer` | `long` | forward |",
    ]


@pytest.mark.parametrize("form", ["table", "json", "junit", "markdown"])
def test_special_characters_in_names(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    wild = {"a|b": "long", "<c>&": "long", "d\x01\n`e`": "long", "[bold]": "long"}
    Path("new.yaml").write_text(
        json.dumps({"inputs": {**OLD["inputs"], **wild}, "params": OLD["params"]}), encoding="utf-8"
    )
    assert len(refused(format=form).changes) == 4
    out = capsys.readouterr().out
    if form == "json":
        assert "inputs.d\x01\n`e`" in {change["path"] for change in json.loads(out)["changes"]}
    elif form == "junit":
        assert "inputs.<c>&" in {case.get("name") for case in ElementTree.fromstring(out)[0]}
    elif form == "markdown":
        assert "`inputs.a\\|b`" in out


@pytest.mark.parametrize("form", ["table", "json", "junit", "markdown"])
def test_writes_the_same_text_to_a_file(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    refused(format=form)
    shown = capsys.readouterr().out
    refused(format=form, out="made/diff.txt")
    assert Path("made/diff.txt").read_text(encoding="utf-8") == shown
    assert capsys.readouterr().out == "wrote made/diff.txt: 2 changes, 1 of which breaks backward\n"


def _stored(folder: str, spec: Any) -> str:
    Path(folder).mkdir()
    MLmodel(flavors={"python_function": {}}, signature=None if spec is None else parse(spec)).save(
        f"{folder}/MLmodel"
    )
    return folder


def test_compares_folders_and_mlmodel_files_with_contracts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = _stored("model", OLD)
    for new in (folder, f"{folder}/MLmodel"):
        task(new=new).run(Path())
        assert capsys.readouterr().out.endswith(": no changes\n")


def test_compares_versions_aliases_and_runs(
    sums: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(sums[0])
    for new in ("models:/sums@champion", "models:/sums/latest", sums[1]):
        task("models:/sums/1", new).run(Path())
        assert capsys.readouterr().out == f"models:/sums/1 -> {new}: no changes\n"
    with pytest.raises(
        LoadError,
        match=r"cannot find 'models:/sums/7'[^\n]*\nVersions: 1; aliases: champion\.",
    ):
        task("models:/sums/1", "models:/sums/7").run(Path())


BAD: list[tuple[str, bytes | None, type[Exception], str]] = [
    ("nothing.yaml", None, ConfigError, "task.new=nothing.yaml does not exist"),
    ("models:/sums/1", None, LoadError, "the store mlflow.db does not exist"),
    ("http//host", None, ConfigError, "does not exist"),
    ("empty.yaml", b"", SpecError, "got null"),
    ("binary.yaml", b"\xff\xfe\x00", SpecError, "it is not UTF-8 text"),
    ("broken.yaml", b"inputs: {a: [", SpecError, "broken.yaml"),
    ("unknown.yaml", b"inputs: {a: dubble}", SpecError, "did you mean 'double'?"),
    ("list.yaml", b"- a", SpecError, "expected a mapping with inputs, outputs or params"),
]


@pytest.mark.parametrize(("name", "content", "kind", "text"), BAD, ids=[case[0] for case in BAD])
def test_an_invalid_contract_is_rejected(
    name: str, content: bytes | None, kind: type[Exception], text: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(kind) as caught:
        task(new=name, out="diff.json").run(Path())
    assert text in str(caught.value)
    assert not Path("diff.json").exists()
    assert not Path("mlflow.db").exists()


def test_a_folder_without_a_model_is_rejected() -> None:
    Path("folder").mkdir()
    with pytest.raises(
        ConfigError, match=r"task\.old=folder is not a model: it has no MLmodel file"
    ):
        task(old="folder").run(Path())


@pytest.mark.parametrize("content", ["", "]", "- 3", "signature: {inputs: 5}"])
def test_an_unreadable_mlmodel_file_is_rejected(content: str) -> None:
    Path("model").mkdir()
    Path("model/MLmodel").write_text(content, encoding="utf-8")
    with pytest.raises(LoadError, match="'model'"):
        task(new="model/MLmodel").run(Path())


def test_a_model_without_a_signature_is_rejected() -> None:
    with pytest.raises(LoadError, match="'model' has no signature"):
        task(new=_stored("model", None)).run(Path())


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "backwards"},
        {"format": "xml"},
        {"policy": "lenient"},
        {"extra": "drop"},
        {"old": ""},
        {"out": ""},
    ],
)
def test_an_unknown_literal_is_rejected(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        task(**changes)


def test_options_that_cannot_be_combined_are_rejected() -> None:
    with pytest.raises(ConfigError, match="cannot be combined"):
        task(policy="mlflow", extra="forbid").run(Path())
    with pytest.raises(ConfigError, match=r"task\.out=\. is a folder"):
        task(out=".").run(Path())


def test_exit_statuses(modelpact: CommandRunner) -> None:
    broken = modelpact("task=diff", "task.old=old.yaml", "task.new=new.yaml")
    assert (broken.status, broken.out.splitlines()[0]) == (1, TITLE)
    assert broken.err.startswith("error: new.yaml breaks backward compatibility with old.yaml")
    assert (
        modelpact("task=diff", "task.old=old.yaml", "task.new=new.yaml", "task.mode=none").status
        == 0
    )
    missing = modelpact("task=diff", "task.old=old.yaml")
    assert (missing.status, missing.err.splitlines()[0]) == (
        2,
        "error: task.new is required",
    )

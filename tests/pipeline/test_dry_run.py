from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from modelpact import publish
from modelpact.errors import SecretError
from modelpact.pipeline.dry_run import dry_run
from modelpact.registers import MlflowRegister
from modelpact.security.leak_scan import AllowlistEntry
from modelpact.tracking import MlflowTracking, SqliteTracking
from modelpact.types import Receipt
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import client, experiment_id, steps, versions

__all__ = ["modelpact"]  # the fixture

QUICK = "saver.pip_requirements=[scikit-learn]"
DRY = ("task.dry_run=true", QUICK)


def last_receipt() -> dict[str, Any]:
    path = max(Path().glob("outputs/*/*/receipt.json"))
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def store_files() -> dict[str, str]:
    """Return the digest of each file of the store."""
    files = [Path("mlflow.db"), *(path for path in Path("mlruns").rglob("*") if path.is_file())]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_dry_run_creates_no_store(
    modelpact: CommandRunner, tmp_path_factory: pytest.TempPathFactory, mocker: MockerFixture
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    mocker.patch.object(tempfile, "tempdir", str(temporary))
    ended = modelpact(*DRY)
    assert ended.status == 0, ended.err
    assert ended.out.startswith("dry run of diabetes: nothing was written; r2=0.4526")
    assert "5 of 5 checks passed" in ended.out
    assert [path.name for path in Path().iterdir()] == ["outputs"]
    assert list(temporary.iterdir()) == []
    receipt = last_receipt()
    assert (receipt["dry_run"], receipt["version"], receipt["run_id"], receipt["model_uri"]) == (
        True,
        None,
        None,
        None,
    )
    assert (receipt["tracking_uri"], receipt["experiment"]) == ("sqlite:///mlflow.db", None)
    assert receipt["steps"]["register"] == "MlflowRegister"
    assert receipt["steps"]["tracking"] == "MlflowTracking"


@pytest.mark.parametrize("function", [publish, dry_run])
def test_tags_of_the_version_are_scanned(
    function: Callable[..., Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "zQ8-plover-77xkT-91ab"
    monkeypatch.setenv("MAILER_KEY", secret)
    tags = {"note": f"sent with {secret}"}
    with pytest.raises(
        SecretError, match=r"the version contains a secret:\n  tags\.note"
    ) as raised:
        function(**steps(register=MlflowRegister(tags=tags)))
    assert raised.value.receipt is not None
    assert raised.value.receipt.stage == "register"
    assert secret not in str(raised.value)
    allowed = AllowlistEntry(place="tags.note", kind="environment", reason="public")
    register = MlflowRegister(tags=tags, leak_allowlist=[allowed])
    assert function(**steps(register=register)).status == "ok"


def test_a_read_only_store_gets_no_experiment() -> None:
    with SqliteTracking().open():
        pass
    with MlflowTracking(experiment="new").read_only().open() as store:
        assert (store.experiment_id, store.experiment) == ("", "new")
        assert store.client.get_experiment_by_name("new") is None


@pytest.mark.slow
def test_a_dry_run_reads_an_existing_store_and_does_not_change_it(modelpact: CommandRunner) -> None:
    modelpact("task=publish", QUICK)
    before = store_files()
    reused = modelpact(*DRY, "register.if_exists=reuse", "tracking.experiment=new")
    assert "version 1 would be reused" in reused.out
    stored = modelpact(*DRY, "model=mlflow", "model.uri=models:/diabetes/1", "name=copy")
    assert stored.status == 0, stored.err
    broken = modelpact(*DRY, "data=iris", "name=diabetes", "register.compatibility=backward")
    assert broken.status == 1
    assert "breaks backward compatibility with version 1 of diabetes" in broken.err
    receipt = last_receipt()
    assert (receipt["status"], receipt["stage"], receipt["dry_run"]) == ("failed", "compare", True)
    assert receipt["run_id"] is None
    assert store_files() == before
    assert versions("diabetes") == [1]


@pytest.mark.slow
def test_a_dry_run_needs_no_experiment(modelpact: CommandRunner) -> None:
    modelpact("task=publish", QUICK)
    client().delete_experiment("0")
    before = store_files()
    ended = modelpact(*DRY, "tracking.experiment=new", "register.compatibility=backward")
    assert ended.status == 0, ended.err
    assert client().get_experiment_by_name("new") is None
    # The real run fails as well.
    client().delete_experiment(experiment_id())
    failed = [modelpact(*task, QUICK) for task in (DRY, ["task=publish"])]
    assert [ended.status for ended in failed] == [1, 1]
    assert failed[0].err == failed[1].err
    assert "the experiment 'modelpact' is deleted" in failed[0].err
    assert store_files().keys() == before.keys()


@pytest.mark.slow
def test_a_sweep_cannot_be_a_dry_run(modelpact: CommandRunner) -> None:
    ended = modelpact("-m", *DRY, "signer=infer,example")
    assert ended.status == 2
    assert "task.dry_run=true cannot be combined with a sweep" in ended.err
    assert not Path("mlflow.db").exists()

"""Invalid names, aliases, tags, URIs, sources, files and configurations raise one error and register nothing.

Errors on the command line are in test_command_line_errors.py; here is every invalid form of each input.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

import modelpact.registry.versions
from modelpact import publish
from modelpact.cli.compose import build
from modelpact.data import CsvData, JsonlData, ParquetData
from modelpact.errors import PactError
from modelpact.loaders import BuiltinLoader
from modelpact.models import read_config
from modelpact.registers import MlflowRegister
from modelpact.security.manifest import SIGNATURE_DIGEST
from modelpact.signature import digest, load, parse
from modelpact.tracking import ServerTracking, SqliteTracking
from tests.support.many_cases import sample_params
from tests.support.model_stubs import folder_of, save_stub
from tests.support.publishing import steps

WRITTEN = {"inputs": {"age": "long"}, "outputs": {"y": "double"}}
NOWHERE = "models:/m-" + "0" * 32

NAMES = [
    *(
        "",
        " ",
        "\t",
        "\n",
        "a/b",
        "/a",
        "a/",
        "//",
        "a:b",
        "models:/a",
        "http://a",
        "a@b",
        "@",
        "a@champion",
        "a?b",
        "?",
    ),
    *(
        ".",
        "..",
        " a",
        "a ",
        "a\n",
        "\na",
        "a\tb",
        "a\rb",
        "a\x00b",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        "a\u200bb",
        "a\u2028b",
    ),
    *("\ufeffa", "\ud800", "a\udfff", "x" * 257, "ä" * 300, "'\"", 'it\'s "x"', "a\u202eb", "\xa0"),
]
ALIASES = [
    *(
        "",
        " ",
        "latest",
        "LATEST",
        "v1",
        "V2",
        "v007",
        "a b",
        "a.b",
        "a/b",
        "a@b",
        "@champion",
        "a:b",
        "a\n",
        "a\tb",
        "x" * 256,
    ),
    *("a,b", "é!", "a+b", "[a]", "a'b", '"', "..", "a\x00", "\ud800", "a%20b"),
]
TAGS: list[tuple[str, str]] = [
    *(
        (key, "v")
        for key in (
            "",
            " /",
            "/a",
            "../a",
            "..",
            ".",
            "a//b",
            "a/",
            "./a",
            "a/../b",
            "a!",
            "a=b",
            "a,b",
            "a\nb",
        )
    ),
    *((key, "v") for key in ("a\x00", "x" * 251, "a@b", "a#b", "{a}", "[a]", "a'b", "\ud800")),
    *((key, "v") for key in ("modelpact.job_key", "modelpact.signature_digest", "modelpact.x")),
    *(("a", value) for value in ("v" * 8001, "v" * 100_001, "\ud800", "a\udfffb")),
    ("note", "sk-" + "proj-abcdefghijklmnop0123456789"),
    ("api_key", "abcdefgh"),
]
WAIVERS: list[tuple[str, str, str]] = [
    *(
        (rule, "inputs.age", "r")
        for rule in (
            "",
            "INPUT",
            "input_removed",
            "INPUT_REMOVD",
            "REMOVED",
            "X" * 500,
            "INPUT_REMOVED ",
        )
    ),
    *(
        ("INPUT_REMOVED", path, "r")
        for path in (
            "",
            "age",
            "input.age",
            "outputs.age",
            "params.age",
            "inputsage",
            " inputs.age",
        )
    ),
    *(("OUTPUT_REMOVED", path, "r") for path in ("inputs.y", "params.y", "y")),
    *(("PARAM_REMOVED", path, "r") for path in ("inputs.y", "outputs.y", "param.y")),
    ("TENSOR_SHAPE_NARROWED", "params.x", "r"),
    *(("INPUT_REMOVED", "inputs.age", reason) for reason in ("", " ", "...", "\n")),
]
AGAINST: list[Any] = [
    "",
    " ",
    "champion",
    "@",
    "@@a",
    "@a b",
    "0",
    0,
    -1,
    "1.0",
    "v1",
    "Latest",
    "latest ",
    "1,2",
    "9" * 30,
    "@a/b",
]
URIS = [
    *(
        "",
        " ",
        "m-",
        "models:",
        "models:/",
        "models://",
        "models:/m-",
        "models:/M-" + "0" * 32,
        NOWHERE.upper(),
        f"{NOWHERE}/1",
    ),
    *(
        f"{NOWHERE} ",
        f" {NOWHERE}",
        f"{NOWHERE}\n",
        f"{NOWHERE}@champion",
        "models:/sums/1",
        "models:/sums/latest",
    ),
    *(
        "models:/sums@champion",
        "models:/sums/Production",
        "runs:/abc/model",
        "runs:/",
        "/a/folder",
        ".",
        "..",
        f"file://{Path(__file__).parent}",
    ),
    *(
        "s3://bucket/model",
        "http://host/model",
        "mlflow-artifacts:/1",
        "models:/m-xyz",
        "models:/../../etc",
        "\x00",
        NOWHERE,
    ),
]
MLMODELS = [
    *(
        "",
        "a: [",
        "- 1\n- 2\n",
        "text",
        "3",
        "null",
        "\x00",
        "a: b: c",
        "!!python/object/apply:os.system [echo]",
        "&a [*a]",
    ),
    *(
        "signature: 3\n",
        "signature: text\n",
        "signature: [1]\n",
        "signature: {}\n",
        "signature: {inputs: 7}\n",
    ),
    *(
        "signature: {inputs: '['}\n",
        "signature: {inputs: '3'}\n",
        "signature: {inputs: '[{}]'}\n",
        "signature: {inputs: '[3]'}\n",
    ),
    *(
        """signature: {inputs: '[{"type": "duoble"}]'}\n""",
        """signature: {inputs: '[{"name": "a"}]'}\n""",
    ),
    """signature: {inputs: '[{"type": "tensor"}]'}\n""",
    """signature: {inputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float99", "shape": [1]}}]'}\n""",
    """signature: {inputs: '[{"type": "array"}]'}\n""",
    """signature: {inputs: '[{"type": "long", "name": "a"}, {"type": "long"}]'}\n""",
    """signature: {inputs: '[{"type": "long"}]', params: '[{"name": "a"}]'}\n""",
    """signature: {inputs: '[{"type": "long"}]', params: '[{"name": "a", "type": "long", "default": "x", "shape": null}]'}\n""",
    """signature: {outputs: '[{"type": "long"}]'}\n""",
    """signature: {inputs: '[{"type": "any"}]'}\n""",
    "flavors: {}\n",
]
CONTRACTS = [
    *(
        "",
        "[",
        "3",
        "text",
        "- a\n",
        "a: 1\n",
        "inputs:\n",
        "inputs: 3\n",
        "inputs: {}\n",
        "inputs: []\n",
        "inputs: {a: }\n",
    ),
    *(
        "inputs: {a: duoble}\n",
        "inputs: {a: [long, string]}\n",
        "inputs: {a: []}\n",
        "inputs: {'': long}\n",
        "inputs: {a: {}}\n",
    ),
    *(
        "inputs: {a: 'float32[x]'}\n",
        "inputs: {a: 'float99[-1]'}\n",
        "inputs: {a: long, b: 'float32[-1]'}\n",
        "input: {a: long}\n",
    ),
    *(
        "inputs: {a: long}\nparams: {b: 3}\n",
        "inputs: {a: long}\nparams: {b: long = x}\n",
        "inputs: {a: long}\nparams: [1]\n",
    ),
    *(
        "inputs: {a: long, a: long}\n",
        "inputs: {a: long\n",
        "\tinputs: {a: long}\n",
        "inputs: !!python/name:os.system ''\n",
    ),
]
CONFIGS: list[tuple[str, Any]] = [
    *(
        ("register.compatibility", value)
        for value in ("", "bakward", "BACKWARD", "all", 1, None, True, ["backward"], "transitive")
    ),
    *(("register.against", value) for value in (None, 1.5, ["1"], {"a": 1})),
    *(("register.policy", value) for value in ("lossy", "", None, 1)),
    *(("register.extra", value) for value in ("drop", None, False)),
    *(("register.require_signature", value) for value in ("yes", "maybe", 1, None)),
    *(("register.if_exists", value) for value in ("old", "", None, 0)),
    *(
        ("register.aliases", value)
        for value in ("champion", None, [1], [None], {"a": "b"}, [["a"]])
    ),
    *(("register.tags", value) for value in ("team", ["team"])),
    ("register.waivers", "all"),
    ("register.waivers", None),
    ("register.waivers", ["INPUT_REMOVED"]),
    ("register.waivers", [{}]),
    ("register.waivers", [{"rule": "INPUT_REMOVED"}]),
    ("register.waivers", {"rule": "x"}),
    ("register.waivers", [{"rule": "INPUT_REMOVED", "path": "inputs.a"}]),
    ("register.waivers", [{"rule": 1, "path": "inputs.a", "reason": "r"}]),
    ("register.waivers", [{"rule": "INPUT_REMOVED", "path": "inputs.a", "reason": "r" * 501}]),
    (
        "register.waivers",
        [{"rule": "INPUT_REMOVED", "path": "inputs.a", "reason": "r", "until": "May"}],
    ),
    ("register.compatability", "backward"),
    ("register.require_signiture", True),
    ("register._target_", "modelpact.registers.MlflowRegistr"),
    ("register._target_", "nowhere.Register"),
]
MODEL_CONFIGS = [
    "",
    "{",
    "[]",
    "3",
    "null",
    '"text"',
    '{"a": }',
    "{'a': 1}",
    '{"a": 1,}',
    "{}{}",
    "\ufeff{",
    "// {}",
]
STORES = [
    "",
    "mlflow.db",
    "sqlite://",
    "sqlite:///",
    "sqlite:///:memory:",
    "sqlite:mlflow.db",
    "postgresql://",
    "file:mlruns",
]
SERVERS = [
    "",
    "nowhere",
    "http://",
    "ftp://host",
    "http://[::1",
    "http://host:port",
    "sqlite:///mlflow.db",
    "//host",
    "http:host",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A folder with a store, where version 1 of sums is registered, and the URI of a model that could be another version."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MODELPACT_CACHE", str(cache))
        with SqliteTracking().open():
            MlflowRegister(aliases=["champion"]).register("sums", save_stub(WRITTEN))
            (folder / "good").write_text(save_stub(WRITTEN))
    return folder


@pytest.fixture
def unchanged(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A saved model that can be registered, in an open and empty store."""
    monkeypatch.chdir(place)
    modelpact.registry.versions._signatures.clear()
    mlflow.set_tracking_uri(f"sqlite:///{place}/mlflow.db")
    mlflow.set_registry_uri(f"sqlite:///{place}/mlflow.db")
    yield (place / "good").read_text()
    with contextlib.closing(sqlite3.connect(place / "mlflow.db")) as store:
        assert store.execute(
            "SELECT name, version, current_stage FROM model_versions"
        ).fetchall() == [("sums", 1, "None")]
        assert store.execute("SELECT name FROM registered_models").fetchall() == [("sums",)]
        assert store.execute(
            "SELECT name, alias, version FROM registered_model_aliases"
        ).fetchall() == [("sums", "champion", 1)]


def refused(action: Callable[[], object]) -> None:
    """Check that a call raises one error of modelpact, in a few lines and with a remedy."""
    with pytest.raises(PactError) as raised:
        action()
    text = str(raised.value)
    assert text.strip()
    assert "Traceback" not in text
    assert len(text) < 2000
    assert len(text.splitlines()) <= 8
    text.encode("utf-8", "backslashreplace")


def shown(value: Any) -> str:
    return ascii(value)[:40]


@pytest.mark.parametrize("name", sample_params(NAMES, every=3), ids=shown)
def test_an_invalid_name_changes_nothing(name: str, unchanged: str) -> None:
    refused(lambda: MlflowRegister().check(name))
    refused(lambda: MlflowRegister().register(name, unchanged))


@pytest.mark.parametrize("alias", ALIASES, ids=shown)
def test_an_invalid_alias_changes_nothing(alias: str, unchanged: str) -> None:
    refused(lambda: MlflowRegister(aliases=["good", alias]).register("sums", unchanged))


@pytest.mark.parametrize("tag", TAGS, ids=shown)
def test_an_invalid_tag_changes_nothing(tag: tuple[str, str], unchanged: str) -> None:
    refused(lambda: MlflowRegister(tags=dict([tag])).register("sums", unchanged))


@pytest.mark.parametrize("waiver", WAIVERS, ids=shown)
def test_an_invalid_waiver_changes_nothing(waiver: tuple[str, str, str], unchanged: str) -> None:
    written: Any = [dict(zip(("rule", "path", "reason"), waiver, strict=True))]
    refused(lambda: MlflowRegister(waivers=written).register("sums", unchanged))


@pytest.mark.parametrize("against", AGAINST, ids=shown)
def test_an_invalid_version_to_compare_with_changes_nothing(against: Any, unchanged: str) -> None:
    refused(
        lambda: MlflowRegister(against=against, compatibility="backward").register(
            "sums", unchanged
        )
    )


@pytest.mark.parametrize("uri", URIS, ids=shown)
def test_an_invalid_uri_changes_nothing(uri: str, unchanged: str) -> None:
    refused(lambda: MlflowRegister().register("sums", uri))


@pytest.mark.parametrize(
    "uri", [uri for uri in URIS if uri not in {"models:/sums/1", "models:/sums/latest"}], ids=shown
)
def test_loading_an_invalid_uri_changes_nothing(uri: str, unchanged: str) -> None:
    refused(lambda: BuiltinLoader().load(uri))


@pytest.mark.parametrize("text", sample_params(MLMODELS, every=3), ids=shown)
@pytest.mark.usefixtures("unchanged")
def test_an_invalid_mlmodel_file_changes_nothing(text: str) -> None:
    refused(lambda: MlflowRegister().register("sums", save_stub(text=text)))


def _gone(uri: str) -> None:
    shutil.rmtree(folder_of(uri))


def _not_text(uri: str) -> None:
    (folder_of(uri) / "MLmodel").write_bytes(b"\xff\xfe\x00")


def _a_folder(uri: str) -> None:
    (folder_of(uri) / "MLmodel").unlink()
    (folder_of(uri) / "MLmodel").mkdir()


def _replaced(uri: str) -> None:
    shutil.copy(folder_of(save_stub({"inputs": {"b": "string"}})) / "MLmodel", folder_of(uri))


def _deleted(uri: str) -> None:
    mlflow.MlflowClient().delete_logged_model(uri.removeprefix("models:/"))


@pytest.mark.parametrize("spoil", [_gone, _not_text, _a_folder, _replaced, _deleted])
@pytest.mark.usefixtures("unchanged")
def test_a_damaged_source_changes_nothing(spoil: Callable[[str], None]) -> None:
    uri = save_stub(WRITTEN)
    spoil(uri)
    tags = {SIGNATURE_DIGEST: digest(parse(WRITTEN))}
    refused(lambda: MlflowRegister(if_exists="reuse").register("sums", uri, tags=tags))


@pytest.mark.parametrize(
    "options", [{"status": "FAILED"}, {"status": "PENDING"}, {"verified": False}], ids=shown
)
@pytest.mark.usefixtures("unchanged")
def test_a_model_that_is_not_ready_changes_nothing(options: Any) -> None:
    refused(lambda: MlflowRegister().register("sums", save_stub(WRITTEN, **options)))


@pytest.mark.parametrize("text", CONTRACTS, ids=shown)
@pytest.mark.usefixtures("unchanged")
def test_an_invalid_contract_file_changes_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(text)
    refused(lambda: load(path))


@pytest.fixture(scope="module")
def composed() -> Any:
    """The configuration of a job, as it is composed; of its steps only the register is built."""
    GlobalHydra.instance().clear()
    with initialize_config_module("modelpact.conf", version_base="1.3"):
        cfg = compose("config", ["name=sums"], return_hydra_config=True)
    OmegaConf.set_struct(cfg, False)
    cfg.task = {key: cfg.task._get_node(key) for key in ("_target_", "name", "register")}
    return cfg


@pytest.mark.parametrize("setting", CONFIGS, ids=shown)
@pytest.mark.usefixtures("unchanged")
def test_an_invalid_setting_changes_nothing(setting: tuple[str, Any], composed: Any) -> None:
    cfg = composed.copy()
    OmegaConf.update(cfg, *setting, merge=False)
    settings: Any = SimpleNamespace(runtime=cfg.hydra.runtime, mode=RunMode.RUN)
    refused(lambda: build(cfg, settings))


@pytest.mark.parametrize("text", MODEL_CONFIGS, ids=shown)
@pytest.mark.usefixtures("unchanged")
def test_an_invalid_model_configuration_changes_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    refused(lambda: read_config(path))


@pytest.mark.parametrize("kind", [CsvData, JsonlData, ParquetData])
@pytest.mark.parametrize(
    "content",
    sample_params([None, b"", b"\xff\xfe\x00", b"a,b\n", b"[1, 2]\n", b'{"a": 1'], every=3),
    ids=shown,
)
def test_an_invalid_data_file_changes_nothing(
    kind: Any, content: bytes | None, tmp_path: Path, unchanged: str
) -> None:
    path = tmp_path / "table"
    if content is not None:
        path.write_bytes(content)
    refused(lambda: publish(**steps(data=kind(path=str(path), target="price"), name="others")))


@pytest.mark.parametrize("uri", STORES, ids=shown)
@pytest.mark.usefixtures("unchanged")
def test_an_invalid_store_changes_nothing(uri: str) -> None:
    refused(lambda: publish(**steps(tracking=SqliteTracking(uri=uri))))


@pytest.mark.parametrize("uri", SERVERS, ids=shown)
@pytest.mark.usefixtures("unchanged")
def test_an_invalid_server_changes_nothing(uri: str) -> None:
    refused(lambda: publish(**steps(tracking=ServerTracking(uri=uri))))


def test_number_of_cases() -> None:
    lists: list[list[Any]] = [
        NAMES,
        ALIASES,
        TAGS,
        WAIVERS,
        AGAINST,
        URIS,
        MLMODELS,
        CONTRACTS,
        CONFIGS,
        MODEL_CONFIGS,
        STORES,
        SERVERS,
    ]
    different = sum(len({json.dumps(item, default=str) for item in items}) for items in lists)
    assert different >= 300

"""The leak scan: findings, false positives, messages, and where it is applied."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import pickle
import time
import zipfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from pytest_mock import MockerFixture
from sklearn.linear_model import LinearRegression

from modelpact import publish
from modelpact.errors import SecretError
from modelpact.models import SklearnModel
from modelpact.registers import MlflowRegister, record_checks
from modelpact.savers import BuiltinSaver, CustomSaver
from modelpact.security.credentials import contains_key
from modelpact.security.leak_scan import (
    LEAK_SCAN_TAG,
    AllowlistEntry,
    Leak,
    ScanReport,
    allowlist_from_tags,
    allowlist_to_tag,
    archives,
    redact,
    scan_folder,
    scan_values,
    scanner,
)
from modelpact.security.leak_scan.entropy import estimate_bits, is_placeholder, is_random
from modelpact.security.leak_scan.plain_text import MAX_PER_KIND
from modelpact.security.leak_scan.prefilter import KEY_MARKERS, candidate_regions
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking
from modelpact.types import Job
from tests.support import leak_corpus
from tests.support.leak_corpus import (
    COMMON,
    ENVIRONMENT,
    LEAKS,
    LOOK_ALIKES,
    VALUE,
    Written,
    drawn,
    sk,
)
from tests.support.publishing import (
    client,
    not_none,
    numbers,
    runs,
    saved_statuses,
    steps,
    versions,
)
from tiny_models import Doubler


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the environment, and values that only resemble keys."""
    for name, value in {**COMMON, **ENVIRONMENT}.items():
        monkeypatch.setenv(name, value)


def scanned(written: Written, folder: Path) -> ScanReport:
    """Return the leaks of a case of the corpus."""
    folder.mkdir(exist_ok=True)
    values = written(folder)
    return scan_folder(folder) if values is None else scan_values(values)


def at(folder: Path, name: str, data: bytes | str) -> Path:
    """A folder with one file in it."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def test_every_leak_is_found_and_no_value_is_shown(tmp_path: Path) -> None:
    missed = []
    for number, (name, written) in enumerate(LEAKS.items()):
        report = scanned(written, tmp_path / str(number))
        if not report.leaks:
            missed.append(name)
            continue
        with pytest.raises(SecretError) as raised:
            report.enforce((), "saver.leak_allowlist", "the model")
        assert not any(value in str(raised.value) for value in ENVIRONMENT.values()), name
        assert not contains_key(str(raised.value)), name
    assert missed == []


def test_texts_that_only_resemble_keys_pass(tmp_path: Path) -> None:
    reports = {
        name: scanned(written, tmp_path / str(number))
        for number, (name, written) in enumerate(LOOK_ALIKES.items())
    }
    assert {name: report for name, report in reports.items() if report.leaks or report.unread} == {}


def test_size_of_the_corpus() -> None:
    assert len(LEAKS) >= 100
    assert len(LOOK_ALIKES) >= 200


@pytest.mark.parametrize(
    ("name", "data", "leak"),
    [
        (
            "code/x.py",
            f"\n\na = '{VALUE}'\n",
            Leak("code/x.py", "line 3", "environment", "SERVICE_API_KEY"),
        ),
        (
            "code/x.py",
            "a = 1\nTOKEN = '" + drawn(24) + "'\n",
            Leak("code/x.py", "line 2", "entropy", "TOKEN"),
        ),
        ("a.json", '{"a": "' + "b" * 300 + sk() + '"}', None),
        (
            "a.json",
            '{"a": "' + "b c " * 100 + sk() + '"}',
            Leak("a.json", "line 1, column 408", "pattern"),
        ),
        ("m.bin", bytes(100) + sk().encode(), Leak("m.bin", "byte 100", "pattern")),
        ("m.pkl", pickle.dumps([1, sk()]), Leak("m.pkl", "opcode at byte 16", "pattern")),
        ("r.txt", f"https://ann:{drawn(9)}@host/x", Leak("r.txt", "line 1", "url")),
    ],
    ids=range(7),
)
def test_a_leak_is_reported_with_its_place(
    name: str, data: bytes | str, leak: Leak | None, tmp_path: Path
) -> None:
    assert scan_folder(at(tmp_path, name, data)).leaks == ([] if leak is None else [leak])


def test_the_message_has_places_and_a_remedy(tmp_path: Path) -> None:
    at(
        tmp_path,
        "code/x.py",
        f"a = '{VALUE}'\nb = '{sk()}'\npassword = '{drawn(20)}'\nu = 'ftp://ann:{drawn(9)}@host'\n",
    )
    with pytest.raises(SecretError) as raised:
        scan_folder(tmp_path).enforce((), "saver.leak_allowlist", "the model")
    assert str(raised.value) == (
        "the model contains 4 secrets:\n"
        "  code/x.py, line 1: the value of the environment variable SERVICE_API_KEY "
        "(kind: environment)\n"
        "  code/x.py, line 2: a key in a well-known format (kind: pattern)\n"
        "  code/x.py, line 3: what looks like a key, under the name password (kind: entropy)\n"
        "  code/x.py, line 4: a URL with credentials (kind: url)\n"
        "Remove it, and revoke the key if anyone may have seen it. "
        "Use a reference instead: env:NAME, or os.environ in code.\n"
        "For a false positive: "
        "saver.leak_allowlist=[{place: 'code/x.py', kind: environment, reason: '...'}]"
    )
    assert raised.value.places == ["code/x.py"]
    assert raised.value.exit_status == 2


def test_long_lists_of_leaks_are_truncated(tmp_path: Path) -> None:
    at(tmp_path, "x.py", "\n".join(f"a = '{sk()}'" for _ in range(70)))
    at(tmp_path, "y.py", f"a = '{sk()}'")
    report = scan_folder(tmp_path)
    assert len(report.leaks) == MAX_PER_KIND + 1
    with pytest.raises(SecretError, match="and 31 more"):
        report.enforce((), "saver.leak_allowlist", "the model")


def test_a_file_name_that_is_a_key_is_not_shown(tmp_path: Path) -> None:
    found = scan_folder(at(tmp_path, f"code/{sk()}.py", f"x = '{VALUE}'")).leaks
    assert {(leak.place, leak.where) for leak in found} == {
        ("code/[redacted].py", "its name"),
        ("code/[redacted].py", "line 1"),
    }


@pytest.mark.parametrize(
    ("text", "random"),
    [
        ("q7Zx2mPv9KfT", True),
        ("0b5e8a6f3c2d4e71", True),
        ("a1b2c3d4", False),
        ("short1", False),
        ("qwertyuiop", False),
        ("abcabcabcabc123", False),
        ("1234567890.5e-10", False),
        ("x" * 5000 + "1", False),
    ],
)
def test_random_strings(text: str, random: bool) -> None:
    assert is_random(text) is random


def test_placeholders_pass() -> None:
    assert is_placeholder("my-secret-key-123")
    assert not is_placeholder("my-" + "q7Zx2mPv9KfT")
    assert estimate_bits("password") < 10


@pytest.mark.parametrize("value", [*COMMON.values(), "abcdefg", "aaaaaaaaaaaaaaaa", "ann@company"])
def test_values_that_are_not_keys_are_not_searched(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_API_KEY", value)
    assert scan_folder(at(tmp_path, "x.txt", f"{value} '{value}' {value}")).leaks == []


def test_the_user_name_is_not_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_PASSWORD", "ann-7f3a-9c2e")
    assert scan_folder(at(tmp_path, "x.txt", "by ann-7f3a-9c2e")).leaks
    monkeypatch.setenv("USER", "ann-7f3a-9c2e")
    assert scan_folder(tmp_path).leaks == []


def test_every_key_in_a_variable_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [drawn(20), drawn(20)]
    monkeypatch.setenv("OWN_API_KEYS", ",".join(keys))
    assert [leak.name for leak in scan_folder(at(tmp_path, "x.txt", keys[1])).leaks] == [
        "OWN_API_KEYS"
    ]


def test_short_values_match_whole_words_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_API_KEY", "b7x-9qz-2")
    assert scan_folder(at(tmp_path, "x.txt", "ab7x-9qz-21")).leaks == []
    assert scan_folder(at(tmp_path, "x.txt", "a b7x-9qz-2 c")).leaks


def test_every_key_has_a_marker_of_three_letters() -> None:
    assert all(len(mark) >= 3 for mark in KEY_MARKERS)
    for name in ("Stripe", "Slack", "Google", "Hugging Face", "SendGrid", "Vault", "Telegram"):
        written: dict[str, bytes] = {}
        LEAKS[name](_Folder(written))  # type: ignore[arg-type]
        text = b"." * 6000 + written["x.py"] + b"." * 6000
        assert any(keyed for _, _, keyed in candidate_regions(text)), name


class _Folder:
    """A model that writes given files."""

    def __init__(self, written: dict[str, bytes], name: str = "") -> None:
        self._written, self.name = written, name

    def __truediv__(self, name: str) -> _Folder:
        return _Folder(self._written, name)

    @property
    def parent(self) -> _Folder:
        return self

    def mkdir(self, **_: Any) -> None:
        return None

    def write_bytes(self, data: bytes) -> None:
        self._written[self.name] = data


class TestUnreadableFiles:
    def test_are_reported(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        at(tmp_path, "x.zst", b"\x28\xb5\x2f\xfd" + os.urandom(100))
        at(tmp_path, "x.gz", gzip.compress(os.urandom(10_000))[:5000])
        at(tmp_path, "x.zip", b"PK\x03\x04" + os.urandom(100))
        at(tmp_path, "x.xz", b"\xfd7zXZ" + os.urandom(100))
        report = scan_folder(tmp_path)
        assert [note.partition(":")[0] for note in report.unread] == [
            "x.gz, its end",
            "x.xz, all of its content",
            "x.zip, all of the archive",
            "x.zst, all of its content",
        ]
        with caplog.at_level(logging.WARNING):
            assert report.enforce((), "saver.leak_allowlist", "the model") == []
        assert (
            "the leak scan did not read x.zst, all of its content: it is compressed with zstd"
            in caplog.messages
        )

    def test_archive_bombs_are_reported(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archives, "MAX_UNPACKED", 1 << 20)
        at(tmp_path, "x.gz", gzip.compress(bytes(5 << 20)))
        at(tmp_path, "y.txt", sk())
        report = scan_folder(tmp_path)
        assert "it unpacks to more than" in report.unread[0]
        assert [leak.place for leak in report.leaks] == ["y.txt"]

    def test_deeply_nested_archives_are_reported(self, tmp_path: Path) -> None:
        data = b"x"
        for _ in range(9):
            data = gzip.compress(data)
        assert scan_folder(at(tmp_path, "x.gz", data)).unread == ["x.gz: it is nested too deeply"]

    def test_encrypted_members_are_reported(self, tmp_path: Path) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("x", "y")
        data = bytearray(made.getvalue())
        data[6] |= 1  # the flag for encryption
        data[data.index(b"PK\x01\x02") + 8] |= 1
        assert "RuntimeError" in scan_folder(at(tmp_path, "x.zip", bytes(data))).unread[0]


def test_large_members_are_unpacked_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_IN_MEMORY", 1 << 16)
    at(
        tmp_path,
        "x.gz",
        gzip.compress(bytes(1 << 18) + sk().encode()) + gzip.compress(b"and " + sk().encode()),
    )
    assert [leak.where for leak in scan_folder(tmp_path).leaks] == ["byte 262144", "byte 262196"]


def test_broken_links_and_empty_files_pass(tmp_path: Path) -> None:
    at(tmp_path, "empty.pkl", b"")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert scan_folder(tmp_path).files == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\x80",
        b"\x80\x04",
        b"\x80\x04.",
        b"\x80\x04\x8c\xff",
        b"(",
        b"(.",
        b"\x93NUMPY",
        b"x\x9c",
        b"{",
        b"[" * 9,
    ],
)
def test_broken_files_pass(data: bytes, tmp_path: Path) -> None:
    assert scan_folder(at(tmp_path, "x", data)).leaks == []


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "made"),)

    scan_folder(at(tmp_path / "model", "x.pkl", pickle.dumps(Runs())))
    assert not (tmp_path / "made").exists()


def test_clean_files_are_scanned_once(
    tmp_path: Path, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_folder(at(tmp_path, "x.py", f"unique = {drawn(9)}"))
    spied = mocker.spy(scanner, "find_secrets")
    scan_folder(tmp_path)
    assert spied.call_count == 1  # its name
    monkeypatch.setenv("OTHER_API_KEY", drawn(20))
    scan_folder(tmp_path)
    assert spied.call_count == 3


@pytest.mark.slow
def test_adversarial_texts_take_linear_time() -> None:
    texts = ["a" * 200_000, "token" * 50_000, "token: '" * 20_000, "://" * 50_000, "a" * 31 + "://" * 1000,
             "token=" + "a" * 200_000, "eyJ" + "a." * 50_000, "[" * 200_000, "api_key " * 20_000,
             "password\n" * 20_000, '{"token": [' * 10_000]  # fmt: skip
    for text in texts:
        start = time.thread_time()
        scan_values({"a": text})
        assert time.thread_time() - start < 10, text[:20]


class TestAllowlist:
    def test_matches_place_and_kind(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        report = scan_folder(at(tmp_path, "code/x.py", f"a = '{sk()}'\nb = '{sk()}'\n"))
        allowed = AllowlistEntry(place="code/*.py", kind="pattern", reason="test vectors")
        with caplog.at_level(logging.INFO):
            assert report.enforce([allowed], "saver.leak_allowlist", "the model") == [allowed]
        assert (
            "saver.leak_allowlist: pattern at code/*.py is allowed: test vectors" in caplog.messages
        )

    def test_other_leaks_are_reported(self, tmp_path: Path) -> None:
        report = scan_folder(at(tmp_path, "code/x.py", f"a = '{sk()}'\nb = '{VALUE}'\n"))
        with pytest.raises(SecretError, match=r"contains a secret:\n  code/x\.py, line 2"):
            report.enforce(
                [AllowlistEntry(place="code/x.py", kind="pattern", reason="a test vector")],
                "saver.leak_allowlist",
                "the model",
            )

    def test_unused_entries_are_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        allowed = [
            AllowlistEntry(place=place, kind="pattern", reason="old")
            for place in ("gone.py", "run:config.x")
        ]
        assert ScanReport().enforce(allowed, "saver.leak_allowlist", "the model") == []
        assert caplog.messages == [
            "saver.leak_allowlist: no finding of kind pattern at gone.py; remove the entry"
        ]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"reason": ""}, "explain why"),
            ({"reason": "  "}, "explain why"),
            ({"reason": None}, "string"),
            ({"reason": "x" * 301}, "300"),
            ({"kind": "any"}, "environment"),
            ({"place": ""}, "name a file"),
            ({"place": "*"}, "name a file"),
            ({"place": "**/*.*"}, "name a file"),
            ({"line": 3}, "not permitted"),
        ],
    )
    def test_incomplete_entries_are_rejected(self, change: dict[str, Any], said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            CustomSaver(
                leak_allowlist=[{"place": "x.py", "kind": "pattern", "reason": "why", **change}]  # type: ignore[list-item]
            )

    def test_entries_without_a_reason_are_rejected(self) -> None:
        with pytest.raises(ValidationError, match="reason"):
            CustomSaver(leak_allowlist=[{"place": "x.py", "kind": "pattern"}])  # type: ignore[list-item]

    def test_entries_fit_into_a_tag(self) -> None:
        many = [
            AllowlistEntry(place=f"{number}.py", kind="pattern", reason="r" * 300)
            for number in range(50)
        ]
        text = allowlist_to_tag(many)
        assert len(text) <= 4000
        assert allowlist_from_tags({LEAK_SCAN_TAG: text})[0] == many[0].model_dump()
        assert (
            allowlist_from_tags({LEAK_SCAN_TAG: "x"})
            == allowlist_from_tags({})
            == allowlist_from_tags(None)
            == []
        )


class TestPublishing:
    def helper(self, text: str) -> str:
        Path("helping.py").write_text(text)
        return "helping.py"

    def test_a_secret_in_the_code_is_rejected_before_the_upload(self) -> None:
        saver = CustomSaver(
            pip_requirements=["numpy"], code_paths=[self.helper(f"KEY = '{sk()}'\n")]
        )
        with pytest.raises(
            SecretError, match=r"code/helping\.py, line 1: a key in a well-known format"
        ):
            publish(**steps(saver=saver))
        assert versions() == []
        assert saved_statuses() == ["FAILED"]
        assert list(Path().rglob("MLmodel")) == []
        assert [run.info.status for run in runs()] == ["FAILED"]

    def test_allowlist_entries_are_recorded(self) -> None:
        told = {"place": "code/helping.py", "kind": "pattern", "reason": "a test vector"}
        code = [self.helper(f"KEY = '{sk()}'\n")]
        receipt = publish(
            **steps(
                saver=CustomSaver(
                    pip_requirements=["numpy"],
                    code_paths=code,
                    leak_allowlist=[told],  # type: ignore[list-item]
                )
            )
        )
        assert receipt.leak_allowlist == [told]
        assert json.loads(client().get_model_version("sums", "1").tags[LEAK_SCAN_TAG]) == [told]
        assert json.loads(
            client()
            .get_logged_model(not_none(receipt.model_uri).removeprefix("models:/"))
            .tags[LEAK_SCAN_TAG]
        ) == [told]

    def test_a_clean_model_has_a_tag_of_its_scan(self) -> None:
        receipt = publish(**steps())
        assert receipt.leak_allowlist == []
        assert (
            client()
            .get_logged_model(str(receipt.model_uri).removeprefix("models:/"))
            .tags[LEAK_SCAN_TAG]
            == "[]"
        )
        assert LEAK_SCAN_TAG not in client().get_model_version("sums", "1").tags

    def test_a_secret_in_the_input_example_is_found(self) -> None:
        example = pd.DataFrame([{"a": f"by {VALUE}"}, {"a": "b"}])
        saver = BuiltinSaver(pip_requirements=["scikit-learn"])
        with SqliteTracking().open(), pytest.raises(SecretError, match=r"input_example\.json"):
            saver.save(_fitted(), infer(example, np.zeros(2)), example)

    @pytest.mark.parametrize(
        "job",
        [
            Job(config={"model": {"note": f"by {VALUE}"}}),
            Job(config={"model": {"note": "x"}}, overrides=[f"model.note={VALUE}"]),
        ],
    )
    def test_a_secret_in_run_metadata_is_rejected_before_the_run_is_created(self, job: Job) -> None:
        with pytest.raises(
            SecretError, match=r"the recorded configuration contains a secret:\n  run:"
        ):
            publish(**steps(job=job))
        assert not Path("mlflow.db").exists()

    def test_a_secret_in_a_version_tag_is_rejected(self) -> None:
        with pytest.raises(
            SecretError, match=r"tags\.note: the value of the environment variable SERVICE_API_KEY"
        ):
            publish(**steps(register=MlflowRegister(tags={"note": f"by {VALUE}"})))
        assert client().search_registered_models() == []

    def test_a_tag_is_allowed_with_a_reason(self) -> None:
        told = {"place": "tags.note", "kind": "environment", "reason": "a public name"}
        publish(
            **steps(register=MlflowRegister(tags={"note": f"by {VALUE}"}, leak_allowlist=[told]))  # type: ignore[list-item]
        )
        assert json.loads(client().get_model_version("sums", "1").tags[LEAK_SCAN_TAG]) == [told]
        assert runs()[0].data.params["register.tags.note"] == "by [redacted]"

    def test_tracebacks_are_redacted(self, mocker: MockerFixture) -> None:
        mocker.patch.object(
            Doubler, "predict", side_effect=RuntimeError(f"refused: {VALUE} and {sk()}")
        )
        with pytest.raises(Exception, match="refused"):
            publish(**steps())
        text = "".join(path.read_text() for path in Path().rglob("traceback.txt"))
        assert "refused: [redacted] and [redacted]" in text
        assert VALUE not in text


def _fitted() -> SklearnModel:
    model = SklearnModel(estimator=LinearRegression())
    model.fit(numbers().read().inputs, np.arange(6))
    return model


class TestModelSavedWithoutModelpact:
    def saved(self, note: str) -> str:
        """A model that MLflow saved alone, verified, with a note among its files."""
        rows = numbers().read().inputs
        Path("helping.py").write_text(f"NOTE = '{note}'\n")
        model = LinearRegression().fit(rows, np.arange(6))
        info = mlflow.sklearn.log_model(
            model,
            name="m",
            signature=infer(rows, model.predict(rows)),
            code_paths=["helping.py"],
            pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
        )
        record_checks(info.model_uri, mlflow_verdict())
        return str(info.model_uri)

    def test_is_scanned_at_registration(self) -> None:
        with SqliteTracking().open():
            uri = self.saved(sk())
            with pytest.raises(
                SecretError, match=r"the version contains a secret:\n  code/helping\.py, line 1"
            ):
                MlflowRegister().register("sums", uri)
            assert client().search_registered_models() == []
            told = {"place": "code/helping.py", "kind": "pattern", "reason": "a test vector"}
            version = MlflowRegister(leak_allowlist=[told]).register("sums", uri)  # type: ignore[list-item]
            assert version is not None
            assert json.loads(version.tags[LEAK_SCAN_TAG]) == [told]

    def test_is_scanned_once(self, mocker: MockerFixture) -> None:
        from modelpact.security.leak_scan import registration

        with SqliteTracking().open():
            uri = self.saved("nothing")
            spied = mocker.spy(registration, "scan_folder")
            for _ in range(2):
                MlflowRegister().register("sums", uri)
            assert spied.call_count == 1


def mlflow_verdict() -> Any:
    """The verdict of a verifier that found all well."""
    from modelpact.types import Check, Verdict

    return Verdict((Check(code="PREDICTIONS_EQUAL", ok=True),))


def test_redacted_texts() -> None:
    assert redact(f"{VALUE}, {sk()} and the rest") == "[redacted], [redacted] and the rest"


def test_the_corpus_contains_no_literal_keys() -> None:
    assert not contains_key(Path(leak_corpus.__file__).read_text())


@pytest.mark.parametrize("start", ["BZh9", "PAR1", "Rar!", "PK\x03\x04"])
def test_values_are_texts_although_they_begin_as_an_archive(start: str) -> None:
    assert scan_values({"tags.a": f"{start} is a name"}).unread == []
    assert [leak.kind for leak in scan_values({"tags.a": f"{start} {sk()}"}).leaks] == ["pattern"]

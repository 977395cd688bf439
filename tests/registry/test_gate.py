from __future__ import annotations

import json
import logging
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from pytest_mock import MockerFixture

from modelpact import publish
from modelpact.errors import CompatibilityError, ConfigError, RegisterError
from modelpact.registers import MlflowRegister
from modelpact.registry import versions as contracts
from modelpact.registry.compatibility_report import (
    Waiver,
)
from modelpact.registry.gate import Gate, _quote, require_contract
from modelpact.signature import parse
from modelpact.signers import ExplicitSigner
from modelpact.tracking import SqliteTracking
from tests.support.model_stubs import folder_of, register_stub, save_stub
from tests.support.publishing import client, not_none, numbers, receipt, steps, versions
from tiny_models import Doubler

OLD = {"inputs": {"age": "long", "sex": "string"}, "outputs": {"y": "double"}}
WIDER = {"inputs": {"age": "long", "sex": "string", "bmi?": "double"}, "outputs": {"y": "double"}}
NARROWER = {"inputs": {"age": "integer", "sex": "string"}, "outputs": {"y": "double"}}
LONGER = {"inputs": {"age": "long", "sex": "string", "bmi": "double"}, "outputs": {"y": "double"}}


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store and an empty cache of signatures."""
    contracts._signatures.clear()
    with SqliteTracking().open():
        yield


def read_tag(version: int, name: str = "sums") -> dict[str, Any]:
    """Return the compatibility tag of a version."""
    facts: dict[str, Any] = json.loads(
        client().get_model_version(name, str(version)).tags["modelpact.compatibility"]
    )
    return facts


@pytest.mark.parametrize(
    ("mode", "new", "broken"),
    [
        ("none", NARROWER, []),
        ("backward", WIDER, []),
        ("backward", NARROWER, [("INPUT_TYPE_NARROWED", "inputs.age")]),
        ("backward", LONGER, [("INPUT_REQUIRED_ADDED", "inputs.bmi")]),
        ("forward", NARROWER, []),
        (
            "forward",
            {"inputs": {"age": "long"}, "outputs": {"y": "double"}},
            [("INPUT_REMOVED", "inputs.sex")],
        ),
        ("full", WIDER, []),
        ("full", NARROWER, [("INPUT_TYPE_NARROWED", "inputs.age")]),
        ("full_transitive", NARROWER, [("INPUT_TYPE_NARROWED", "inputs.age")]),
    ],
)
def test_each_mode_rejects_its_breaking_changes(
    mode: Any, new: Any, broken: list[tuple[str, str]]
) -> None:
    register_stub(OLD)
    uri = save_stub(new)
    register = MlflowRegister(compatibility=mode, aliases=["champion"])
    if not broken:
        assert int(register.register("sums", uri).version) == 2
        return
    for call in (
        lambda: register.check_compatibility("sums", parse(new)),
        lambda: register.register("sums", uri),
    ):
        with pytest.raises(CompatibilityError) as raised:
            call()
        assert [(change.rule, change.path) for change in raised.value.changes] == broken
        assert list(raised.value.broken) == ["1"]
    assert versions() == [1]
    assert client().get_registered_model("sums").aliases == {}


def test_a_first_version_has_nothing_to_compare_with() -> None:
    assert register_stub(OLD, compatibility="full_transitive") == 1
    assert read_tag(1) == {
        "mode": "full_transitive",
        "policy": "lossless",
        "extra": "ignore",
        "against": "",
    }
    assert register_stub(OLD, name="others", compatibility="backward", against="@champion") == 1


class TestAgainst:
    """Two of three versions are left; the first is the strictest and the champion."""

    @pytest.fixture(autouse=True)
    def three(self) -> None:
        register_stub(NARROWER, aliases=["champion"])
        register_stub(OLD)
        register_stub(WIDER)
        mlflow.MlflowClient().delete_model_version("sums", "3")

    @pytest.mark.parametrize(
        ("options", "against"),
        [
            ({"compatibility": "backward"}, None),
            ({"compatibility": "backward", "against": "latest"}, None),
            ({"compatibility": "backward", "against": "2"}, None),
            ({"compatibility": "backward", "against": "@champion"}, "1"),
            ({"compatibility": "backward", "against": 1}, "1"),
            ({"compatibility": "backward_transitive"}, None),
        ],
    )
    def test_the_given_version(self, options: Any, against: str | None) -> None:
        if against is None:
            with pytest.raises(CompatibilityError, match="with version 2 of sums in 1 place"):
                register_stub(NARROWER, **options)
        else:
            assert read_tag(register_stub(NARROWER, **options))["against"] == against

    def test_all_existing_versions(self) -> None:
        new = register_stub(OLD, compatibility="backward_transitive")
        assert read_tag(new)["against"] == "1-2"
        with pytest.raises(
            CompatibilityError, match="with versions 1-2, 4 of sums in 1 place"
        ) as raised:
            register_stub(LONGER, compatibility="backward_transitive")
        assert "inputs.bmi: absent -> double (INPUT_REQUIRED_ADDED), with 1-2, 4" in str(
            raised.value
        )
        assert list(raised.value.broken) == ["1", "2", "4"]

    @pytest.mark.parametrize(
        ("against", "message"), [(9, ""), ("@campion", "did you mean '@champion'?"), ("@x", "")]
    )
    def test_a_missing_version_is_reported(self, against: Any, message: str) -> None:
        with pytest.raises(RegisterError, match="has no such version") as raised:
            register_stub(OLD, compatibility="backward", against=against)
        assert message in str(raised.value)
        assert "Versions: 1, 2; aliases: @champion." in str(raised.value)

    def test_an_error_of_the_registry_is_reported(self, mocker: MockerFixture) -> None:
        mocker.patch(
            "mlflow.MlflowClient.get_model_version_by_alias",
            side_effect=MlflowException("no answer"),
        )
        with pytest.raises(RegisterError, match="no answer"):
            register_stub(OLD, compatibility="backward", against="@champion")


def test_a_version_number_needs_an_existing_version() -> None:
    with pytest.raises(RegisterError, match="Versions: none; aliases: none"):
        register_stub(OLD, compatibility="backward", against=1)
    assert versions() == []


def test_compatibility_depends_on_the_policy() -> None:
    register_stub({"inputs": {"age": "double"}})
    floats = {"inputs": {"age": "float"}}
    register_stub({"inputs": {"age": "integer"}}, name="strict")
    wider = {"inputs": {"age": "long"}}
    assert register_stub(wider, name="strict", compatibility="backward") == 2
    with pytest.raises(CompatibilityError):
        register_stub(
            {"inputs": {"age": "double"}},
            name="strict",
            compatibility="backward",
            against=1,
            policy="strict",
        )
    with pytest.raises(CompatibilityError):
        register_stub(floats, compatibility="backward", policy="strict")


def test_removed_columns_break_if_extra_columns_are_forbidden() -> None:
    register_stub(OLD)
    shorter = {"inputs": {"age": "long"}, "outputs": {"y": "double"}}
    with pytest.raises(CompatibilityError, match="INPUT_REMOVED"):
        register_stub(shorter, compatibility="backward", extra="forbid")
    assert register_stub(shorter, compatibility="backward") == 2


class TestWaivers:
    WAIVER = Waiver(rule="INPUT_REQUIRED_ADDED", path="inputs.bmi", reason="the clinic sends it")

    def test_a_waived_change_passes_and_is_recorded(self) -> None:
        register_stub(OLD)
        facts = read_tag(register_stub(LONGER, compatibility="backward", waivers=[self.WAIVER]))
        assert facts["waived"] == [
            {
                "rule": "INPUT_REQUIRED_ADDED",
                "side": "input",
                "path": "inputs.bmi",
                "old": None,
                "new": "double",
                "breaks": ["backward"],
                "versions": "1",
                "reason": "the clinic sends it",
            }
        ]

    def test_other_changes_are_rejected(self) -> None:
        register_stub(OLD)
        both = {
            "inputs": {"age": "integer", "sex": "string", "bmi": "double"},
            "outputs": {"y": "double"},
        }
        with pytest.raises(CompatibilityError, match=r"in 1 place:\n  inputs.age") as raised:
            register_stub(both, compatibility="backward", waivers=[self.WAIVER])
        typed = next(line for line in str(raised.value).splitlines() if "register.waivers" in line)
        (word,) = [word for word in shlex.split(typed) if word.startswith("register.")]
        parsed = OverridesParser.create().parse_override(word).value()
        assert parsed == [
            {"rule": "INPUT_REQUIRED_ADDED", "path": "inputs.bmi", "reason": "the clinic sends it"},
            {"rule": "INPUT_TYPE_NARROWED", "path": "inputs.age", "reason": "..."},
        ]

    def test_the_suggested_override_waives_the_change(self) -> None:
        register_stub(OLD)
        with pytest.raises(CompatibilityError) as raised:
            register_stub(NARROWER, compatibility="backward")
        word = next(
            word for word in shlex.split(str(raised.value)) if word.startswith("register.waivers")
        )
        typed = OverridesParser.create().parse_override(word.replace('"..."', '"measured"')).value()
        assert register_stub(NARROWER, compatibility="backward", waivers=typed) == 2

    def test_an_unused_waiver_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        register_stub(OLD)
        with caplog.at_level(logging.WARNING, "modelpact.registry.gate"):
            MlflowRegister(compatibility="backward", waivers=[self.WAIVER]).check_compatibility(
                "sums", parse(WIDER)
            )
            MlflowRegister(waivers=[self.WAIVER]).check_compatibility("sums", parse(WIDER))
        assert caplog.messages == [
            "register.waivers: INPUT_REQUIRED_ADDED at inputs.bmi matched no change"
        ]

    @given(st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()))
    def test_any_text_is_quoted_for_hydra(self, text: str) -> None:
        override = OverridesParser.create().parse_override(f"x=[{{path: {_quote(text)}}}]")
        value: Any = override.value()
        if "${" not in text:  # an interpolation is resolved only in a composed configuration
            assert value == [{"path": text}]


def test_compatible_changes_are_counted() -> None:
    register_stub(OLD)
    new = {
        "inputs": {"age": "long", "sex": "string", "a?": "long", "b?": "long"},
        "outputs": {"y": "double", "z?": "double"},
    }
    assert read_tag(register_stub(new, compatibility="backward"))["passed"] == {
        "INPUT_OPTIONAL_ADDED": 2,
        "OUTPUT_OPTIONAL_ADDED": 1,
    }


def test_long_lists_of_changes_are_truncated() -> None:
    register_stub({"inputs": {f"c{n}": "long" for n in range(30)}})
    with pytest.raises(CompatibilityError, match="in 30 places") as raised:
        register_stub({"inputs": {f"c{n}": "integer" for n in range(30)}}, compatibility="backward")
    assert len(raised.value.changes) == 30
    assert "... and 20 more" in str(raised.value)
    assert len(str(raised.value).splitlines()) < 18


@pytest.mark.parametrize(("n_changes", "more"), [(10, False), (11, True)])
def test_at_most_ten_changes_are_listed(n_changes: int, more: bool) -> None:
    names = [f"c{number:02}" for number in range(n_changes)]
    register_stub({"inputs": dict.fromkeys(names, "long")})
    with pytest.raises(CompatibilityError) as raised:
        register_stub({"inputs": dict.fromkeys(names, "integer")}, compatibility="backward")
    title, *rest = str(raised.value).splitlines()
    assert title == (
        f"the contract breaks backward compatibility with version 1 of sums in {n_changes} places:"
    )
    assert rest[:10] == [
        f"  inputs.{name}: long -> integer (INPUT_TYPE_NARROWED)" for name in names[:10]
    ]
    assert rest[10:-4] == ["  ... and 1 more; task=diff shows the full comparison"] * more
    waivers = ", ".join(
        f'{{rule: INPUT_TYPE_NARROWED, path: "inputs.{name}", reason: "..."}}'
        for name in names[:10]
    )
    assert rest[-4:] == [
        "Nothing was registered. Change the contract, or use one of these:",
        "  name=sums-2 starts a new model; callers switch when ready",
        f"  'register.waivers=[{waivers}]' accepts the changes and records your reason",
        "  register.compatibility=none skips the check",
    ]


@pytest.mark.parametrize(
    ("signature", "allow_any", "fault"),
    [
        (None, False, "has no signature"),
        (None, True, "has no signature"),
        (parse({"inputs": "any"}), False, "has a signature that accepts any input"),
        (parse({"outputs": "long"}), False, "has a signature that accepts any input"),
        (parse({"inputs": "any"}), True, None),
        (parse({"inputs": {"a": "any"}}), False, None),
        (parse({"inputs": ["any", "any"]}), False, None),
        (parse({"inputs": "long"}), False, None),
    ],
)
def test_a_contract_is_required(signature: Any, allow_any: bool, fault: str | None) -> None:
    if fault is None:
        require_contract(signature, "the model", allow_any=allow_any)
        return
    with pytest.raises(RegisterError) as raised:
        require_contract(signature, "the model", allow_any=allow_any)
    assert str(raised.value) == (
        f"the model {fault}\n"
        "Sign it with signer=infer or signer=explicit. To register it all the same: "
        "register.require_signature=false register.compatibility=none."
    )


class TestOldVersion:
    """An earlier version."""

    def test_without_a_signature_accepts_anything(self) -> None:
        MlflowRegister(require_signature=False).register("sums", save_stub())
        with pytest.raises(CompatibilityError, match="INPUT_SCHEMA_ADDED") as raised:
            register_stub(OLD, compatibility="backward")
        assert [change.path for change in raised.value.changes] == ["inputs"]

    def test_is_read_once(self, mocker: MockerFixture) -> None:
        for _ in range(3):
            register_stub(OLD)
        contracts._signatures.clear()
        read = mocker.spy(contracts, "read_mlmodel")
        MlflowRegister(compatibility="backward_transitive").check_compatibility(
            "sums", parse(WIDER)
        )
        MlflowRegister(compatibility="backward_transitive").check_compatibility(
            "sums", parse(WIDER)
        )
        assert read.call_count == 1

    def test_cache_has_a_limited_size(self, mocker: MockerFixture) -> None:
        mocker.patch.object(contracts, "_CACHE_SIZE", 1)
        register_stub(OLD)
        register_stub(WIDER)
        MlflowRegister(compatibility="backward_transitive").check_compatibility(
            "sums", parse(WIDER)
        )
        assert len(contracts._signatures) == 1

    def test_of_plain_mlflow_is_read_each_time(self) -> None:
        foreign = save_stub(OLD)
        mlflow.MlflowClient().create_registered_model("sums")
        mlflow.MlflowClient().create_model_version("sums", source=str(folder_of(foreign)))
        with pytest.raises(CompatibilityError):
            register_stub(NARROWER, compatibility="backward")

    @pytest.mark.parametrize(
        "text",
        [
            "- a list",
            "signature: 3",
            "signature: {inputs: 7}",
            "a: [",
            "signature: {inputs: '[{}]'}",
        ],
    )
    def test_with_a_malformed_mlmodel_file_is_named(self, text: str) -> None:
        uri = save_stub(OLD)
        MlflowRegister().register("sums", uri)
        contracts._signatures.clear()
        (folder_of(uri) / "MLmodel").write_text(text)
        with pytest.raises(
            RegisterError,
            match="signature of version 1 of sums cannot be read: its MLmodel file is malformed",
        ):
            register_stub(OLD, compatibility="backward")
        assert versions() == [1]

    def test_with_missing_files_is_named(self) -> None:
        uri = save_stub(OLD)
        MlflowRegister().register("sums", uri)
        contracts._signatures.clear()
        shutil.rmtree(folder_of(uri))
        with pytest.raises(
            RegisterError, match="signature of version 1 of sums cannot be read"
        ) as raised:
            register_stub(OLD, compatibility="backward")
        assert "register.against" in str(raised.value)
        assert versions() == [1]

    def test_with_an_unreadable_mlmodel_file_is_named(self) -> None:
        uri = save_stub(OLD)
        MlflowRegister().register("sums", uri)
        contracts._signatures.clear()
        (folder_of(uri) / "MLmodel").unlink()
        with pytest.raises(RegisterError, match="MLmodel file does not exist"):
            register_stub(OLD, compatibility="backward")
        (folder_of(uri) / "MLmodel").mkdir()
        with pytest.raises(RegisterError, match="MLmodel file cannot be read"):
            register_stub(OLD, compatibility="backward")

    @pytest.mark.parametrize(
        ("change", "message"), [("changed", "changed"), ("deleted", "deleted")]
    )
    def test_with_a_changed_signature_is_named(self, change: str, message: str) -> None:
        uri, other = save_stub(OLD), save_stub(WIDER)
        MlflowRegister().register("sums", uri)
        contracts._signatures.clear()
        text = (
            (folder_of(other) / "MLmodel").read_text() if change == "changed" else "flavors: {}\n"
        )
        (folder_of(uri) / "MLmodel").write_text(text)
        with pytest.raises(
            RegisterError,
            match=f"the signature of version 1 of sums was {message} after it was registered",
        ):
            register_stub(WIDER, compatibility="backward")

    def test_deleted_concurrently_is_skipped(self, mocker: MockerFixture) -> None:
        for _ in range(2):
            register_stub(OLD)
        contracts._signatures.clear()
        list_them = contracts.list_versions

        def list_and_delete(*arguments: Any, **options: Any) -> Any:
            found = list_them(*arguments, **options)
            mlflow.MlflowClient().delete_model_version("sums", "1")
            return found

        mocker.patch("modelpact.registry.gate.list_versions", list_and_delete)
        model = mlflow.MlflowClient().get_model_version("sums", "1").source
        shutil.rmtree(folder_of(not_none(model)))
        report = MlflowRegister(compatibility="backward_transitive").check_compatibility(
            "sums", parse(OLD)
        )
        assert report is not None
        assert report.against == (2,)


class TestConcurrentRegistration:
    """Another process registers between our comparison and our version."""

    @pytest.fixture(autouse=True)
    def other(self, mocker: MockerFixture) -> list[str]:
        """URIs that the other process registers at that moment."""
        todo: list[str] = []
        create = mlflow.MlflowClient.create_model_version

        def create_second(self: Any, name: str, **options: Any) -> Any:
            while todo:
                create(self, name, source=todo.pop(), tags={})
            return create(self, name, **options)

        register_stub(OLD)
        mocker.patch("mlflow.MlflowClient.create_model_version", create_second)
        return todo

    @pytest.mark.parametrize("mode", ["backward", "backward_transitive"])
    def test_an_incompatible_version_is_deleted_again(self, mode: Any, other: list[str]) -> None:
        new = save_stub(WIDER)
        other.append(save_stub(LONGER | {"outputs": {"y": "float"}}))
        register = MlflowRegister(compatibility=mode, aliases=["champion"])
        with pytest.raises(CompatibilityError, match="with version 2 of sums"):
            register.register("sums", new)
        assert versions() == [1, 2]
        assert client().get_registered_model("sums").aliases == {}

    @pytest.mark.parametrize(
        ("mode", "against"), [("backward", "1-2"), ("backward_transitive", "1-2")]
    )
    def test_a_compatible_version_is_kept_and_tagged(
        self, mode: Any, against: str, other: list[str]
    ) -> None:
        other.append(save_stub(WIDER))
        version = MlflowRegister(compatibility=mode).register("sums", save_stub(WIDER))
        assert int(version.version) == 3
        assert (
            read_tag(3)["against"]
            == json.loads(version.tags["modelpact.compatibility"])["against"]
            == against
        )

    def test_an_alias_of_the_new_version_is_not_compared(self, mocker: MockerFixture) -> None:
        gate = Gate("backward", "@champion")
        mlflow.MlflowClient().set_registered_model_alias("sums", "champion", "1")
        assert gate.check(mlflow.MlflowClient(), "sums", parse(OLD), below=1).against == ()
        assert (
            gate.check(mlflow.MlflowClient(), "sums", parse(OLD), below=2, skip=[1]).against == ()
        )


class TestPublishing:
    """The stage `compare`, which precedes `save`."""

    def test_a_rejected_contract_saves_nothing(self, tmp_path: Path) -> None:
        publish(**steps())
        before = client().search_logged_models(["1"])
        stricter = ExplicitSigner(
            inputs={"a": "double", "b": "double", "c?": "double"}, outputs="float64[6]"
        )
        with pytest.raises(CompatibilityError, match="TENSOR_SHAPE_NARROWED"):
            publish(
                **steps(signer=stricter, register=MlflowRegister(compatibility="full")),
                folder=tmp_path,
            )
        assert len(client().search_logged_models(["1"])) == len(before)
        assert receipt(tmp_path)["stage"] == "compare"
        assert receipt(tmp_path)["compatibility"] is None
        assert versions() == [1]

    def test_the_receipt_has_the_comparison(self) -> None:
        publish(**steps())
        done = publish(
            **steps(
                register=MlflowRegister(compatibility="backward", against="1"),
                model=Doubler(factor=3.0),
            )
        )
        assert done.compatibility == {
            "mode": "backward",
            "policy": "lossless",
            "extra": "ignore",
            "against": [1],
            "passed": {},
            "waived": [],
        }

    def test_a_model_rejected_at_registration_is_failed(self, mocker: MockerFixture) -> None:
        publish(**steps())
        mocker.patch.object(MlflowRegister, "check_compatibility", return_value=None)
        wider = numbers(params={"scale": 2.0})
        with pytest.raises(CompatibilityError, match="PARAM_OPTIONAL_ADDED"):
            publish(
                **steps(
                    data=wider,
                    register=MlflowRegister(compatibility="forward", aliases=["champion"]),
                )
            )
        assert sorted(str(model.status) for model in client().search_logged_models(["1"])) == [
            "FAILED",
            "READY",
        ]
        assert versions() == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"against": ""}, "does not denote a version"),
        ({"against": "champion"}, "does not denote a version"),
        ({"against": "@"}, "does not denote a version"),
        ({"against": "0"}, "does not denote a version"),
        ({"against": -1}, "does not denote a version"),
        (
            {"against": "@champion", "compatibility": "full_transitive"},
            "compares with all versions, not only with @champion",
        ),
        ({"policy": "mlflow", "extra": "forbid"}, "so register.extra=forbid cannot apply"),
    ],
)
def test_options_without_effect_are_rejected_before_any_work(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MlflowRegister(**options).check("sums")

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

from modelpact import publish
from modelpact.errors import CompatibilityError, ConfigError, RegisterError
from modelpact.registers import MlflowRegister
from modelpact.registry import versions as contracts
from modelpact.registry.compatibility_report import (
    AppliedWaiver,
    CompatibilityReport,
    Waiver,
    format_ranges,
)
from modelpact.registry.gate import Gate, _quote
from modelpact.registry.names import MAX_TAG_LENGTH
from modelpact.signature import Change, parse
from modelpact.signers import ExplicitSigner
from modelpact.tracking import SqliteTracking
from tests.support.model_stubs import folder_of, register_stub, save_stub
from tests.support.publishing import client, numbers, receipt, steps, versions
from tiny_models import Doubler

OLD = {"inputs": {"age": "long", "sex": "string"}, "outputs": {"y": "double"}}
WIDER = {"inputs": {"age": "long", "sex": "string", "bmi?": "double"}, "outputs": {"y": "double"}}
NARROWER = {"inputs": {"age": "integer", "sex": "string"}, "outputs": {"y": "double"}}
LONGER = {"inputs": {"age": "long", "sex": "string", "bmi": "double"}, "outputs": {"y": "double"}}


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store, and nothing read yet."""
    contracts._signatures.clear()
    with SqliteTracking().open():
        yield


def tag(version: int, name: str = "sums") -> dict[str, Any]:
    """What a version says about its admission."""
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
def test_a_mode_asks_what_it_says(mode: Any, new: Any, broken: list[tuple[str, str]]) -> None:
    register_stub(OLD)
    uri = save_stub(new)
    register = MlflowRegister(compatibility=mode, aliases=["champion"])
    if not broken:
        assert int(register.register("sums", uri).version) == 2
        return
    for ask in (
        lambda: register.check_compatibility("sums", parse(new)),
        lambda: register.register("sums", uri),
    ):
        with pytest.raises(CompatibilityError) as raised:
            ask()
        assert [(change.rule, change.path) for change in raised.value.changes] == broken
        assert list(raised.value.broken) == ["1"]
    assert versions() == [1]
    assert client().get_registered_model("sums").aliases == {}


def test_a_first_version_is_compared_with_none() -> None:
    assert register_stub(OLD, compatibility="full_transitive") == 1
    assert tag(1) == {
        "mode": "full_transitive",
        "policy": "lossless",
        "extra": "ignore",
        "against": "",
    }
    assert register_stub(OLD, name="others", compatibility="backward", against="@champion") == 1


class TestAgainst:
    """Three versions: the first takes least, and is the champion."""

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
    def test_the_version_that_is_asked_for(self, options: Any, against: str | None) -> None:
        if against is None:
            with pytest.raises(CompatibilityError, match="with version 2 of sums in 1 place"):
                register_stub(NARROWER, **options)
        else:
            assert tag(register_stub(NARROWER, **options))["against"] == against

    def test_all_versions_that_are_there(self) -> None:
        new = register_stub(OLD, compatibility="backward_transitive")
        assert tag(new)["against"] == "1-2"
        with pytest.raises(
            CompatibilityError, match="with versions 1-2, 4 of sums in 1 place"
        ) as raised:
            register_stub(LONGER, compatibility="backward_transitive")
        assert "inputs.bmi: absent -> double (INPUT_REQUIRED_ADDED), with 1-2, 4" in str(
            raised.value
        )
        assert list(raised.value.broken) == ["1", "2", "4"]

    @pytest.mark.parametrize(
        ("against", "told"), [(9, ""), ("@campion", "did you mean '@champion'?"), ("@x", "")]
    )
    def test_one_that_is_not_there_is_told(self, against: Any, told: str) -> None:
        with pytest.raises(RegisterError, match="has no such version") as raised:
            register_stub(OLD, compatibility="backward", against=against)
        assert told in str(raised.value)
        assert "Versions: 1, 2; aliases: @champion." in str(raised.value)

    def test_a_registry_that_fails_is_told(self, mocker: Any) -> None:
        mocker.patch(
            "mlflow.MlflowClient.get_model_version_by_alias",
            side_effect=MlflowException("no answer"),
        )
        with pytest.raises(RegisterError, match="no answer"):
            register_stub(OLD, compatibility="backward", against="@champion")


def test_a_number_needs_a_version() -> None:
    with pytest.raises(RegisterError, match="Versions: none; aliases: none"):
        register_stub(OLD, compatibility="backward", against=1)
    assert versions() == []


def test_the_policy_counts() -> None:
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


def test_extra_columns_count_where_they_are_refused() -> None:
    register_stub(OLD)
    shorter = {"inputs": {"age": "long"}, "outputs": {"y": "double"}}
    with pytest.raises(CompatibilityError, match="INPUT_REMOVED"):
        register_stub(shorter, compatibility="backward", extra="forbid")
    assert register_stub(shorter, compatibility="backward") == 2


class TestExceptions:
    MEANT = Waiver(rule="INPUT_REQUIRED_ADDED", path="inputs.bmi", reason="the clinic sends it")

    def test_one_is_let_through_and_recorded(self) -> None:
        register_stub(OLD)
        facts = tag(register_stub(LONGER, compatibility="backward", waivers=[self.MEANT]))
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

    def test_it_lets_nothing_else_through(self) -> None:
        register_stub(OLD)
        both = {
            "inputs": {"age": "integer", "sex": "string", "bmi": "double"},
            "outputs": {"y": "double"},
        }
        with pytest.raises(CompatibilityError, match=r"in 1 place:\n  inputs.age") as raised:
            register_stub(both, compatibility="backward", waivers=[self.MEANT])
        typed = next(line for line in str(raised.value).splitlines() if "register.waivers" in line)
        (word,) = [word for word in shlex.split(typed) if word.startswith("register.")]
        parsed = OverridesParser.create().parse_override(word).value()
        assert parsed == [
            {"rule": "INPUT_REQUIRED_ADDED", "path": "inputs.bmi", "reason": "the clinic sends it"},
            {"rule": "INPUT_TYPE_NARROWED", "path": "inputs.age", "reason": "..."},
        ]

    def test_what_is_to_be_typed_lets_it_through_once_the_reason_is_written(self) -> None:
        register_stub(OLD)
        with pytest.raises(CompatibilityError) as raised:
            register_stub(NARROWER, compatibility="backward")
        word = next(
            word for word in shlex.split(str(raised.value)) if word.startswith("register.waivers")
        )
        typed = OverridesParser.create().parse_override(word.replace('"..."', '"measured"')).value()
        assert register_stub(NARROWER, compatibility="backward", waivers=typed) == 2

    def test_one_that_lets_nothing_through_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        register_stub(OLD)
        with caplog.at_level(logging.WARNING, "modelpact.registry.gate"):
            MlflowRegister(compatibility="backward", waivers=[self.MEANT]).check_compatibility(
                "sums", parse(WIDER)
            )
            MlflowRegister(waivers=[self.MEANT]).check_compatibility("sums", parse(WIDER))
        assert caplog.messages == [
            "register.waivers: INPUT_REQUIRED_ADDED at inputs.bmi matched no change"
        ]

    @given(st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()))
    def test_any_text_can_be_typed(self, text: str) -> None:
        override = OverridesParser.create().parse_override(f"x=[{{path: {_quote(text)}}}]")
        value: Any = override.value()
        if "${" not in text:  # which is an interpolation only when the whole is composed
            assert value == [{"path": text}]


def test_changes_that_break_nothing_are_counted() -> None:
    register_stub(OLD)
    new = {
        "inputs": {"age": "long", "sex": "string", "a?": "long", "b?": "long"},
        "outputs": {"y": "double", "z?": "double"},
    }
    assert tag(register_stub(new, compatibility="backward"))["passed"] == {
        "INPUT_OPTIONAL_ADDED": 2,
        "OUTPUT_OPTIONAL_ADDED": 1,
    }


def test_many_changes_are_counted() -> None:
    register_stub({"inputs": {f"c{n}": "long" for n in range(30)}})
    with pytest.raises(CompatibilityError, match="in 30 places") as raised:
        register_stub({"inputs": {f"c{n}": "integer" for n in range(30)}}, compatibility="backward")
    assert len(raised.value.changes) == 30
    assert "... and 20 more" in str(raised.value)
    assert len(str(raised.value).splitlines()) < 18


class TestAnOldVersion:
    """What was read of it, and what could not be."""

    def test_without_a_signature_took_anything(self) -> None:
        MlflowRegister(require_signature=False).register("sums", save_stub())
        with pytest.raises(CompatibilityError, match="INPUT_SCHEMA_ADDED") as raised:
            register_stub(OLD, compatibility="backward")
        assert [change.path for change in raised.value.changes] == ["inputs"]

    def test_is_read_once_for_all_with_its_signature(self, mocker: Any) -> None:
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

    def test_is_forgotten_after_many_others(self, mocker: Any) -> None:
        mocker.patch.object(contracts, "_CACHE_SIZE", 1)
        register_stub(OLD)
        register_stub(WIDER)
        MlflowRegister(compatibility="backward_transitive").check_compatibility(
            "sums", parse(WIDER)
        )
        assert len(contracts._signatures) == 1

    def test_that_modelpact_did_not_make_is_read_each_time(self) -> None:
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
    def test_that_is_malformed_is_named(self, text: str) -> None:
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

    def test_whose_files_are_gone_is_named(self) -> None:
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

    def test_whose_mlmodel_file_is_a_folder_is_named(self) -> None:
        uri = save_stub(OLD)
        MlflowRegister().register("sums", uri)
        contracts._signatures.clear()
        (folder_of(uri) / "MLmodel").unlink()
        with pytest.raises(RegisterError, match="MLmodel file does not exist"):
            register_stub(OLD, compatibility="backward")
        (folder_of(uri) / "MLmodel").mkdir()
        with pytest.raises(RegisterError, match="MLmodel file cannot be read"):
            register_stub(OLD, compatibility="backward")

    @pytest.mark.parametrize(("change", "told"), [("changed", "changed"), ("deleted", "deleted")])
    def test_whose_signature_was_changed_is_named(self, change: str, told: str) -> None:
        uri, other = save_stub(OLD), save_stub(WIDER)
        MlflowRegister().register("sums", uri)
        contracts._signatures.clear()
        text = (
            (folder_of(other) / "MLmodel").read_text() if change == "changed" else "flavors: {}\n"
        )
        (folder_of(uri) / "MLmodel").write_text(text)
        with pytest.raises(
            RegisterError,
            match=f"the signature of version 1 of sums was {told} after it was registered",
        ):
            register_stub(WIDER, compatibility="backward")

    def test_that_was_deleted_meanwhile_is_passed_over(self, mocker: Any) -> None:
        for _ in range(2):
            register_stub(OLD)
        contracts._signatures.clear()
        list_them = contracts.list_versions

        def list_and_delete(*arguments: Any) -> Any:
            found = list_them(*arguments)
            mlflow.MlflowClient().delete_model_version("sums", "1")
            return found

        mocker.patch("modelpact.registry.gate.list_versions", list_and_delete)
        model = mlflow.MlflowClient().get_model_version("sums", "1").source
        shutil.rmtree(folder_of(model))
        admission = MlflowRegister(compatibility="backward_transitive").check_compatibility(
            "sums", parse(OLD)
        )
        assert admission is not None
        assert admission.against == (2,)


class TestSomebodyElse:
    """Another process registers between our comparison and our version."""

    @pytest.fixture(autouse=True)
    def other(self, mocker: Any) -> list[str]:
        """What the other one registers at that moment."""
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
    def test_our_version_is_taken_back_if_it_breaks_theirs(
        self, mode: Any, other: list[str]
    ) -> None:
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
    def test_our_version_says_so_if_it_does_not(
        self, mode: Any, against: str, other: list[str]
    ) -> None:
        other.append(save_stub(WIDER))
        version = MlflowRegister(compatibility=mode).register("sums", save_stub(WIDER))
        assert int(version.version) == 3
        assert (
            tag(3)["against"]
            == json.loads(version.tags["modelpact.compatibility"])["against"]
            == against
        )

    def test_an_alias_may_have_come_to_name_our_version(self, mocker: Any) -> None:
        gate = Gate("backward", "@champion")
        mlflow.MlflowClient().set_registered_model_alias("sums", "champion", "1")
        assert gate.check(mlflow.MlflowClient(), "sums", parse(OLD), below=1).against == ()
        assert (
            gate.check(mlflow.MlflowClient(), "sums", parse(OLD), below=2, skip=[1]).against == ()
        )


class TestTheTag:
    CHANGE = Change(
        "INPUT_TYPE_NARROWED", "input", "inputs.age", "long", "integer", frozenset({"backward"})
    )

    def test_is_never_longer_than_it_may_be(self) -> None:
        waived = tuple(AppliedWaiver(self.CHANGE, (number,), "r" * 500) for number in range(40))
        admission = CompatibilityReport("backward", against=(1,), waived=waived)
        text = admission.to_tag()
        facts = json.loads(text)
        assert MAX_TAG_LENGTH - 800 < len(text) <= MAX_TAG_LENGTH
        assert len(facts["waived"]) + facts["left_out"] == 40
        assert len(admission.to_dict()["waived"]) == 40

    def test_counts_versions_that_are_too_many_to_name(self) -> None:
        text = CompatibilityReport("backward_transitive", against=tuple(range(1, 4001, 2))).to_tag()
        assert json.loads(text)["against"] == "2000 versions, the last of them 3999"

    def test_of_a_long_change_still_fits(self) -> None:
        long = Change(
            "INPUT_KIND_CHANGED", "input", "inputs", "x" * 9000, "y", frozenset({"backward"})
        )
        facts = json.loads(
            CompatibilityReport(
                "backward", against=(1,), waived=(AppliedWaiver(long, (1,), "r"),)
            ).to_tag()
        )
        assert (facts["waived"], facts["left_out"]) == ([], 1)

    def test_joins_two_comparisons(self) -> None:
        first = CompatibilityReport("backward", against=(1,), passed={"A": 1, "B": 2})
        later = CompatibilityReport(
            "backward",
            against=(2,),
            passed={"B": 1, "C": 1},
            waived=(AppliedWaiver(self.CHANGE, (2,), "r"),),
        )
        both = first.merge(later)
        assert (both.against, both.passed, both.waived) == (
            (1, 2),
            {"A": 1, "B": 2, "C": 1},
            later.waived,
        )


@given(st.sets(st.integers(1, 60)))
def test_ranges_say_which_numbers(numbers: set[int]) -> None:
    said: set[int] = set()
    for part in filter(None, format_ranges(numbers).split(", ")):
        first, _, last = part.partition("-")
        said |= set(range(int(first), int(last or first) + 1))
    assert said == numbers


class TestPublishing:
    """The stage `compare`, which comes before anything is saved."""

    def test_a_refused_contract_saves_nothing(self, tmp_path: Path) -> None:
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

    def test_the_receipt_says_what_was_compared(self) -> None:
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

    def test_a_model_that_is_refused_at_the_end_is_failed(self, mocker: Any) -> None:
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
    ("options", "told"),
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
def test_what_asks_for_nothing_is_refused_before_any_work(options: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        MlflowRegister(**options).check("sums")

"""The text of each rule's result."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pytest_mock import MockerFixture

from modelpact.errors import RegisterError
from modelpact.registry import promotion_rules
from modelpact.registry.promotion_rules import PromotionCriteria, check_promotion
from modelpact.signature import parse

NEW: Any = SimpleNamespace(name="sums", version="2", source="x", run_id="", tags={})
OLD: Any = SimpleNamespace(name="sums", version="1", source="x", run_id="", tags={})


class Facts:
    """What the store knows of both versions."""

    def __init__(self) -> None:
        self.metrics: dict[str, dict[str, float]] = {"1": {}, "2": {}}
        self.signatures: dict[str, Any] = {version: parse({"inputs": "long"}) for version in "12"}
        self.files = SimpleNamespace(problems=(), digest="d", attested=True)
        self.download: Exception | None = None

    def check(
        self, champion: Any = OLD, checks: str = "A", **criteria: Any
    ) -> dict[str, tuple[bool, str]]:
        NEW.tags = {"modelpact.checks": checks}
        client: Any = SimpleNamespace()
        results = check_promotion(client, NEW, champion, PromotionCriteria(**criteria))
        return {result.name: (result.ok, result.detail) for result in results}


@pytest.fixture
def facts(mocker: MockerFixture) -> Facts:
    found = Facts()

    def signature(client: MlflowClient, version: Any) -> Any:
        value = found.signatures[version.version]
        if isinstance(value, Exception):
            raise value
        return value

    def download(uri: str, make_folder: Any) -> str:
        if found.download:
            raise found.download
        return f"files of {uri}"

    mocker.patch.object(
        promotion_rules, "_read_metrics", lambda _, version: found.metrics[version.version]
    )
    mocker.patch("modelpact.registry.read_version_signature", signature)
    mocker.patch("modelpact._internal.mlflow_compat.download_model", download)
    mocker.patch.object(promotion_rules, "temporary_folder", nullcontext)
    mocker.patch.object(
        promotion_rules, "find_published", lambda uri: SimpleNamespace(tags=f"tags of {uri}")
    )

    def verify(folder: str, tags: str) -> Any:
        assert (folder, tags) == ("files of models:/sums/2", "tags of models:/sums/2")
        return found.files

    mocker.patch.object(promotion_rules, "verify_files", verify)
    return found


def test_each_rule_has_a_result(facts: Facts) -> None:
    assert facts.check() == {
        "metric": (True, "neither version has a metric"),
        "compatibility": (True, "backward: no changes"),
        "verified": (True, "1 check passed when it was published"),
        "integrity": (True, "its files are as published"),
    }


@pytest.mark.parametrize(
    ("figures", "criteria", "ok", "detail"),
    [
        (({"r2": 0.5}, {"r2": 0.52}), {}, True, "r2 0.5 -> 0.52: better by 0.02"),
        (({"r2": 0.5}, {"r2": 0.5}), {}, False, "r2 0.5 -> 0.5: unchanged"),
        (({"r2": 0.5}, {"r2": 0.4}), {"better": "lower"}, True, "r2 0.5 -> 0.4: better by 0.1"),
        (
            ({"r2": 1.0}, {"r2": 0.75}),
            {"min_gain": -0.25},
            True,
            "r2 1 -> 0.75: worse by 0.25, minimum gain -0.25",
        ),
        (
            ({"r2": 1.0}, {"r2": 0.75}),
            {"min_gain": -0.125},
            False,
            "r2 1 -> 0.75: worse by 0.25, minimum gain -0.125",
        ),
        (({"r2": 0.5}, {}), {}, False, "version 2 has no r2"),
        (({"r2": 0.5}, {"r2": float("nan")}), {}, False, "version 2 has NaN as r2"),
        (({}, {"r2": 0.25}), {}, True, "version 1 has no r2 to compare with; it is 0.25"),
        (({}, {}), {}, True, "neither version has a metric"),
        (({}, {}), {"metric": "r2"}, False, "version 2 has no r2"),
        (({}, {"a": 1, "b": 2}), {"metric": "x"}, False, "version 2 has no x; it has a, b"),
        (
            ({}, {"accuracy": 1}),
            {"metric": "acuracy"},
            False,
            "version 2 has no acuracy (did you mean 'accuracy'?)",
        ),
    ],
)
def test_metrics(
    figures: tuple[dict[str, float], dict[str, float]],
    criteria: dict[str, Any],
    ok: bool,
    detail: str,
    facts: Facts,
) -> None:
    facts.metrics = dict(zip("12", figures, strict=True))
    assert facts.check(**criteria)["metric"] == (ok, detail)


def test_without_a_champion(facts: Facts) -> None:
    found = facts.check(champion=None)
    assert found["metric"] == (True, "no version to compare with yet")
    assert found["compatibility"] == (True, "no version to compare with yet")


@pytest.mark.parametrize(
    ("old", "new", "ok", "detail"),
    [
        (None, None, False, "version 2 has no signature"),
        (None, "long", True, "version 1 has no signature to compare with"),
        ("long", {"a": "long"}, False, "breaks backward: inputs: 1 unnamed column -> 1 column"),
        ("long", "double", False, "breaks backward: inputs[0]: long -> double"),
        ("integer", "long", True, "backward: 1 change"),
        ("long", RegisterError("x" * 400), False, "x" * 297 + "..."),
    ],
)
def test_compatibility(old: Any, new: Any, ok: bool, detail: str, facts: Facts) -> None:
    for version, inputs in (("1", old), ("2", new)):
        written = inputs is not None and not isinstance(inputs, Exception)
        facts.signatures[version] = parse({"inputs": inputs}) if written else inputs
    found = facts.check()["compatibility"]
    assert found[0] is ok
    assert found[1].startswith(detail)
    off = facts.check(compatibility="none")["compatibility"]
    assert off == (True, "not checked: task.compatibility=none")


@pytest.mark.parametrize(("n_changes", "more"), [(3, ""), (4, ", and 1 more")])
def test_long_lists_of_changes_are_truncated(n_changes: int, more: str, facts: Facts) -> None:
    names = "abcd"[:n_changes]
    facts.signatures["1"] = parse({"inputs": dict.fromkeys(names, "long")})
    facts.signatures["2"] = parse({"inputs": dict.fromkeys(names, "integer")})
    listed = ", ".join(
        f"inputs.{name}: long -> integer (INPUT_TYPE_NARROWED)" for name in names[:3]
    )
    assert facts.check()["compatibility"] == (False, f"breaks backward: {listed}{more}")


@pytest.mark.parametrize(
    ("checks", "ok", "detail"),
    [
        ("", False, "version 2 has no record of a verification"),
        ("NOT_VERIFIED", False, "version 2 was registered with verifier=none"),
        ("A,B", True, "2 checks passed when it was published"),
    ],
)
def test_verification(checks: str, ok: bool, detail: str, facts: Facts) -> None:
    assert facts.check(checks=checks)["verified"] == (ok, detail)


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        ({"problems": [SimpleNamespace(text=text) for text in ("a", "b")]}, "a; b"),
        ({"problems": [SimpleNamespace(text="x" * 301)]}, "x" * 297 + "..."),
        ({"digest": None}, "it was published without a manifest of its files"),
        ({"attested": False}, "it was published without a manifest of its files"),
    ],
)
def test_changed_files(files: dict[str, Any], detail: str, facts: Facts) -> None:
    vars(facts.files).update(files)
    assert facts.check()["integrity"] == (False, detail)


@pytest.mark.parametrize("error", [OSError("gone"), MlflowException("gone")])
def test_unreadable_files(error: Exception, facts: Facts) -> None:
    facts.download = error
    assert facts.check()["integrity"] == (False, "cannot read its files: gone")

"""The collectors of issues: their order, lines, source and limits."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from modelpact.errors import ConfigError, SignError, SpecError
from modelpact.signature import infer, load, parse


def test_all_issues_are_reported_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "wine.yaml"
    file.write_text(
        "inputs:\n  alcohol: doubel\n  author:\n    name: string\n    orcid?: strng\n"
        "  alcohol: double\n"
        "output: [double]\nparams:\n  top: long = 1.5\n"
    )
    with pytest.raises(SpecError) as caught:
        load(file)
    error = caught.value
    assert list(zip(error.lines, error.problems, strict=True)) == [
        (2, ("inputs.alcohol", "unknown type 'doubel' (did you mean 'double'?)")),
        (5, ("inputs.author.orcid?", "unknown type 'strng' (did you mean 'string'?)")),
        (6, ("inputs.alcohol", "duplicate key 'alcohol', first used on line 2")),
        (
            7,
            (
                "output",
                "unknown key 'output' (did you mean 'outputs'?); "
                "a signature has inputs, outputs and params",
            ),
        ),
        (
            9,
            (
                "params.top",
                "invalid default 1.5 for type long; write an integer, or change the type to double",
            ),
        ),
    ]
    assert error.source == str(file)
    assert f"{file}:5: inputs.author.orcid?: unknown type 'strng'" in str(error)


def test_issues_of_an_mlmodel_file_have_lines(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(
        'flavors: {}\nsignature:\n  inputs: \'[{"type": "flot"}]\'\n  params: null\n'
    )
    with pytest.raises(SpecError) as caught:
        load(tmp_path)
    assert (caught.value.lines, caught.value.problems) == (
        [3],
        [("inputs[0].type", "unknown type 'flot' (did you mean 'float'?)")],
    )


def test_messages_start_with_the_source() -> None:
    with pytest.raises(
        SpecError, match=r"^1 problem in the signature of conf/contract/wine\.yaml:\n  inputs\.a: "
    ):
        parse({"inputs": {"a": "flot"}}, source=Path("conf/contract/wine.yaml"))


@pytest.mark.parametrize(
    "spec",
    [
        {"inputs": {"a": "x" * 10_000}},
        {"inputs": {"x" * 10_000: "flot"}},
        {"inputs": [0.5] * 10_000},
        {"inputs": "{" + "x" * 10_000},
        {"params": {"p": "long = " + "9" * 4000}},
        {"params": {"p": "long = " + "9" * 40_000}},
        {"params": {"p": {"type": "long", "default": "secret" * 1000}}},
        {"params": {"p": {"type": {"a": "long"}, "default": {"k" * 1000: 1}}}},
        "x" * 10_000,
    ],
)
def test_messages_repeat_little_of_the_data(spec: Any) -> None:
    with pytest.raises(SpecError) as caught:
        parse(spec)
    assert len(str(caught.value)) < 700 + 100 * min(len(caught.value.problems), 20)


def test_spec_errors_are_config_errors_and_can_be_pickled() -> None:
    with pytest.raises(SpecError) as caught:
        parse({"inputs": {"a": "flot"}})
    assert isinstance(caught.value, (ConfigError, ValueError))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


def test_at_most_50_problems_are_listed() -> None:
    with pytest.raises(SignError, match=r"60 problems:(?s:.*)\.\.\. and 10 more") as caught:
        infer([{f"c{i}": 1j for i in range(60)}])
    assert len(caught.value.problems) == 60

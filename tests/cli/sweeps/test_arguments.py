from __future__ import annotations

import pytest

from modelpact.cli.sweeps.arguments import multirun_arguments


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-m", "signer=infer,explicit", "signer.on_any=warn"], "++signer.on_any=warn"),
        (
            ["--multirun", "signer=infer,explicit", "signer.inputs.age=long"],
            "++signer.inputs.age=long",
        ),
        (
            ["-m", "saver=custom,builtin", "saver.flavor=sklearn,xgboost"],
            "++saver.flavor=sklearn,xgboost",
        ),
        (["-m", "saver=custom,builtin", "saver.path=here"], "saver.path=here"),
        (["-m", "signer=infer,explicit", "signer.colour=red"], "signer.colour=red"),
        (["-m", "signer=infer", "signer.inputs=double"], "signer.inputs=double"),
        (["-m", "signer=infer,explicit", "data.seed=1,2"], "data.seed=1,2"),
        (["signer=infer,explicit", "signer.on_any=warn"], "signer.on_any=warn"),
        (["-m", "model=ridge,logistic", "model.classifier.alpha=2"], "model.classifier.alpha=2"),
    ],
)
def test_a_key_of_only_some_swept_options_is_relaxed(arguments: list[str], expected: str) -> None:
    assert multirun_arguments(arguments)[-1] == expected
    assert multirun_arguments(arguments)[:-1] == [
        argument.replace("--multirun", "-m") for argument in arguments[:-1]
    ]


def test_the_multirun_flag_comes_first() -> None:
    assert multirun_arguments(["seed=1,2", "-m", "name=x"]) == ["-m", "seed=1,2", "name=x"]
    assert multirun_arguments(["seed=1,2", "name=x"]) == ["seed=1,2", "name=x"]


def test_an_unused_key_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    multirun_arguments(["-m", "signer=infer,explicit", "signer.on_any=warn"])
    assert "signer.on_any is used by signer=infer and not by signer=explicit" in caplog.text

"""Descriptions of versions and registered models, in a real store."""

from __future__ import annotations

import logging
from unittest.mock import Mock

import pytest
from mlflow.exceptions import MlflowException

from modelpact import publish
from modelpact.registry.descriptions import MAX_LENGTH, describe_contract, describe_model
from modelpact.signature import parse
from modelpact.signers import ExplicitSigner
from tests.support.publishing import client, steps

CONTRACT = parse({"inputs": {"a": "double", "b?": "long"}, "outputs": "double"})


def described() -> tuple[str, str]:
    """Return the descriptions of the newest version and of its registered model."""
    model = client().get_registered_model("sums")
    newest = max(client().search_model_versions("name='sums'"), key=lambda one: int(one.version))
    return str(newest.description), str(model.description)


def test_a_description_lists_inputs_params_and_outputs() -> None:
    text = describe_contract(CONTRACT)
    assert "## Inputs" in text
    assert "| `b` | `long` | no |" in text
    assert text.index("## Inputs") < text.index("## Params") < text.index("## Outputs")
    assert describe_contract(None) == ""


def test_a_long_description_is_cut_at_a_line() -> None:
    wide = parse({"inputs": {f"column{number}": "double" for number in range(400)}})
    text = describe_contract(wide)
    assert MAX_LENGTH - 100 < len(text) <= MAX_LENGTH
    assert "task=export task.to=markdown" in text
    assert text.split("\n\n")[-3].endswith(" |")


def test_version_and_model_have_the_contract_of_the_newest_version() -> None:
    publish(**steps())
    first = described()
    assert (
        first[0]
        == first[1]
        == describe_contract(
            parse({"inputs": {"a": "double", "b": "double"}, "outputs": "float64[-1]"})
        )
    )
    contract = ExplicitSigner(
        inputs={"a": "double", "b?": "double"}, outputs="float64[-1]", params={"t": "double = 1.0"}
    )
    publish(**steps(signer=contract))
    second = described()
    assert second[0] == second[1]
    assert "| `t` | `double` | `1.0` |" in second[0]


@pytest.mark.parametrize("edit", ["My text.", "{text} and more", "More.\n\n{text}"])
@pytest.mark.slow
def test_a_text_of_the_user_is_kept(edit: str) -> None:
    publish(**steps())
    text = edit.format(text=described()[1])
    client().update_registered_model("sums", text)
    contract = ExplicitSigner(inputs={"a": "double", "b?": "double"}, outputs="float64[-1]")
    publish(**steps(signer=contract))
    assert described()[1] == text


def test_a_failure_is_logged_because_the_version_exists(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Mock()
    broken.get_registered_model.side_effect = MlflowException("no")
    with caplog.at_level(logging.WARNING, "modelpact"):
        describe_model(broken, "sums", CONTRACT)
    assert "cannot describe the registered model sums: no" in caplog.text

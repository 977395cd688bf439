from __future__ import annotations

from modelpact.cli.config_groups import list_groups, list_options, option_keys, unknown_option


def test_groups_and_options() -> None:
    assert {
        "data",
        "model",
        "signer",
        "saver",
        "loader",
        "verifier",
        "register",
        "tracking",
        "task",
    } <= set(list_groups())
    assert list_options("signer") == ["example", "explicit", "infer", "type_hint"]


def test_keys_include_inherited_keys() -> None:
    assert option_keys("model", "ridge") == {"estimator", "classifier"}
    assert option_keys("signer", "infer") == {"integers_as", "on_any", "self_check"}
    assert option_keys("signer", "of_another_package") == frozenset()


def test_an_unknown_option_lists_the_options() -> None:
    error = unknown_option("signer", "infr", ["infer", "explicit"])
    assert str(error) == (
        "unknown signer 'infr' (did you mean 'infer'?)\nOptions of signer: infer, explicit."
    )
    assert (error.group, error.option, error.exit_status) == ("signer", "infr", 2)
    assert str(unknown_option("", "confg", ["config"])).startswith("unknown config 'confg'")

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelpact.errors import ConfigError, ModelConfigError, ModelConfigNotFound
from modelpact.models import Model, read_config
from tiny_models import Doubler, Scaled

CONFIG = {"protocol": 1, "model": "gpt", "temperature": 0.2}


def test_the_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Model()  # type: ignore[abstract]


def test_predict_is_the_only_required_method(tmp_path: Path) -> None:
    model = Doubler(factor=3.0)
    model.fit([[1, 2]], [0])
    model.dump(tmp_path)
    model.load(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert model.predict([[1, 2]]).tolist() == [9]
    assert (model.flavors, model.native_model(), model.context) == ((), None, {})


def test_a_model_can_be_built_again_from_its_options() -> None:
    options = json.loads(json.dumps(Doubler(factor=3.0).options()))
    assert Doubler(**options) == Doubler(factor=3.0)


@pytest.mark.parametrize("options", [{"factor": "2"}, {"factr": 2.0}, {"factor": None}])
def test_invalid_options_are_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Doubler(**options)


def test_a_model_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Doubler().factor = 3.0  # type: ignore[misc]


def test_load_context_sets_the_configuration() -> None:
    model = Scaled()
    model.load_context({"offset": 10.0})
    assert model.predict([[1, 2]]).tolist() == [13]


def test_models_do_not_share_a_configuration() -> None:
    one, other = Scaled(), Scaled()
    one.load_context({"offset": 10.0})
    assert other.context == {}


@pytest.mark.parametrize("kind", [str, Path])
def test_a_configuration_is_read_from_a_json_file(kind: Any) -> None:
    Path("config.json").write_text(json.dumps(CONFIG))
    assert read_config(kind("config.json")) == CONFIG


def test_a_mapping_is_copied() -> None:
    config = dict(CONFIG)
    read_config(config)["model"] = "other"
    assert config == CONFIG


@pytest.mark.parametrize("config", [None, ""])
def test_a_missing_configuration_raises_a_value_error_with_the_option(config: Any) -> None:
    with pytest.raises(ValueError, match="the model has no configuration") as caught:
        read_config(config)
    assert isinstance(caught.value, ModelConfigError)
    assert "saver.config_file" in str(caught.value)


def test_a_missing_file_raises_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_config("lost.json")
    error = caught.value
    assert isinstance(error, ModelConfigNotFound)
    assert isinstance(error, ConfigError)
    assert error.message == "the model's configuration lost.json does not exist"
    assert error.remedy == f"The path is relative to {tmp_path}."
    assert error.path == "lost.json"


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b'{"a": 1,}', ["config.json, line 1, column ", "not valid JSON"]),
        (b'{\n  "a": 1\n  "b": 2\n}', ["config.json, line 3, column 3", "commas"]),
        (b"", ["config.json, line 1, column 1"]),
        (b"[1, 2]", ["config.json contains a list, not a JSON object", '{"key": value}']),
        (b"null", ["config.json contains a NoneType, not a JSON object"]),
        (b'"text"', ["config.json contains a str, not a JSON object"]),
        ('{"a": "ä"}'.encode("latin-1"), ["configuration config.json cannot be read"]),
    ],
)
def test_a_malformed_file_raises_a_value_error_with_its_location(
    content: bytes, texts: list[str]
) -> None:
    Path("config.json").write_bytes(content)
    with pytest.raises(ModelConfigError) as caught:
        read_config("config.json")
    assert isinstance(caught.value, ValueError)
    assert all(text in str(caught.value) for text in texts), str(caught.value)
    assert caught.value.path == "config.json"


def test_a_folder_is_rejected_as_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(ModelConfigError, match="cannot be read"):
        read_config(tmp_path)

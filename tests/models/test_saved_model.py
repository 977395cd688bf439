from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest
from pydantic import ValidationError

from modelpact.errors import InputsError, LoadError, ModelConfigError, ModelConfigNotFound
from modelpact.models import Model, SavedModel
from modelpact.models.saved_model import PROTOCOL, SCRIPT
from tiny_models import Doubler, Hinted, Scaled


class Outer:
    """A home for a model."""

    class Inner(Model):
        """A model within another class, with options that JSON knows only as strings and lists."""

        home: Path = Path("here")
        pair: tuple[int, int] = (1, 2)

        def predict(self, inputs: Any, params: Any = None) -> Any:
            return [(str(self.home), self.pair)] * len(inputs)


def context(model: Model, folder: Path, **changes: Any) -> Any:
    """Return the context that MLflow passes when it loads `model` from `folder`."""
    kind = type(model)
    state = folder / "state"
    state.mkdir()
    model.dump(state)
    config = {
        "protocol": PROTOCOL,
        "class": f"{kind.__module__}:{kind.__qualname__}",
        "options": model.options(),
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return SimpleNamespace(
        artifacts={"config": str(folder / "config.json"), "state": str(state)}, model_config=None
    )


def loaded(model: Model, folder: Path, **changes: Any) -> Any:
    saved = SavedModel()
    saved.load_context(context(model, folder, **changes))
    return saved


def test_a_saved_model_is_loaded_with_its_options(tmp_path: Path) -> None:
    saved = loaded(Doubler(factor=3.0), tmp_path)
    assert saved.model == Doubler(factor=3.0)
    assert saved.predict(None, [[1, 2]]).tolist() == [9]


def test_params_and_the_configuration_are_passed_to_the_model(tmp_path: Path) -> None:
    saved = loaded(Scaled(), tmp_path, context={"offset": 10})
    assert saved.predict(None, [[1, 2]], {"scale": 2}).tolist() == [16]


def test_options_of_any_type_and_nested_classes_are_restored(tmp_path: Path) -> None:
    model = Outer.Inner(home=Path("there"), pair=(3, 4))
    assert loaded(model, tmp_path).model == model


@pytest.mark.parametrize("protocol", [None, 0, 2, "1"])
def test_another_protocol_is_rejected_with_both_numbers(protocol: Any, tmp_path: Path) -> None:
    with pytest.raises(LoadError) as caught:
        loaded(Doubler(), tmp_path, protocol=protocol)
    assert f"protocol {protocol!r}; this release of modelpact reads {PROTOCOL}" in str(caught.value)
    assert "the release of modelpact that saved it" in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "no_such_module:Model",
        "tiny_models:NoSuch",
        "tiny_models:",
        "tiny_models",
        "tiny_models:Doubler.Inner",
    ],
)
def test_a_missing_class_is_named_with_the_remedy(path: str, tmp_path: Path) -> None:
    with pytest.raises(LoadError) as caught:
        loaded(Doubler(), tmp_path, **{"class": path})
    assert f"the class {path} of the model cannot be imported" in str(caught.value)
    assert "saver.code_paths" in str(caught.value)


@pytest.mark.parametrize("options", [{"factor": "two"}, {"unknown": 1}])
def test_unknown_options_of_the_class_are_rejected(
    options: Mapping[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ValidationError):
        loaded(Doubler(), tmp_path, options=options)


def test_a_missing_or_broken_config_is_named(tmp_path: Path) -> None:
    given = context(Doubler(), tmp_path)
    Path(given.artifacts["config"]).write_text("{")
    with pytest.raises(ModelConfigError, match="line 1"):
        SavedModel().load_context(given)
    Path(given.artifacts["config"]).unlink()
    with pytest.raises(ModelConfigNotFound, match=r"config\.json does not exist"):
        SavedModel().load_context(given)


def test_mlflow_sees_no_type_hints() -> None:
    assert get_type_hints(SavedModel.predict) == {}


def test_a_model_with_hints_gets_objects(tmp_path: Path) -> None:
    saved = loaded(Hinted(), tmp_path, hinted=True)
    assert saved.predict(None, [{"a": 1.0, "b": 2.0}]) == [3.0]
    with pytest.raises(InputsError, match=r"row 0, column 0\.b: expected a valid number"):
        saved.predict(None, [{"a": 1.0, "b": "2"}])


def test_the_stored_script_sets_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Any] = []
    monkeypatch.setattr("mlflow.models.set_model", handed.append)
    exec(SCRIPT.format(runtime="modelpact_absent"), {})
    assert type(handed[0]) is SavedModel

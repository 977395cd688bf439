"""Damaged models: every file that a model is loaded from, with each fault that stops it."""

from __future__ import annotations

import functools
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from modelpact.loaders import BuiltinLoader, CustomLoader
from modelpact.models import MlflowModel
from tests.support.bad_inputs.contents import JSONS, TEXTS
from tests.support.bad_inputs.file_cases import CSV, PUBLISH, fill
from tests.support.bad_inputs.outcomes import Case

Damage = Callable[[Path], object]

OWN = "own"
"""A model that a class of the user's own defines, by CustomSaver."""
RIDGE = "ridge"
"""An estimator, by CustomSaver."""
FLAVOR = "flavor"
"""An estimator, by BuiltinSaver."""


def _write(file: str, content: bytes) -> Damage:
    return lambda folder: (folder / file).write_bytes(content)


def _remove(file: str) -> Damage:
    def remove(folder: Path) -> None:
        path = folder / file
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    return remove


def _truncate(file: str, size: int) -> Damage:
    return lambda folder: (folder / file).write_bytes((folder / file).read_bytes()[:size])


def _to_folder(file: str) -> Damage:
    def replace(folder: Path) -> None:
        _remove(file)(folder)
        (folder / file).mkdir()

    return replace


def _link(file: str, target: str) -> Damage:
    def replace(folder: Path) -> None:
        _remove(file)(folder)
        (folder / file).symlink_to(target)

    return replace


def _edit(change: Callable[[Any], object], file: str = "MLmodel") -> Damage:
    """Change a YAML or JSON file in place; what `change` returns replaces it, unless it is None."""

    def edit(folder: Path) -> None:
        path = folder / file
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        changed = change(fields)
        path.write_text(json.dumps(fields if changed is None else changed), encoding="utf-8")

    return edit


def _set(value: object, *keys: str, file: str = "MLmodel") -> Damage:
    def change(fields: Any) -> None:
        holder = functools.reduce(lambda node, key: node[key], keys[:-1], fields)
        holder[keys[-1]] = value

    return _edit(change, file)


def _replace(value: object) -> Damage:
    return _edit(lambda fields: value)


def _delete(*keys: str, file: str = "MLmodel") -> Damage:
    def change(fields: Any) -> None:
        holder = functools.reduce(lambda node, key: node[key], keys[:-1], fields)
        del holder[keys[-1]]

    return _edit(change, file)


def _pickled(content: bytes) -> Damage:
    """Make the estimator a pickle with this content."""

    def replace(folder: Path) -> None:
        (folder / "model.pkl").write_bytes(content)
        (folder / "model.skops").unlink()
        for keys, value in (
            (("flavors", "sklearn", "pickled_model"), "model.pkl"),
            (("flavors", "sklearn", "serialization_format"), "cloudpickle"),
            (("flavors", "python_function", "model_path"), "model.pkl"),
        ):
            _set(value, *keys)(folder)

    return replace


PYFUNC = ("flavors", "python_function")

MLMODEL: dict[str, Damage] = {
    **{f"MLmodel {name}": _write("MLmodel", content) for name, content in TEXTS.items()},
    **{
        f"MLmodel: {name}": _replace(value)
        for name, value in {"a list": [1], "a number": 3, "a text": "text", "{}": {}}.items()
    },
    "no MLmodel": _remove("MLmodel"),
    "MLmodel is a folder": _to_folder("MLmodel"),
    "MLmodel is a loop": _link("MLmodel", "MLmodel"),
    "MLmodel is nowhere": _link("MLmodel", "nowhere"),
    "MLmodel is a device": _link("MLmodel", "/dev/null"),
    "MLmodel object": _write("MLmodel", b"!!python/object/apply:os.system [touch hacked]\n"),
    "no flavors": _delete("flavors"),
    "flavors null": _set(None, "flavors"),
    "flavors list": _set([1], "flavors"),
    "flavors empty": _set({}, "flavors"),
    "no python_function": _delete(*PYFUNC),
    "python_function null": _set(None, *PYFUNC),
    "python_function text": _set("x", *PYFUNC),
    "python_function empty": _set({}, *PYFUNC),
    "loader_module missing": _set("nothing.at.all", *PYFUNC, "loader_module"),
    "loader_module empty": _set("", *PYFUNC, "loader_module"),
    "loader_module null": _set(None, *PYFUNC, "loader_module"),
    "loader_module number": _set(7, *PYFUNC, "loader_module"),
    "loader_module list": _set(["os"], *PYFUNC, "loader_module"),
    "loader_module os": _set("os", *PYFUNC, "loader_module"),
    "loader_module relative": _set(".os", *PYFUNC, "loader_module"),
    "no loader_module": _delete(*PYFUNC, "loader_module"),
    "python_version number": _set(3, *PYFUNC, "python_version"),
    "python_version text": _set("none", *PYFUNC, "python_version"),
    "env number": _set(3, *PYFUNC, "env"),
    "code missing": _set("nowhere", *PYFUNC, "code"),
    "code number": _set(3, *PYFUNC, "code"),
    "code parent": _set("../..", *PYFUNC, "code"),
    "signature number": _set(3, "signature"),
    "signature list": _set([1], "signature"),
    "signature text": _set("text", "signature"),
    "signature empty": _set({}, "signature"),
    "signature broken": _set({"inputs": "["}, "signature"),
    "signature type": _set({"inputs": '[{"type": "duoble"}]'}, "signature"),
    "no signature": _delete("signature"),
    "model_uuid number": _set(3, "model_uuid"),
    "unknown key": _set(3, "nothing"),
    "mlflow_version number": _set(3, "mlflow_version"),
    "mlflow_version text": _set("none", "mlflow_version"),
    "utc_time_created number": _set(3, "utc_time_created"),
    "saved_input_example_info": _set(3, "saved_input_example_info"),
    "metadata number": _set(3, "metadata"),
}
"""Damages of any model."""

CONFIG = "artifacts/config.json"

OWN_DAMAGES: dict[str, Damage] = {
    **{f"config {name}": _write(CONFIG, content) for name, content in {**TEXTS, **JSONS}.items()},
    "no config": _remove(CONFIG),
    "config is a folder": _to_folder(CONFIG),
    "no protocol": _delete("protocol", file=CONFIG),
    "protocol 2": _set(2, "protocol", file=CONFIG),
    "protocol list": _set([1], "protocol", file=CONFIG),
    "no class": _delete("class", file=CONFIG),
    "class null": _set(None, "class", file=CONFIG),
    "class number": _set(3, "class", file=CONFIG),
    "class empty": _set("", "class", file=CONFIG),
    "class without a module": _set("Doubler", "class", file=CONFIG),
    "class missing": _set("tiny_models:Nothing", "class", file=CONFIG),
    "class of a missing module": _set("nothing.at:All", "class", file=CONFIG),
    "class relative": _set("..x:Y", "class", file=CONFIG),
    "class is a function": _set("os:getcwd", "class", file=CONFIG),
    "class is another": _set("builtins:dict", "class", file=CONFIG),
    "no options": _delete("options", file=CONFIG),
    "options list": _set([1], "options", file=CONFIG),
    "options null": _set(None, "options", file=CONFIG),
    "option unknown": _set({"nothing": 1}, "options", file=CONFIG),
    "option type": _set({"factor": "text"}, "options", file=CONFIG),
    "form": _set("nothing", "form", file=CONFIG),
    "hinted": _set(True, "hinted", file=CONFIG),
    "context list": _set([1], "context", file=CONFIG),
    "context number": _set(3, "context", file=CONFIG),
    "no script": _remove("saved_model.py"),
    "script empty": _write("saved_model.py", b""),
    "script broken": _write("saved_model.py", b"def :\n"),
    "script binary": _write("saved_model.py", bytes(range(256))),
    "script raises": _write("saved_model.py", b"raise RuntimeError('broken')\n"),
    "script exits": _write("saved_model.py", b"raise SystemExit(0)\n"),
    "script divides": _write("saved_model.py", b"1 / 0\n"),
    "no code": _remove("code"),
    "model_code_path missing": _set("none.py", *PYFUNC, "model_code_path"),
    "model_code_path parent": _set("../../x.py", *PYFUNC, "model_code_path"),
    "artifacts number": _set(3, *PYFUNC, "artifacts"),
    "artifacts empty": _set({}, *PYFUNC, "artifacts"),
    "no artifacts": _delete(*PYFUNC, "artifacts"),
}
"""Damages of a model that CustomSaver saved."""

STATE = "artifacts/state/estimator.skops"
TRUSTED = "artifacts/state/trusted.json"


class _Raises:
    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("text",)


RIDGE_DAMAGES: dict[str, Damage] = {
    "state empty": _write(STATE, b""),
    "state cut": _truncate(STATE, 200),
    "state binary": _write(STATE, bytes(range(256))),
    "no state": _remove(STATE),
    "no state folder": _remove("artifacts/state"),
    "state is a folder": _to_folder(STATE),
    **{
        f"trusted {name}": _write(TRUSTED, content)
        for name, content in {
            "empty": b"",
            "object": b'{"a": 1}',
            "number": b"3",
            "numbers": b"[3]",
            "null": b"null",
            "latin1": TEXTS["latin1"],
            "deep3000": TEXTS["deep3000"],
        }.items()
    },
    "no trusted": _remove(TRUSTED),
}

FLAVOR_DAMAGES: dict[str, Damage] = {
    "skops empty": _write("model.skops", b""),
    "skops cut": _truncate("model.skops", 200),
    "skops binary": _write("model.skops", bytes(range(256))),
    "no skops": _remove("model.skops"),
    "skops is a folder": _to_folder("model.skops"),
    "pickle empty": _pickled(b""),
    "pickle cut": _pickled(pickle.dumps({"a": list(range(100))})[:-30]),
    "pickle text": _pickled(b"not a pickle"),
    "pickle binary": _pickled(bytes(range(256))),
    "pickle of a missing module": _pickled(b"cnothing.at.all\nClass\n."),
    "pickle of a missing class": _pickled(b"cos\nNothing\n."),
    "pickle raises": _pickled(pickle.dumps(_Raises())),
    "pickle of a dict": _pickled(pickle.dumps({})),
    "pickle of None": _pickled(pickle.dumps(None)),
    "pickle protocol 9": _pickled(b"\x80\x09."),
    "pickle of a huge length": _pickled(b"\x80\x04\x8e" + b"\xff" * 8),
    "serialization_format": _set("nothing", "flavors", "sklearn", "serialization_format"),
    "model_path missing": _set("none", *PYFUNC, "model_path"),
    "model_path number": _set(3, *PYFUNC, "model_path"),
    "predict_fn": _set("nothing", *PYFUNC, "predict_fn"),
    "no sklearn": _delete("flavors", "sklearn"),
    "sklearn null": _set(None, "flavors", "sklearn"),
}

DAMAGES: dict[str, dict[str, Damage]] = {
    OWN: OWN_DAMAGES,
    RIDGE: RIDGE_DAMAGES,
    FLAVOR: {**MLMODEL, **FLAVOR_DAMAGES},
}

DOORS: dict[str, tuple[str, ...]] = {
    "predict": ("task=predict", "task.uri={}", "task.out=out.csv", *CSV, "loader.integrity=off"),
    "serve": ("task=serve", "task.uri={}", "task.port=0", "loader.integrity=off"),
    "check": ("task=check", "task.uri={}", *CSV, "task.integrity=off"),
    "export": ("task=export", "task.uri={}", "task.to=jsonschema"),
    "openapi": ("task=export", "task.uri={}", "task.to=openapi", "loader.integrity=off"),
    "diff": ("task=diff", "task.old={}", "task.new=good.yaml", "task.integrity=off"),
    "parity": ("task=parity", "task.uri={}", "task.payloads=1", "loader.integrity=off"),
    "resign": ("task=resign", "task.uri={}", "name=other", *CSV, "task.integrity=off"),
    "model=mlflow": (*PUBLISH, *CSV, "model=mlflow", "model.uri={}", "model.integrity=off"),
}
"""Commands that load a model, without the check of its files."""

THROUGH_DOORS = {
    OWN: ("config json-open", "class missing", "option type", "script raises", "script exits"),
    RIDGE: ("state cut", "no trusted"),
    FLAVOR: (
        "MLmodel empty",
        "MLmodel deep3000",
        "MLmodel binary",
        "no flavors",
        "no python_function",
        "loader_module missing",
        "no signature",
        "signature broken",
        "pickle empty",
        "pickle of a missing class",
    ),
}


def name_of(kind: str, damage: str) -> str:
    """Return the folder of a damaged model."""
    return f"models/{kind}-{''.join(c if c.isalnum() else '_' for c in damage)}"


def damage_models(sources: dict[str, Path], folder: Path) -> None:
    """Copy each model once for each of its damages."""
    for kind, damages in DAMAGES.items():
        for name, spoil in damages.items():
            copy = folder / name_of(kind, name)
            shutil.copytree(sources[kind], copy, ignore=shutil.ignore_patterns("code"))
            if (sources[kind] / "code").exists():
                (copy / "code").symlink_to(sources[kind] / "code")
            (copy / "modelpact-manifest.json").unlink()
            spoil(copy)


def model_cases() -> Iterator[tuple[str, Case]]:
    """Yield every case about a damaged model, with its name."""
    for kind, damages in DAMAGES.items():
        loader: Any = BuiltinLoader if kind == FLAVOR else CustomLoader
        for name in damages:
            path = name_of(kind, name)
            load = functools.partial(loader(integrity="off").load, path)
            yield f"load {kind}, {name}", Case(call=load)
            model = MlflowModel(uri=path, integrity="off")
            yield f"MlflowModel {kind}, {name}", Case(call=model.stored_signature)
    for kind, names in THROUGH_DOORS.items():
        for name in names:
            for door, template in DOORS.items():
                loader = ("loader=builtin",) if kind == FLAVOR and door != "model=mlflow" else ()
                arguments = (*fill(template, name_of(kind, name)), *loader)
                yield f"{door} {kind}, {name}", Case(arguments)

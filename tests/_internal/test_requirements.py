from __future__ import annotations

import importlib
import logging
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from pytest_mock import MockerFixture
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tiny_models
from modelpact._internal import requirements
from modelpact._internal.requirements import (
    FILES,
    fingerprint,
    hash_code,
    load_cached,
    save_to_cache,
)
from modelpact.models import Model, SklearnModel
from modelpact.savers import BuiltinSaver, CustomSaver, Saver
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, 4.0, 6.0]})
TARGETS = np.array([1.0, 2.0, 3.0])
BARE = {
    "requirements.txt": "mlflow==1\nnumpy==2",
    "conda.yaml": "dependencies:\n- pip:\n  - mlflow==1\n  - numpy==2\nname: env\n",
}


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> Iterator[Path]:
    """An empty cache folder; the environment digest is computed again."""
    shutil.copytree(cache, tmp_path / "cache", ignore=shutil.ignore_patterns("requirements"))
    monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / "cache"))
    requirements.environment_digest.cache_clear()
    requirements._source_digest.cache_clear()
    yield tmp_path / "cache"
    requirements.environment_digest.cache_clear()
    requirements._source_digest.cache_clear()


def folder_of(files: dict[str, str]) -> Path:
    folder = Path("saved")
    folder.mkdir(exist_ok=True)
    requirements.write_files(files, folder)
    return folder


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Ridge(), Lasso()),
        (make_pipeline(Ridge()), make_pipeline(StandardScaler(), Ridge())),
        (make_pipeline(Ridge()), make_pipeline(Lasso())),
        (tiny_models.Doubler, tiny_models.Scaled),
        ([np.log1p, os.path.join], [np.log1p, len]),
    ],
    ids=["class", "pipeline", "inner class", "class objects", "functions"],
)
def test_every_class_in_the_model_changes_the_fingerprint(one: Any, other: Any) -> None:
    assert fingerprint(one) is not None
    assert fingerprint(one) != fingerprint(other)


def test_fitted_state_does_not_change_the_fingerprint() -> None:
    few, many = (
        RandomForestRegressor(n_estimators=n, max_depth=2).fit(ROWS, TARGETS) for n in (1, 5)
    )
    assert fingerprint(few) == fingerprint(many)


def test_saver_and_flavor_change_the_fingerprint() -> None:
    assert (
        len(
            {
                fingerprint(Ridge()),
                fingerprint(Ridge(), "custom"),
                fingerprint(Ridge(), "builtin", "sklearn"),
            }
        )
        == 3
    )


@pytest.mark.parametrize("name", ["polars-1.0.dist-info", "older.egg-info"])
def test_installed_distributions_change_the_fingerprint(
    name: str, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = fingerprint(Ridge())
    requirements.environment_digest.cache_clear()
    assert fingerprint(Ridge()) == before
    (site / name).mkdir()
    requirements.environment_digest.cache_clear()
    assert fingerprint(Ridge()) != before


def test_the_python_version_changes_the_fingerprint(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint(Ridge())
    monkeypatch.setattr(sys, "version", "3.99.0")
    requirements.environment_digest.cache_clear()
    assert fingerprint(Ridge()) != before


@pytest.fixture
def import_user_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Return a function that writes a user package and imports its class again."""
    monkeypatch.syspath_prepend(str(tmp_path / "project"))

    def write(**files: str) -> Any:
        for name, text in files.items():
            path = tmp_path / "project" / "mine" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        requirements._source_digest.cache_clear()
        return importlib.import_module("mine.model").Mine

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


@pytest.mark.parametrize("changed", ["model", "beside"])
def test_code_of_a_user_package_changes_the_fingerprint(
    changed: str, fresh: Path, import_user_package: Callable[..., Any]
) -> None:
    files = {"__init__": "", "model": "class Mine:\n    pass\n", "beside": "import json\n"}
    before = fingerprint(import_user_package(**files)())
    assert fingerprint(import_user_package(**files)()) == before
    assert (
        fingerprint(
            import_user_package(
                **{changed: files[changed] + "import polars_or_so\n" * (changed == "beside") + "\n"}
            )()
        )
        != before
    )


@pytest.mark.parametrize(
    "model",
    [lambda value: value, open(os.devnull), iter([1]).__reduce__],  # noqa: SIM115
    ids=["lambda", "file", "method"],
)
def test_values_that_cannot_be_pickled_have_no_fingerprint_or_a_stable_one(model: Any) -> None:
    found = fingerprint(model)
    assert found is None or found == fingerprint(model)


def test_a_function_without_a_module_does_not_raise() -> None:
    function = types.FunctionType((lambda: 0).__code__, {})
    function.__module__ = None  # type: ignore[assignment]
    assert fingerprint([function]) is None or fingerprint([function]) == fingerprint([function])


def test_a_class_in_main_has_a_fingerprint() -> None:
    code = (
        "import sys\nfrom modelpact._internal.requirements import fingerprint\nclass Mine:\n    pass\n"
        "sys.stdout.write(str(fingerprint(Mine(), 'a')))"
    )
    Path("script.py").write_text(code)
    run = [sys.executable, "script.py"]
    first = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    Path("script.py").write_text(code + "\n")
    second = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert len(first) == 64
    assert first != second


def test_unknown_fingerprints_are_not_cached(fresh: Path) -> None:
    assert load_cached("0" * 64) is None
    assert load_cached(None) is None


def test_cached_requirements_are_loaded(fresh: Path) -> None:
    save_to_cache("abc", folder_of(BARE))
    assert load_cached("abc") == BARE
    assert load_cached("abd") is None


def test_modelpact_is_not_a_requirement(fresh: Path) -> None:
    ours = {
        "requirements.txt": BARE["requirements.txt"] + "\nmodelpact==0.1.0",
        "conda.yaml": BARE["conda.yaml"].replace("name:", "  - modelpact==0.1.0\nname:"),
    }
    folder = folder_of(ours)
    save_to_cache("abc", folder)
    assert load_cached("abc") == BARE
    assert {name: (folder / name).read_text() for name in FILES} == BARE


def test_nothing_is_cached_without_fingerprint_or_cache_folder(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_to_cache(None, folder_of(BARE))
    assert not (fresh / "requirements").exists()
    (tmp_path / "file").touch()
    monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / "file" / "cache"))
    save_to_cache("abc", folder_of(BARE))
    assert load_cached("abc") is None


def ridge() -> Model:
    model = SklearnModel(estimator=Ridge())
    model.fit(ROWS, TARGETS)
    return model


def plain_save(model: Model, folder: Path) -> None:
    """Save a model with MLflow alone."""
    mlflow.sklearn.save_model(
        model.native_model(),
        str(folder),
        signature=infer(ROWS, TARGETS),
        input_example=ROWS,
        skops_trusted_types=None,
    )


@pytest.mark.slow
def test_inferred_and_cached_requirements_equal_those_of_mlflow(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_save(ridge(), tmp_path / "plain")
    expected = {name: (tmp_path / "plain" / name).read_text() for name in FILES}
    assert "scikit-learn==" in expected["requirements.txt"]
    with SqliteTracking().open():
        assert saved_files(BuiltinSaver(), ridge()) == expected
        inferences = record_inferences(monkeypatch)
        assert saved_files(BuiltinSaver(), ridge()) == expected
    assert inferences == []


@pytest.mark.slow
def test_requirements_of_a_custom_model_are_inferred_once(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteTracking().open():
        first = saved_files(CustomSaver(), ridge())
        inferences = record_inferences(monkeypatch)
        assert saved_files(CustomSaver(), ridge()) == first
        assert inferences == []
        saved_files(CustomSaver(), tiny_models.Doubler())
        assert len(inferences) == 1
    assert "modelpact" not in first["requirements.txt"] + first["conda.yaml"]
    assert first["requirements.txt"].startswith("mlflow==")
    assert "scikit-learn==" in first["requirements.txt"]


def test_explicit_requirements_are_neither_inferred_nor_cached(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inferences = record_inferences(monkeypatch)
    with SqliteTracking().open():
        files = saved_files(BuiltinSaver(pip_requirements=["scikit-learn>=1.5"]), ridge())
    assert inferences == []
    assert "scikit-learn>=1.5" in files["requirements.txt"].splitlines()
    assert not (fresh / "requirements").exists()


def record_inferences(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace MLflow's inference, and return the URIs that it is called with."""
    uris: list[str] = []

    def infer(uri: str, *_: object, **__: object) -> list[str]:
        uris.append(uri)
        return ["numpy"]

    monkeypatch.setattr("mlflow.utils.environment._infer_requirements", infer)
    return uris


def saved_files(saver: Saver, model: Model) -> dict[str, str]:
    info = saver.save(model, infer(ROWS, TARGETS), ROWS)
    folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
    return {name: (folder / name).read_text() for name in FILES}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([f"numpy=={np.__version__}", "mlflow", "pandas>=2", "numpy==0; python_version < '3'"], []),
        (["numpy==1.0 # old"], [f"numpy is {np.__version__}, the model requires ==1.0"]),
        (["numpy>=1,<2"], [f"numpy is {np.__version__}, the model requires <2,>=1"]),
        (["none[extra]==1.0"], ["none is not installed, the model requires ==1.0"]),
        ([f"numpy=={np.__version__} --hash=sha256:00", "--index-url https://x", "# a==1"], []),
        *(
            ([line], [f"the requirement {line!r} cannot be compared with this environment"])
            for line in ("numpy=1", "numpy==", "./numpy", "\ufffd==1")
        ),
        ([f"pandas=={pd.__version__}", "numpy==1", "absent==2"], 2),
    ],
)
def test_unmet_pins_are_named(lines: list[str], expected: Any) -> None:
    Path("requirements.txt").write_text("\n".join(lines))
    found = requirements.find_mismatches(Path())
    assert found == expected or len(found) == expected


def test_a_variant_of_a_distribution_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As xgboost-cpu is xgboost, and tensorflow-cpu is tensorflow."""
    info = Path("site/absent_cpu-1.5.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: absent-cpu\nVersion: 1.5\n")
    (info / "top_level.txt").write_text("absent\n")
    monkeypatch.syspath_prepend(str(Path("site").absolute()))
    Path("requirements.txt").write_text("absent==1.5")
    requirements._installed_version.cache_clear()
    assert requirements.find_mismatches(Path()) == []
    Path("requirements.txt").write_text("absent==2")
    assert requirements.find_mismatches(Path()) == ["absent is 1.5, the model requires ==2"]
    requirements._installed_version.cache_clear()


def test_a_model_without_requirements_has_no_mismatches() -> None:
    assert requirements.find_mismatches(Path()) == []


@pytest.mark.parametrize("hushed", ["", "level", "disabled"])
def test_failed_inferences_are_not_cached(
    hushed: str, fresh: Path, mocker: MockerFixture, request: pytest.FixtureRequest
) -> None:
    logger = logging.getLogger("mlflow.utils.environment")
    request.addfinalizer(lambda: logger.setLevel(logging.NOTSET))
    logger.setLevel(logging.CRITICAL if hushed == "level" else logging.NOTSET)
    mocker.patch.object(logger, "disabled", hushed == "disabled")
    infers = mocker.patch(
        "mlflow.utils.environment._infer_requirements", side_effect=RuntimeError("a broken package")
    )
    model = tiny_models.Doubler()
    with SqliteTracking().open():
        for _ in range(2):
            CustomSaver().save(model, infer(ROWS, model.predict(ROWS)), ROWS)
    assert infers.call_count == 2
    assert logger.isEnabledFor(logging.WARNING) == (not hushed)


def test_errors_while_caching_are_ignored(fresh: Path, mocker: MockerFixture) -> None:
    mocker.patch(
        "modelpact._internal.requirements.write_atomically", side_effect=OSError("no space left")
    )
    save_to_cache("abc", folder_of(BARE))
    assert load_cached("abc") is None


def test_the_content_of_code_paths_changes_the_digest(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "one.py").write_text("A = 1", encoding="utf-8")
    before = hash_code([str(package)])
    assert hash_code([str(package / "one.py")]) == before
    (package / "one.py").write_text("A = 2", encoding="utf-8")
    assert hash_code([str(package)]) != before

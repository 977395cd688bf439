"""What the gate costs: `python benchmarks/gate.py`.

Two signatures of 2,000 columns are compared; then a contract is admitted to a real SQLite store: beside one version whose
contract was not read yet, beside one whose contract was, and beside 500 versions, all of one contract and each of its own. At
last a model is loaded with its files checked, and without, in turn.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml
from mlflow.models import ModelSignature

from modelpact.registry import versions
from modelpact.registry.gate import Gate
from modelpact.security.manifest import SIGNATURE_DIGEST
from modelpact.signature import diff, digest, parse
from modelpact.tracking import SqliteTracking, Store

VERSIONS = 500
TYPES = ["boolean", "integer", "long", "float", "double", "string"]


def seconds(
    function: Callable[[], object], rounds: int, before: Callable[[], object] | None = None
) -> float:
    """The median of a few rounds."""
    spent = []
    for _ in range(rounds):
        if before is not None:
            before()
        started = time.perf_counter()
        function()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def line(what: str, spent: float, goal: str) -> None:
    """One line of the result."""
    shown = f"{spent * 1000:9.2f} ms" if spent < 1 else f"{spent:9.2f} s "
    sys.stdout.write(f"{what:<76} {shown}  goal {goal}\n")


def wide(n_columns: int, changed: int = 0) -> ModelSignature:
    """A signature of so many columns, every `changed`-th of which has another type."""
    draw, other = random.Random(1), random.Random(2)
    columns = {f"column_{index}": draw.choice(TYPES) for index in range(n_columns)}
    for name in list(columns)[::changed] if changed else ():
        columns[name] = other.choice(TYPES)
    return parse({"inputs": columns, "outputs": {"answer": "double"}})


def add(store: Store, name: str, signature: ModelSignature, times: int = 1) -> None:
    """Versions that are nothing but their contract."""
    text = yaml.safe_dump({"signature": signature.to_dict()})
    tags = {SIGNATURE_DIGEST: digest(signature)}
    for _ in range(times):
        model = store.client.create_logged_model(store.experiment_id, name="model")
        folder = Path(model.artifact_location)
        folder.mkdir(parents=True)
        (folder / "MLmodel").write_text(text, encoding="utf-8")
        store.client.create_model_version(
            name, source=model.model_uri, model_id=model.model_id, tags=tags
        )


def optional(n_columns: int, index: int) -> ModelSignature:
    """A signature to which an optional column was added, another one for each index."""
    columns = {f"column_{number}": TYPES[number % len(TYPES)] for number in range(n_columns)}
    return parse(
        {"inputs": {**columns, f"added_{index}?": "double"}, "outputs": {"answer": "double"}}
    )


def gates(store: Store) -> None:
    """The comparisons, alone and with the registry."""
    old, new = wide(2_000), wide(2_000, changed=7)
    line(
        f"diff of 2,000 columns, {len(diff(old, new))} changes",
        seconds(lambda: diff(old, new), 21),
        "20 ms",
    )
    same = parse(
        {
            "inputs": {column.name: column.type.name for column in old.inputs},
            "outputs": {"answer": "double"},
        }
    )
    line("diff of 2,000 columns, no change", seconds(lambda: diff(old, same), 21), "20 ms")

    store.client.create_registered_model("wide")
    add(store, "wide", old)
    after = parse(
        {
            "inputs": {**{c.name: c.type.name for c in old.inputs}, "added?": "double"},
            "outputs": {"answer": "double"},
        }
    )
    gate = Gate("backward")
    gate.check(store.client, "wide", after)
    check = partial(gate.check, store.client, "wide", after)
    line("gate, 2,000 columns, the version's contract was read before", seconds(check, 21), "20 ms")
    line(
        "gate, 2,000 columns, it is read from its MLmodel file",
        seconds(check, 21, versions._signatures.clear),
        "20 ms",
    )

    every = Gate("full_transitive")
    for n_columns in (20, 2_000):
        name = f"versions of {n_columns}"
        store.client.create_registered_model(name)
        add(store, name, optional(n_columns, 0), VERSIONS)
        newest = optional(n_columns, VERSIONS)
        check = partial(every.check, store.client, name, newest)
        spent = seconds(check, 3, versions._signatures.clear)
        line(
            f"gate, {VERSIONS} versions with one contract of {n_columns:,} columns",
            spent,
            "seconds",
        )
    store.client.create_registered_model("all different")
    for index in range(VERSIONS):
        add(store, "all different", optional(20, index))
    newest = optional(20, VERSIONS)
    spent = seconds(
        lambda: every.check(store.client, "all different", newest), 3, versions._signatures.clear
    )
    line(f"gate, {VERSIONS} versions, each with its own contract of 20 columns", spent, "seconds")


def integrity() -> None:
    """A load with every file's digest compared, and without."""
    from sklearn.ensemble import RandomForestRegressor

    from modelpact import publish
    from modelpact.data import DiabetesData
    from modelpact.loaders import BuiltinLoader
    from modelpact.models import SklearnModel
    from modelpact.registers import MlflowRegister
    from modelpact.savers import BuiltinSaver
    from modelpact.signers import InferSigner
    from modelpact.verifiers import ReplayVerifier

    for trees in (10, 500):
        done = publish(
            data=DiabetesData(),
            model=SklearnModel(
                estimator=RandomForestRegressor(n_estimators=trees, n_jobs=1, random_state=0)
            ),
            signer=InferSigner(),
            saver=BuiltinSaver(pip_requirements=["scikit-learn"]),
            loader=BuiltinLoader(),
            verifier=ReplayVerifier(),
            register=MlflowRegister(),
            tracking=SqliteTracking(),
            name=f"forest-{trees}",
        )
        with SqliteTracking().open() as store:
            place = Path(
                store.client.get_logged_model(
                    str(done.model_uri).removeprefix("models:/")
                ).artifact_location
            )
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 1e6
            spent: dict[str, list[float]] = {"off": [], "strict": []}
            for _ in range(15):
                for how, kept in spent.items():
                    loader = BuiltinLoader(integrity=how)  # type: ignore[arg-type]
                    started = time.perf_counter()
                    loader.load(f"models:/forest-{trees}/1")
                    kept.append(time.perf_counter() - started)
            off, strict = (statistics.median(kept) for kept in spent.values())
            more = statistics.median(
                one / other - 1 for one, other in zip(spent["strict"], spent["off"], strict=True)
            )
            figures = (
                f"integrity=off {off * 1000:.1f} ms, strict {strict * 1000:.1f} ms: {more:+.0%}"
            )
            sys.stdout.write(f"load of a forest of {trees} trees ({size:.1f} MB): {figures}\n")


def main() -> None:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with SqliteTracking().open() as store:
            gates(store)
        integrity()
        os.chdir("/")


if __name__ == "__main__":
    main()

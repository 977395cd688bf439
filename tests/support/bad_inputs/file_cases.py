"""Bad files: every bad content and every bad path, in every place where a user may give a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.support.bad_inputs.contents import JSONS, LINES, OUT_PATHS, PATHS, TEXTS, YAMLS
from tests.support.bad_inputs.outcomes import Case

MODEL = "task.uri=models:/houses/1"
PUBLISH = ("name=other", "saver.pip_requirements=[scikit-learn]")
CSV = ("data=csv", "data.path=good.csv", "data.target=price")
PREDICT = ("task=predict", MODEL, "task.out=out.csv")

READS_INPUT: dict[str, tuple[str, ...]] = {
    "publish csv": (*PUBLISH, "data=csv", "data.target=price", "data.path={}"),
    "publish jsonl": (*PUBLISH, "data=jsonl", "data.target=price", "data.path={}"),
    "publish parquet": (*PUBLISH, "data=parquet", "data.target=price", "data.path={}"),
    "publish records": (*PUBLISH, "data=csv", "data.form=records", "data.path={}"),
    "predict csv": (*PREDICT, "data=csv", "data.path={}"),
    "predict jsonl": (*PREDICT, "data=jsonl", "data.path={}"),
    "predict parquet": (*PREDICT, "data=parquet", "data.path={}"),
    "check csv": ("task=check", MODEL, "data=csv", "data.path={}"),
    "check jsonl": ("task=check", MODEL, "data=jsonl", "data.path={}"),
    "inspect csv": ("task=inspect", "data=csv", "data.path={}"),
    "inspect parquet": ("task=inspect", "data=parquet", "data.path={}"),
    "resign csv": ("task=resign", MODEL, "data=csv", "data.path={}"),
}
"""Commands that read a table."""

READS_CONTRACT: dict[str, tuple[str, ...]] = {
    "diff old": ("task=diff", "task.old={}", "task.new=good.yaml"),
    "diff new": ("task=diff", "task.old=good.yaml", "task.new={}"),
}

READS_CONFIG: dict[str, tuple[str, ...]] = {
    "saver.config_file": (*PUBLISH, *CSV, "saver.config_file={}"),
    "loader.config_file": (*PREDICT, *CSV, "loader.config_file={}"),
}

READS_STORE: dict[str, tuple[str, ...]] = {
    "tracking.uri": (*PUBLISH, *CSV, "tracking.uri=sqlite:///{}"),
    "history": ("task=history", "task.name=houses", "tracking.uri=sqlite:///{}"),
}

READS_MODEL: dict[str, tuple[str, ...]] = {
    "predict": ("task=predict", "task.uri={}", "task.out=out.csv", *CSV),
    "serve": ("task=serve", "task.uri={}", "task.port=0"),
    "check": ("task=check", "task.uri={}", *CSV),
    "export": ("task=export", "task.uri={}", "task.to=jsonschema"),
    "export openapi": ("task=export", "task.uri={}", "task.to=openapi"),
    "diff": ("task=diff", "task.old={}", "task.new=good.yaml"),
    "parity": ("task=parity", "task.uri={}", "task.payloads=1"),
    "resign": ("task=resign", "task.uri={}", "name=other", *CSV),
    "promote": ("task=promote", "task.uri={}", "task.alias=champion"),
    "model=mlflow": (*PUBLISH, *CSV, "model=mlflow", "model.uri={}"),
}
"""Commands that read a model."""

WRITES: dict[str, tuple[str, ...]] = {
    "predict out": ("task=predict", MODEL, *CSV, "task.out={}.csv"),
    "predict overwrite": ("task=predict", MODEL, *CSV, "task.out={}.csv", "task.overwrite=true"),
    "predict rejects": (*PREDICT, *CSV, "task.on_error=reject", "task.rejects={}.jsonl"),
    "export": ("task=export", MODEL, "task.to=jsonschema", "task.out={}.json"),
    "diff": ("task=diff", "task.old=good.yaml", "task.new=good.yaml", "task.out={}.txt"),
    "history": ("task=history", "task.name=houses", "task.out={}.txt"),
    "inspect": ("task=inspect", *CSV, "task.write={}.yaml"),
    "parity": ("task=parity", MODEL, "task.payloads=1", "task.report={}.json"),
    "hydra.run.dir": (*PUBLISH, *CSV, "hydra.run.dir={}"),
}
"""Commands that write a file."""


def fill(template: Iterable[str], value: str) -> tuple[str, ...]:
    """Return the arguments with the value in place of `{}`."""
    return tuple(argument.replace("{}", value) for argument in template)


def file_cases() -> Iterator[tuple[str, Case]]:
    """Yield every case about a file, with its name."""
    groups = (
        (READS_INPUT, {**TEXTS, **LINES}),
        (READS_CONTRACT, {**TEXTS, **YAMLS}),
        (READS_CONFIG, {**TEXTS, **JSONS}),
        (READS_STORE, TEXTS),
        (READS_MODEL, {"empty": b"", "binary": b""}),
    )
    for commands, contents in groups:
        for name, template in commands.items():
            for content in contents:
                yield f"{name}: {content}", Case(fill(template, content))
            for kind, path in PATHS.items():
                yield f"{name} at {kind}", Case(fill(template, path))
    for name, template in WRITES.items():
        for path in OUT_PATHS:
            yield f"{name} to {path[:20]}", Case(fill(template, path))


def folder_cases() -> Iterator[tuple[str, Case]]:
    """Yield every case about a folder of options."""
    where = ("--config-dir", "conf")
    for content in {**TEXTS, **YAMLS}:
        arguments = (*where, "task=inspect", *CSV, "signer=explicit", f"contract={content}")
        yield f"contract={content}", Case(arguments)
    for content in [*TEXTS, *YAMLS, "fifo", "loop", "dangling", "folder", "null"]:
        yield f"data={content}", Case((*where, "task=inspect", f"data={content}"))
    for content in [*TEXTS, "bomb", "object", "duplicate"]:
        yield f"experiment={content}", Case((*where, "task=inspect", f"experiment={content}"))
    for kind, path in PATHS.items():
        bare = path.strip('"')
        yield f"--config-dir at {kind}", Case(("--config-dir", bare, "task=inspect", "data=none"))
        yield f"searchpath at {kind}", Case((f"hydra.searchpath=[file://{bare}]", "data=none"))

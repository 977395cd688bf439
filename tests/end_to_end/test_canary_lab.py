"""A secret of each way into a program is found in no place that the program writes to.

Each way has a secret of its own, so that a find names its way. A way ends in a command that is
rejected before it writes anything, or in texts without the secret. These places may have it: the
files of the user (`own`), and the outputs of a batch, because they are the user's own data.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from modelpact.security.redacted_output import redact_logs
from tests.support import environments
from tests.support.canaries import lines, make_hex, make_secret, make_word
from tests.support.canary_lab import LEAKY, STEPS, Lab
from tests.support.commands import CommandResult, CommandRunner, modelpact
from tests.support.fake_chat_server import Behaviour, ChatServer, answer, raw, redirect, status
from tests.support.paths import SUPPORT

__all__ = ["modelpact"]  # the fixture


@pytest.fixture
def lab(
    modelpact: CommandRunner,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    return Lab(modelpact, tmp_path_factory.mktemp("own"), monkeypatch)


def errors_of_fit(lab: Lab) -> dict[str, list[tuple[str, str]]]:
    """Return all that may leak a secret in `fit`: logs, warnings, and an error with everything."""
    kinds = [*(f"log:{level}" for level in (10, 20, 30, 40, 50)), "log_exception", "warn"]
    kinds += ["print", "stderr", "note", "cause", "context", "group"]
    texts = [(kind, f"by {lab.secret(f'fit, {kind}')}.") for kind in kinds]

    def basic(value: str) -> str:
        return base64.b64encode(f"ann:{value}".encode()).decode()

    forms: dict[str, Callable[[str], str]] = {
        "plain": str,
        "base64": lambda value: base64.b64encode(value.encode()).decode(),
        "base64 of user and password": basic,
        "base64url": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
        "hex": lambda value: value.encode().hex(),
        "upper-case hex": lambda value: value.encode().hex().upper(),
        "URL-encoded": lambda value: quote(value, safe=""),
        "JSON": json.dumps,
        "JSON with escaped slashes": lambda value: json.dumps(value).replace("/", "\\/"),
        "repr": repr,
        "first half": lambda value: f"{value[:13]}...",
        "second half": lambda value: f"...{value[13:]}",
        "upper case": str.upper,
        "across a line break": lambda value: f"{value[:13]}\n{value[13:]}",
        "within a word": lambda value: f"x{value}x",
    }
    for name, encode in forms.items():
        texts.append(("raise", f"401 for key {encode(lab.secret(f'fit, {name}'))}"))
    return {"fit": texts}


def errors_of_stages(lab: Lab) -> dict[str, list[tuple[str, str]]]:
    """Return what the other stages leak: keys of services in `predict`, URLs in `sign`."""
    stages = ("read", "save", "load", "verify", "check", "code", "register", "tag", "file")
    texts = {stage: [("raise", lab.secret(f"error in {stage}"))] for stage in stages}
    keys = [
        *(lab.unknown(f"a key of {name}", prefix) for name, prefix in PREFIXES.items()),
        lab.unknown("a key of AWS", "AKIA", make_word("AWS", 16).upper()),
        lab.unknown("a key of Twilio", "SK", make_hex("Twilio", 32)),
        lab.unknown("a key of Mailgun", "key-", make_hex("Mailgun", 32)),
        lab.unknown("a token", "eyJhbGciOiJIUzI1NiJ9."),
        lab.unknown("a private key", "-----BEGIN " + "PRIVATE KEY-----\n", make_word("PEM", 64)),
        "Basic " + lab.unknown("Basic", "", base64.b64encode(b"ann:" + b"q7Zx2mPv9KfT").decode()),
    ]
    texts["predict"] = [("raise", f"rejected: {key}\nagain") for key in keys]
    texts["sign"] = [("raise", text) for text in url_errors(lab)]
    return texts


PREFIXES = {
    "OpenAI": "sk-proj-",
    "Anthropic": "sk-ant-api03-",
    "GitHub": "ghp_",
    "Slack": "xoxb-",
    "Stripe": "sk_live_",
    "GitLab": "glpat-",
    "bearer": "Bearer ",
}


def url_errors(lab: Lab) -> Iterator[str]:
    """Yield errors of libraries that contain URLs and parameters with secrets."""
    import requests
    import sqlalchemy

    address = f"http://127.0.0.1:9/?{lab.unknown('requests, query', 'api_key=')}"
    for way in ("requests, path", "requests, user"):
        yield f"cannot reach https://ann:{lab.unknown(way)}@host.org/v1?page=2"
    with pytest.raises(requests.RequestException) as failure:
        requests.get(address, timeout=1)
    yield str(failure.value)
    query = sqlalchemy.text("SELECT * FROM users WHERE token = :value")
    values = {"value": lab.secret("sqlalchemy, parameters")}
    connection = sqlalchemy.create_engine("sqlite://").connect()
    with connection, pytest.raises(sqlalchemy.exc.OperationalError) as wrong:
        connection.execute(query, values)
    yield str(wrong.value)


def run_failing_sweep(lab: Lab, texts: dict[str, list[tuple[str, str]]], *options: str) -> None:
    """Run a sweep with one job per stage, all of which leak."""
    lab.write("texts.json", json.dumps(texts))
    ended = lab.command("-m", *LEAKY, f"model.at={','.join(texts)}", *options)
    assert ended.status == 1, ended.err
    stages = [json.loads(path.read_text())["stage"] for path in Path().rglob("receipt.json")]
    assert len(stages) == len(texts)
    assert f"{len(texts)} failed" in ended.out or "code" in texts, ended.out


def run_rejected(lab: Lab) -> None:
    """Run commands with a secret in the configuration; each is rejected, and writes nothing."""
    secret = lab.secret
    run_rejected_publications(lab)
    lab.refuse(*LEAKY, f"hydra.run.dir=runs/{secret('hydra.run.dir')}", places=("run.dir",))
    job_name = f"hydra.job.name={secret('hydra.job.name')}"
    lab.refuse(*LEAKY, job_name, places=("job.name",))
    lab.refuse(
        *("-m", *LEAKY, f"hydra.sweep.dir=s/{secret('hydra.sweep.dir')}"),
        f"hydra.sweep.subdir=s{secret('hydra.sweep.subdir')}",
        f"+hydra.sweeper.params={{model.note: 'a,{secret('hydra.sweeper.params')}'}}",
        places=("sweep.dir", "sweep.subdir", "sweeper"),
    )
    variable = lab.variable("hydra.run.dir, interpolation")
    lab.refuse(*LEAKY, f"hydra.run.dir=${{oc.env:{variable}}}", places=("run.dir",))
    lab.refuse("-m", *LEAKY, f"model.note=a,{secret('swept value')}", places=("overrides",))
    lab.refuse("task=promote", "task.uri=models:/lab/1", f"task.why={secret('task.why')}")
    lab.refuse("task=rollback", "name=lab", "task.alias=a", f"task.why={secret('rollback')}")
    lab.refuse(*LEAKY, f"hydra.job.env_set={{MAILER_KEY: {secret('hydra.job.env_set')}}}")
    # errors of Hydra that repeat an argument
    lab.refuse(f"modle.note={secret('unknown key')}")
    lab.refuse(f"model=[{secret('malformed override')}")
    lab.refuse(f"task={secret('unknown option')}")
    lab.refuse(f"~name={secret('deleted key')}")
    # a literal secret, wherever it is written
    key = lab.unknown("command line", "sk-proj-")
    lab.refuse(*LEAKY, f"model.note={key}", places=("model.note",))
    lab.write("conf/model/literal.yaml", f"defaults: [leaky]\nnote: {key}\n")
    lab.refuse(*LEAKY, "model=literal", places=("model.note",))
    recipe = f"# @package _global_\nmodel: {{note: {lab.unknown('recipe', 'sk-proj-')}}}\n"
    lab.write("conf/experiment/literal.yaml", recipe)
    lab.refuse("experiment=literal", places=("model.note",))
    column = lab.unknown("contract", "sk-proj-")
    lab.write("conf/contract/literal.yaml", f"inputs: {{{column}: double}}\noutputs: double\n")
    lab.refuse("contract=literal", "signer=explicit")
    lab.refuse("experiment=chat", f"model.api_key={lab.unknown('model.api_key')}")
    lab.refuse("experiment=chat", f"model.headers={{X-Team: {lab.unknown('header')}}}")
    lab.refuse("experiment=chat", f"model.base_url=http://ann:{lab.unknown('URL')}@h/v1")


def run_rejected_publications(lab: Lab) -> None:
    """Run a publication with a secret at many places, all of which the error names."""
    entry = f"{{place: tags.a, kind: entropy, reason: {lab.secret('allowlist')}}}"
    waiver = f"{{rule: INPUT_REMOVED, path: inputs.a, reason: {lab.secret('waiver')}}}"
    random = f"by api_key={lab.unknown('a random value in a tag')}"
    tags = f"{{a: {lab.secret('tag')}, b{lab.secret('name of a tag')}: b, c: '{random}'}}"
    lab.refuse(
        "model=leaky",
        f"name={lab.secret('name')}",
        f"tracking.experiment={lab.secret('experiment')}",
        f"register.tags={tags}",
        f"saver.leak_allowlist=[{entry}]",
        f"register.waivers=[{waiver}]",
        f"saver.path={lab.secret('saver.path')}",
        places=(
            *("config.name", "tracking.experiment", "tags.a", "tags.c", "saver.path"),
            *("saver.leak_allowlist.0", "register.waivers.0"),
        ),
    )


def run_failing_publications(lab: Lab) -> None:
    """Publish models that contain a secret, from files with secrets; nothing is uploaded."""
    lab.write("texts.json", "{}")
    code = lab.write("own_code.py", f'KEY = "{lab.secret("code")}"\n')
    named = lab.write(f"code/{lab.unknown('name of a file', 'ghp_')}.py", "A = 1\n")
    for path in (code, Path(named).parent):
        ended = lab.command(*LEAKY, f"saver.code_paths=['{path}']")
        assert (ended.status, "contains" in ended.err) == (2, True), ended.err
    config = lab.write("config.json", json.dumps({"note": lab.unknown("config_file", "sk-proj-")}))
    assert lab.command(*LEAKY, f"saver.config_file={config}").status == 2
    files = {
        "example.csv": f"a,b\n1,{lab.secret('input example')}\n2,x\n3,y\n4,z\n5,x\n6,y\n",
        "width.csv": f"a,b\n1,2\n3,4,{lab.secret('row of another width')}\n",
        "cast.csv": f"a,b\n1,2\n{lab.secret('cell of another type')},4\n",
        "column.csv": f"a,{lab.unknown('name of a column', 'sk-proj-')}\n1,2\n3,4\n",
        "line.jsonl": f'{{"a": 1}}\n{{"a": {lab.secret("malformed line")}}}\n',
    }
    contract = ("signer=explicit", "signer.inputs={a: double, b: double}", "signer.outputs=double")
    for name, content in files.items():
        kind = name.partition(".")[2]
        signed = contract if name == "cast.csv" else ()
        path = lab.write(name, content)
        steps = ("model=leaky", f"data={kind}", f"data.path={path}", *signed)
        ended = lab.command(*steps, *LEAKY[len(STEPS) :], "data.test_size=0")
        assert ended.status != 0, (name, ended.out)
    missing = lab.command("data=csv", f"data.path=no/{lab.secret('missing file')}.csv")
    assert missing.status == 2, missing.err


def run_full_error(lab: Lab, patch: pytest.MonkeyPatch) -> None:
    """Print the traceback of an error with keys that only their formats tell."""
    key = lab.unknown("private key in a note", "", make_word("note", 64))
    cut = lab.unknown("key that was cut off", "ghp_", make_word("cut", 36))
    notes = [f"-----BEGIN {'PRIVATE'} KEY-----\n{key}\n{key}", f"got '{cut[:19]}...'"]
    apart = lab.unknown("name and value apart", "", make_word("apart", 40))
    texts = [("raise", "rejected"), *(("note", note) for note in notes), ("apart", apart)]
    lab.write("texts.json", json.dumps({"fit": texts}))
    patch.setenv("HYDRA_FULL_ERROR", "1")
    assert lab.command(*LEAKY, "model.at=fit").status == 1
    patch.delenv("HYDRA_FULL_ERROR")


def run_published(lab: Lab) -> None:
    """Publish a model, and use it: by HTTP, in a batch, and in the history of its alias."""
    lab.write("texts.json", "{}")
    ended = lab.command(*LEAKY, "register=mlflow", "register.aliases=[champion]")
    assert ended.status == 0, ended.err
    task = ("task=promote", "task.uri=models:/lab@champion", "task.alias=b", "task.why=fits")
    promoted = lab.command(*task)
    assert promoted.status == 0, promoted.err
    lab.check("the history of an alias", lab.command("task=history", "task.name=lab").out)
    served = ("log:40", "log_exception", "warn", "raise", "note", "cause")
    texts = {
        "served": [(kind, lab.secret(f"served model, {kind}")) for kind in served],
        "stream": [("raise", lab.secret("stream of a served model"))],
    }
    lab.write("texts.json", json.dumps(texts))
    run_batches(lab)
    serve(lab)


def run_batches(lab: Lab) -> None:
    """Predict rows with secrets, which are rejected, and rows for which the model raises."""
    cells = [f'{{"a": 1, "b": "{lab.secret("rejected cell")}"}}', '{"a": 1, "b": 2}']
    path = lab.write("rows.jsonl", "\n".join([*cells, f'{{"a": {lab.secret("row")}}}', ""]))
    task = ("task=predict", "task.uri=models:/lab@champion", "data=jsonl", "task.workers=1")
    ended = lab.command(*task, f"data.path={path}", "task.out=out.jsonl", "task.on_error=reject")
    assert ended.status == 0, ended.err
    lab.check("the rejects of a batch", Path("out.rejects.jsonl").read_text())
    assert len(Path("out.rejects.jsonl").read_text().splitlines()) == 2
    path = lab.write("raises.jsonl", '{"a": 13, "b": 2}\n')
    ended = lab.command(*task, f"data.path={path}", "task.out=raised.jsonl")
    assert ended.status == 1, ended.err


def serve(lab: Lab) -> None:
    """Send secrets to a served model in every part of a request, and let it raise one."""
    import mlflow

    from modelpact.loaders import CustomLoader
    from modelpact.serving import create_app
    from tests.support.publishing import uri

    mlflow.set_tracking_uri(uri())
    client = TestClient(
        create_app(CustomLoader().load("models:/lab@champion")), raise_server_exceptions=False
    )
    row = {"a": 1.0, "b": 2.0}
    bodies: list[Any] = [
        {"inputs": [{**row, "b": lab.secret("HTTP, cell")}]},
        {"inputs": [{**row, lab.secret("HTTP, column"): 1}]},
        {"inputs": [row], "params": {lab.secret("HTTP, param"): 1}},
        {"inputs": [row], lab.secret("HTTP, key"): 1},
        {"inputs": [{"a": 13.0, "b": 2.0}]},
        f'{{"inputs": {lab.secret("HTTP, malformed JSON")}}}',
    ]
    requests = [
        *(("/predict", body, "application/json") for body in bodies),
        *(("/predict/stream", body, "application/json") for body in bodies),
        ("/predict/stream", {"inputs": [row]}, "application/json"),
        ("/predict", "x", lab.secret("HTTP, content type")),
        ("/invocations", f"a,b\n1,{lab.secret('HTTP, CSV')}\n", "text/csv"),
        ("/invocations", {lab.secret("HTTP, format"): [row]}, "application/json"),
        (f"/predict/{lab.secret('HTTP, path')}", {}, "application/json"),
        (f"/predict?token={lab.secret('HTTP, query')}", {"inputs": [row]}, "application/json"),
    ]
    header = {"authorization": f"Bearer {lab.secret('HTTP, header')}"}
    log = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(log)
    # as the command line does
    redact_logs()
    for path, body, kind in requests:
        content = body if isinstance(body, str) else json.dumps(body)
        response = client.post(path, content=content, headers={**header, "content-type": kind})
        lab.check("HTTP responses", f"{response.headers}\n{response.text}")
    logging.getLogger().removeHandler(log)
    assert "a problem" in log.stream.getvalue()
    lab.check("the log of the server", log.stream.getvalue())


def run_chats(lab: Lab) -> None:
    """Publish a chat model whose server repeats a secret in its responses."""
    echoed = {"error": {"message": f"rejected {lab.secret('chat, error')}", "code": "x"}}
    header = {"x-key": lab.secret("chat, header"), "x-request-id": lab.secret("chat, request id")}
    behaviours: list[Behaviour] = [
        status(400, echoed, header),
        status(401, f"no {lab.unknown('chat, text', 'sk-proj-')}", header),
        redirect(f"http://127.0.0.1:9/v1?api_key={lab.unknown('chat, redirect')}"),
        raw(f"<html>{lab.secret('chat, HTML')}</html>", "text/html"),
        raw(f'{{"choices": [{{"message": "{lab.secret("chat, choice")}"}}]}}'),
        answer(lab.secret("chat, response")),
    ]
    variable = lab.variable("chat, api_key")
    for behaviour in behaviours:
        with ChatServer(behaviour) as server:
            chat = ("experiment=chat", f"model.base_url={server.base_url}", "model.max_retries=0")
            ended = lab.command(*chat, f"model.api_key=env:{variable}")
        assert ended.status != 0 or behaviour is behaviours[-1], ended.out


@pytest.mark.slow
def test_errors_of_fit(lab: Lab) -> None:
    run_failing_sweep(lab, errors_of_fit(lab))
    assert not lab.finds, lines(lab.finds)


@pytest.mark.parametrize("kind", ["exit", "base"])
@pytest.mark.slow
def test_a_step_that_ends_the_program(kind: str, lab: Lab) -> None:
    lab.write("texts.json", json.dumps({"fit": [(kind, f"bad {lab.secret(kind)}")]}))
    ended = lab.command(*LEAKY, "model.at=fit")
    assert ended.status == 1
    assert "bad [redacted]\n" in ended.err
    assert not lab.finds, lines(lab.finds)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", pytest.param("ray", marks=pytest.mark.exhaustive)])
def test_errors_in_worker_processes(
    launcher: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = str(environments.extras() / "modelpact")

    def run(*arguments: str) -> CommandResult:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        return CommandResult(done.returncode, done.stdout, done.stderr)

    monkeypatch.setenv("PYTHONPATH", str(SUPPORT / "user_models"))
    lab = Lab(run, tmp_path_factory.mktemp("own"), monkeypatch)
    # only the configuration tells that the value of this variable is a secret
    monkeypatch.setenv("SUBJECT", lab.search.add("referred variable", make_secret("referred")))
    texts = errors_of_fit(lab) | errors_of_stages(lab)
    texts["fit"].append(("raise", lab.search.ways["referred variable"]))
    run_failing_sweep(lab, texts, f"hydra/launcher={launcher}", "model.note=env:SUBJECT")
    assert not lab.finds, lines(lab.finds)
    assert {"the log of a job", "receipt.json", "sweep.csv", "sweep.html"} <= lab.places


@pytest.mark.slow
def test_all_ways(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run_rejected(lab)
    run_failing_sweep(lab, errors_of_fit(lab) | errors_of_stages(lab))
    run_failing_publications(lab)
    run_full_error(lab, monkeypatch)
    run_published(lab)
    run_chats(lab)
    counts = f"{len(lab.search.ways)} ways, {len(lab.places)} places, {len(lab.finds)} finds"
    print(counts)  # noqa: T201
    assert not lab.finds, f"{counts}:\n{lines(lab.finds)}"
    assert len(lab.search.ways) >= 62, counts
    assert len(lab.places) >= 12, sorted(lab.places)

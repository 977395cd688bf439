"""Leaks and look-alikes for the leak scan. Keys are generated, so that this file contains none."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import pickle
import random
import string
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cloudpickle
import joblib
import numpy as np
import skops.io
from sklearn.linear_model import LinearRegression

Written = Callable[[Path], "Mapping[str, Any] | None"]
"""Writes files into a folder, or returns values that would be stored in MLflow."""

_DRAWN = random.Random(20)

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"

INDEX = "-".join(["--index", "url"])
"""The option of pip for the package index."""


def drawn(length: int, letters: str = LETTERS) -> str:
    """Return a random text like a key."""
    return "".join(_DRAWN.choice(letters) for _ in range(length))


VALUE = drawn(28)
"""The key in the environment, without a known form."""

PHRASE = "canary" + "-" + drawn(4, HEX) + "-" + drawn(6)
"""Another one, short and with a word in it."""

ENVIRONMENT = {
    "SERVICE_API_KEY": VALUE,
    "MAIL_PASSWORD": PHRASE,
    "STORE_URL": f"postgresql://ann:{drawn(14)}@db/mlflow",
}
"""The environment variables during the scan of the corpus."""

COMMON = {
    "A_TOKEN": "true",
    "B_TOKEN": "8080",
    "C_PASSWORD": "postgres",
    "D_SECRET": "/run/secrets/key",
    "E_API_KEY": "not-needed",
    "F_API_KEY": "your-api-key-here",
    "G_TOKEN": "modelpact",
    "H_PASSWORD": "ann",
    "I_CREDENTIALS": "/home/ann/.config/credentials.json",
    "J_TOKEN": "env:OTHER",
    "K_API_KEY": "linear_regression",
    "L_PASSWORD": "password",
    "M_TOKEN": "2024-01-01",
    "N_SECRET": "https://host/v1",
}
"""Values that are not keys, in variables with names of keys."""


def sk() -> str:
    """A key of a known form."""
    return "sk" + "-proj-" + drawn(40)


def pem(kind: str = "PRIVATE") -> str:
    """A key in PEM."""
    body = "\n".join(drawn(64, LETTERS + "+/") for _ in range(12))
    return f"-----BEGIN {kind} KEY-----\n{body}\n-----END {kind} KEY-----\n"


def jwt() -> str:
    """A token of three parts."""
    parts = (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"ann"}', drawn(24).encode())
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


class Client:
    """An object with a key in it, pickled by reference to this module."""

    def __init__(self, **facts: Any) -> None:
        self.__dict__.update(facts)


def _text(name: str, text: str, encoding: str = "utf-8") -> Written:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode(encoding))

    return write


def _bytes(name: str, data: bytes) -> Written:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return write


def _values(**values: Any) -> Written:
    return lambda _: values


def _zip(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def _tar(**members: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def _joblib(value: Any, **options: Any) -> bytes:
    made = io.BytesIO()
    joblib.dump(value, made, **options)
    return made.getvalue()


def _npz(**arrays: Any) -> bytes:
    made = io.BytesIO()
    np.savez_compressed(made, **arrays)
    return made.getvalue()


def _npy(array: Any) -> bytes:
    made = io.BytesIO()
    np.save(made, array, allow_pickle=True)
    return made.getvalue()


def _skops(**facts: Any) -> bytes:
    model = LinearRegression().fit(np.eye(3), np.arange(3.0))
    for name, value in facts.items():
        setattr(model, name, value)
    return bytes(skops.io.dumps(model))


def _calls(key: str) -> Callable[[Any], Any]:
    """A function of a main program: cloudpickle stores its code."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(f"def predict(rows):\n    api_key = {key!r}\n    return [api_key for _ in rows]\n", space)
    function: Callable[[Any], Any] = space["predict"]
    return function


def _closes_over(api_key: str) -> Callable[[], str]:
    return lambda: api_key


def _notebook(*lines: str) -> str:
    cells = [
        {
            "cell_type": "code",
            "source": [f"{line}\n" for line in lines],
            "outputs": [],
            "metadata": {},
        }
    ]
    return json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )


def _framed(text: str) -> bytes:
    """Return a text after its length (which can be a letter), as in Protocol Buffers."""
    return b"\x0a" + bytes([len(text)]) + text.encode() + b"\x12\x01"


def _leaks() -> dict[str, Written]:
    aws = "AK" + "IA" + drawn(16, string.ascii_uppercase + string.digits)
    found: dict[str, Written] = {
        "environment in a text": _text("notes.txt", f"called with {VALUE} yesterday\n"),
        "environment in UTF-16": _text("notes.txt", f"called with {VALUE}\n", "utf-16"),
        "environment in UTF-16 without a mark": _text("notes.bin", f"called with {VALUE}\n", "utf-16-le"),
        "environment in base64": _text("blob.txt", base64.b64encode(VALUE.encode()).decode()),
        "environment in basic authorization": _text("a.txt", "x " + base64.b64encode(f"ann:{VALUE}".encode()).decode()),
        "environment in hex": _text("blob.txt", VALUE.encode().hex()),
        "environment quoted for an address": _text("a.txt", "q=" + quote(PHRASE)),
        "environment in a long line": _text("line.json", json.dumps({"a": "x" * 1_100_000 + " " + VALUE})),
        "environment across two reads": _bytes("big.bin", bytes((1 << 20) - 9) + VALUE.encode() + bytes(99)),
        "a short password of the environment": _text("code/x.py", f"connect('ann', '{PHRASE}')\n"),
        "the password of an address in the environment": _text("x.py", f"p = '{ENVIRONMENT['STORE_URL'][17:31]}'\n"),
        "environment in the name of a file": _text(f"cache/{VALUE}.txt", "x"),
        "environment in a pickle": _bytes("model.pkl", pickle.dumps({"note": VALUE})),
        "environment in a gzip": _bytes("model.gz", gzip.compress(VALUE.encode())),
        "environment in params": _values(params={"model.note": f"by {VALUE}"}),
        "environment in the name of a run": _values(name=f"try {PHRASE}"),
        "a key in code": _text("code/helper.py", f"import openai\n\nCLIENT = openai.Client(api_key='{sk()}')\n"),
        "a key in a comment": _text("code/helper.py", f"# old: {sk()}\n"),
        "a key in the configuration": _text("artifacts/config.json", json.dumps({"options": {"prompt": f"use {sk()}"}})),
        "a key in escaped JSON": _text("config.json", json.dumps({"x": sk()}).replace("-", "\\u002d")),
        "a key in an MLmodel file": _text("MLmodel", f"flavors:\n  python_function:\n    config:\n      api: {sk()}\n"),
        "a key in an .env file": _text("code/.env", f"export OPENAI_API_KEY={sk()}\n"),
        "a key in a notebook": _text("code/try.ipynb", _notebook("import openai", f'client = openai.Client("{sk()}")')),
        "a key in a header": _text("code/call.py", f"headers = {{'Authorization': 'Bearer {drawn(32)}'}}\n"),
        "a key of a cloud": _text("code/s3.cfg", f"[default]\nid = {aws}\n"),
        "a token of three parts": _text("code/x.py", f"get('{jwt()}')\n"),
        "a private key": _text("code/id.pem", pem()),
        "a private key in JSON": _text("code/service.json", json.dumps({"type": "service_account", "k": pem("RSA PRIVATE")})),
        "a key of a repository": _text("requirements.txt", "git+https://" + "ghp" + f"_{drawn(36)}@github.com/a/b.git\n"),
        "a key in requirements": _text("requirements.txt", f"{INDEX} https://ann:{drawn(16)}@packages.corp/all\n"),
        "a token in conda.yaml": _text("conda.yaml", f"dependencies:\n- pip: [{INDEX} https://{drawn(30)}@packages.corp/all]\n"),
        "an address of a database": _text("code/db.py", f"engine = connect('postgresql://ann:{drawn(9)}@db:5432/x')\n"),
        "a word as the password in an address": _text("code/db.py", "connect('postgresql://ann:" + "sunflower" + "@db/x')\n"),
        "a signed address": _text("data.yaml", f"url: https://store.blob/x.csv?sv=1&sig={quote(drawn(43), safe='')}\n"),
        "a key in a query": _text("code/x.js", f"fetch(`https://api.host/v1?q=1&api_key={drawn(24)}`)\n"),
        "random in Python": _text("code/x.py", f'API_KEY: str = "{drawn(24)}"\n'),
        "random as a default": _text("code/x.py", f"token = os.environ.get('APP_TOKEN', '{drawn(24)}')\n"),
        "random in a call": _text("code/x.py", f"session.auth(password=SecretStr('{drawn(12)}'))\n"),
        "random in a comparison": _text("code/x.py", f"if given_token == '{drawn(20)}':\n    pass\n"),
        "random in JSON": _text("config.json", json.dumps({"client_secret": drawn(32, HEX)})),
        "random in pairs of JSON": _text("config.json", json.dumps([{"name": "API_KEY", "value": drawn(30)}])),
        "random in YAML": _text("config.yaml", f"service:\n  api_key: {drawn(22)}==\n  other: 1\n"),
        "random in a block of YAML": _text("config.yaml", f"service:\n  password: >-\n    {drawn(22)}\n"),
        "random in TOML": _text("config.toml", f'[service]\naccess-token = "{drawn(26)}"\n'),
        "random in INI": _text("config.ini", f"[service]\nsecret = {drawn(26)}\n"),
        "random in properties": _text("a.properties", f"db.password={drawn(14)}\n"),
        "random in XML": _text("web.xml", f"<config><password>{drawn(18)}</password></config>"),
        "random in attributes of XML": _text("web.xml", f'<add key="ApiKey" value="{drawn(24)}" />'),
        "random in a shell script": _text("run.sh", f"tool --api-key {drawn(24)} --verbose\n"),
        "random in .netrc": _text(".netrc", f"machine host login ann password {drawn(14)}\n"),
        "random in a header": _text("call.http", f"GET /v1\nX-Api-Key: {drawn(24)}\n"),
        "random after its scheme": _text("call.http", f"GET /v1\nAuthorization: Token {drawn(40, HEX)}\n"),
        "random in a uuid": _text("config.yaml", f"client_secret: {uuid.UUID(int=_DRAWN.getrandbits(128))}\n"),
        "random in a page": _text("README.md", f"Our API key: {drawn(24)}\n"),
        "random in a notebook": _text("try.ipynb", _notebook(f'api_key = "{drawn(24)}"')),
        "a key in the input example": _text("input_example.json", json.dumps({"columns": ["text"], "data": [[f"it is {sk()}"]]})),
        "random in a column": _text("input_example.json", json.dumps({"columns": ["age", "token"], "data": [[1, drawn(24)]]})),
        "a key in a serving example": _text(
            "serving_input_example.json",
            json.dumps({"dataframe_split": {"columns": ["a", "api_key"], "data": [[1, "x"], [2, drawn(30)]]}}),
        ),
        "a key in a gzip in a zip": _bytes("a.zip", _zip(**{"inner/x.gz": gzip.compress(f"k {sk()}".encode())})),
        "a key in bzip2": _bytes("a.bz2", bz2.compress(sk().encode())),
        "a key in xz": _bytes("a.xz", lzma.compress(sk().encode())),
        "a key in zlib": _bytes("a.z", zlib.compress(sk().encode())),
        "a key in a tar": _bytes("a.tar", _tar(**{"x.txt": sk().encode()})),
        "a key in a tar in a gzip": _bytes("a.tar.gz", gzip.compress(_tar(**{"x.txt": sk().encode()}))),
        "a key between bytes": _bytes("model.bin", _DRAWN.randbytes(5000) + b"\0" + sk().encode() + b"\0" + bytes(9)),
        "a key after its length": _bytes("model.onnx", bytes(300) + _framed(sk()) + bytes(300)),
        "a key far in a large file": _bytes("model.bin", bytes(3 << 20) + sk().encode() + bytes(1 << 20)),
        "a key in wide letters": _bytes("model.npy", _npy(np.array(["a", sk()]))),
        "a key in an array of objects": _bytes("model.npy", _npy(np.array(["a", sk(), None], dtype=object))),
        "a key in an npz": _bytes("model.npz", _npz(x=np.zeros(9), notes=np.array([f"by {sk()}"]))),
        "a key in joblib": _bytes("model.joblib", _joblib({"x": np.arange(999.0), "client": Client(key=sk())})),
        "a key in compressed joblib": _bytes("model.joblib", _joblib({"x": np.arange(999.0), "k": sk()}, compress=3)),
        "random after an array in joblib": _bytes("model.joblib", _joblib({"x": np.arange(999.0), "api_key": drawn(24)})),
        "a key in skops": _bytes("model.skops", _skops(note_=sk())),
        "random in skops": _bytes("model.skops", _skops(api_key=drawn(24))),
        "a constant in code by cloudpickle": _bytes("python_model.pkl", cloudpickle.dumps(_calls(drawn(32)))),
        "a closure by cloudpickle": _bytes("python_model.pkl", cloudpickle.dumps(_closes_over(sk()))),
        "a pickle in a pickle": _bytes("model.pkl", pickle.dumps({"state": pickle.dumps({"k": sk()})})),
        "a pickle in a zip": _bytes("model.pt", _zip(**{"archive/data.pkl": pickle.dumps(Client(api_key=drawn(24)))})),
        "a name that a pickle remembers": _bytes("model.pkl", pickle.dumps([Client(api_key=None), Client(api_key=drawn(24))])),
        "a key in params": _values(params={"model.prompt": f"use {sk()}"}),
        "a key in tags": _values(tags={"note": sk()}),
        "a password in tags": _values(tags={"password": "sunflower"}),
        "an address in tags": _values(tags={"source": f"https://ann:{drawn(9)}@host/x"}),
        "random in the configuration": _values(config={"model": {"note": f"api_key={drawn(24)}"}}),
        "Stripe": _text("x.py", "pay('sk" + f"_live_{drawn(24)}')\n"),
        "Slack": _text("x.py", "say('xox" + f"b-{drawn(12, string.digits)}-{drawn(24)}')\n"),
        "Google": _text("x.py", "ask('AI" + f"za{drawn(35)}')\n"),
        "Hugging Face": _text("x.py", "load('h" + f"f_{drawn(34)}')\n"),
        "SendGrid": _text("x.py", "send('S" + f"G.{drawn(22)}.{drawn(43)}')\n"),
        "Vault": _text("x.py", "read('hv" + f"s.{drawn(24)}')\n"),
        "Telegram": _text("x.py", f"bot('{drawn(9, '123456789')}:A" + f"A{drawn(33)}')\n"),
    }  # fmt: skip
    for protocol in range(6):
        found[f"a key in a pickle of protocol {protocol}"] = _bytes(
            "m.pkl", pickle.dumps({"a": [1, sk()]}, protocol)
        )
        found[f"random in a pickle of protocol {protocol}"] = _bytes(
            "m.pkl", pickle.dumps(Client(n=1, api_key=drawn(24)), protocol)
        )
    return found


LEAKS = _leaks()


def _look_alikes() -> dict[str, Written]:
    found: dict[str, Written] = {}

    def lines(kind: str, name: str, *texts: str) -> None:
        for number, text in enumerate(texts):
            found[f"{kind} {number}"] = _text(name, text + "\n")

    def assigned(kind: str, *values: str) -> None:
        """Under the name of a key, where only a key would be a leak."""
        for number, value in enumerate(values):
            found[f"{kind} {number}"] = _text(
                "code/settings.py",
                f'api_key = "{value}"\nconfig = {{"client_secret": "{value}"}}\n',
            )

    digest = hashlib.sha256(b"x").hexdigest()
    run, model = uuid.UUID(int=_DRAWN.getrandbits(128)), f"m-{drawn(32, HEX)}"
    picture = base64.b64encode(_DRAWN.randbytes(4000)).decode()
    lines(
        "an identifier",
        "MLmodel",
        f"run_id: {run.hex}",
        f"model_uuid: {model}",
        f"model_id: {model}",
        f"uuid: {run}",
        f"sha256: {digest}",
        f"md5: {digest[:32]}",
        f"commit: {digest[:40]}",
        f"git_sha: {digest[:40]}",
        f"etag: '\"{digest[:32]}\"'",
        f"job_key: {digest}",
        f"modelpact.signature_digest: {digest}",
        f"cache_key: {digest}",
        f"primary_key: {run}",
        f"foreign_key: {run}",
        f"partition_key: {drawn(20)}",
        f"sort_key: {drawn(20)}",
        f"public_key: {picture[:88]}",
        f"key: {digest}",
        f"keys: [{drawn(16)}, {drawn(16)}]",
        f"idempotency: {run}",
        f"image: repository@sha256:{digest}",
        f"integrity: sha512-{base64.b64encode(_DRAWN.randbytes(64)).decode()}",
        f"source: models:/{model}",
        f"experiment: /1/models/{model}/artifacts",
        f"arn: arn:aws:s3:::bucket-{drawn(12, HEX)}/models",
        f"trace: 00-{drawn(32, HEX)}-{drawn(16, HEX)}-01",
        f"request: req_{drawn(24)}",
        f"name: chatcmpl-{drawn(29)}",
    )
    lines(
        "a word of a tokenizer",
        "artifacts/tokenizer.json",
        json.dumps({"max_tokens": 4096, "eos_token": "<|endoftext|>", "pad_token": "[PAD]"}),
        json.dumps({"token": "Ġinternational", "password": 8912, "secret": 11, "api": 3}),
        json.dumps(
            {
                "added_tokens": [
                    {"id": 0, "content": "<s>", "special": True},
                    {"id": 1, "content": "<|im_start|>user"},
                ]
            }
        ),
        json.dumps({"model": {"vocab": {f"##{drawn(6)}": number for number in range(500)}}}),
        json.dumps({"merges": [f"{drawn(3)} {drawn(4)}" for _ in range(500)]}),
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "token_type_ids": [0, 1]}),
        json.dumps({"tokens": ["un", "##affable", "keyboard", "passwords", "secretary"]}),
        json.dumps({"mask_token": {"content": "[MASK]", "lstrip": False}, "unk_token": "<unk>"}),
        json.dumps({"bos_token": "<" + drawn(12) + ">", "image_token": "<image_" + drawn(8) + ">"}),
        json.dumps({"token": "</s>", "tokens_per_second": 12.25}),
    )
    assigned(
        "a placeholder",
        "your-api-key-here", "YOUR_API_KEY", "<token>", "<your-token-here>", "xxxx", "xxxxxxxxxxxxxxxxxxxxxxxx",
        "XXXXXXXX-XXXX-XXXX", "...",
        "********", "********************", "changeme", "change-me-please", "REPLACE_ME_WITH_A_KEY", "insert-key-here",
        "env:OPENAI_API_KEY",
        "${OPENAI_API_KEY}", "$OPENAI_API_KEY", "{{ secrets.API_KEY }}", "%(api_key)s", "{token}", "[redacted]", "redacted",
        "None", "null",
        "not-needed", "dummy-key-1234", "fake-token-for-tests", "test-key-12345", "placeholder", "example-key-00000000",
        "sk-...", "my-secret-key",
        "secret", "password123", "hunter2", "abcdefgh12345678", "1234567890abcdef", "aaaaaaaaaaaaaaaaaaaaaaaa",
        "0000-0000-0000-0000", "TODO: set this",
        "", "string", "see-the-vault", "empty", "<redacted:32 characters>", "(hidden)", "unused-key-for-local-server",
    )  # fmt: skip
    assigned(
        "a name under the name of a key",
        "OPENAI_API_KEY", "X-Api-Key", "openai_api_key", "Authorization", "api.key.header.name",
        "com.company.service.ApiKeyProvider",
        "sklearn.linear_model.LogisticRegression", "HttpBasicAuthenticationFilter", "service-account-name",
        "production/database/password",
        "/run/secrets/api_key", "./keys/service.json", "~/.config/token", "C:\\keys\\service.json", "https://host/v1/token",
        "vault:secret/data/app#key", "2024-01-01T00:00:00Z", "1700000000000", "3.14159265358979", "v1.2.3-rc.4", "us-east-1",
        "text/plain",
        "SELECT password FROM users", "the key of the door", "correct-horse-battery-staple", "Bearer", "utf-8",
        "application/json",
        "ssh-rsa " + picture[:200], "sha256:" + digest,
    )  # fmt: skip
    lines(
        "code",
        "code/x.py",
        "token = self.lexer.get_token()",
        "password = getpass.getpass('Password: ')",
        "api_key = os.environ['OPENAI_API_KEY']",
        "api_key: str | None = None",
        "api_key = settings.openai_api_key or DEFAULT_OPENAI_API_KEY",
        "def connect(user, password=None, *, token=DEFAULT): ...",
        "tokens = tokenizer(text, return_tensors='pt')",
        "secret_key = hashlib.sha256(material).hexdigest()",
        "client = Client(api_key=resolve('env:OPENAI_API_KEY', 'model.api_key'))",
        "if token in {'(', ')'}: depth += 1",
        "raise ValueError('the token is not valid: ' + name)",
        "SECRET_NAMES = ('password', 'secret', 'api_key', 'client_secret', 'access_token')",
        "password_hash = pbkdf2_hmac('sha256', password.encode(), salt, 100_000)",
        "token: Literal['bearer', 'basic'] = 'bearer'",
        "headers = {'Authorization': f'Bearer {token}'}",
        "headers['X-Api-Key'] = credentials.current_access_key_id_2",
        "url = f'https://{user}:{password}@{host}/v1'",
        "url = 'https://user:password@host/v1'",
        "url = 'http://username:secret@proxy.example.com:8080'",
        "url = 'https://git@github.com/company/repository.git'",
        "url = 'https://host/v1?max_tokens=100&key=name&page_token=7'",
        "url = 'postgresql://scott:tiger@localhost/test'",
        "url = 'redis://localhost:6379/0'",
        "mail = 'ann@company.com'",
        "pattern = r'://[^:]+:([^@]+)@'",
        "PEM = '-----BEGIN " + "RSA PRIVATE KEY-----'",
        "assert text.startswith('-----BEGIN " + "PRIVATE KEY-----')",
        "class AuthenticationTokenRefreshCredentialsProviderFactoryBean: pass",
        "the_very_long_name_of_a_function_that_checks_access_tokens_and_api_keys = 1",
        "x = 'sk-learn', 'task-0123456789abcdef0123', 'hf_hub_download', 'xoxo-and-so-on', 'AIzawa'",
        "print('Basic authentication is not secure, Bearer tokens are')",
        "DNA = '" + drawn(400, "ACGT") + "'",
        "PROTEIN = '" + drawn(200, "ACDEFGHIKLMNPQRSTVWY") + "'",
        "ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'",
        "SEED = 0x" + drawn(32, HEX),
        "weights = '"
        + base64.b85encode(_DRAWN.randbytes(300)).decode().replace("'", "").replace("\\", "")
        + "'",
        "EXPECTED = '" + digest + "'",
        "colors = ['#ff00aa', '#00bb11'] + ['#" + drawn(6, HEX) + "']",
        "phone = '+49 30 1234567'; iban = 'DE' + '89370400440532013000'",
        "key = lambda item: item.author_token_count_by_password_length",
    )
    lines(
        "a file of settings",
        "requirements.txt",
        f"numpy==2.3.4 --hash=sha256:{digest}",
        f"scikit-learn==1.7.2 \\\n    --hash=sha256:{digest[::-1]}",
        f"{INDEX} https://packages.corp/all",
        INDEX + " https://${PIP_USER}:${PIP_PASSWORD}@packages.corp/all",
        "package @ git+https://github.com/a/b.git@" + digest[:40],
        "python-jwt==4.0.0\npytest-secrets==1.0\ncredential-provider==2.11.8",
        "tokenizers==0.21.0\nkeyring==25.6.0\npasslib==1.7.4",
    )
    lines(
        "a page",
        "docs/README.md",
        "Set `OPENAI_API_KEY=sk-...` before you start.",
        "Pass your token: `--token <token>`, or `--api-key YOUR_API_KEY`.",
        "`curl -H 'Authorization: Bearer $TOKEN' https://host/v1`",
        "`curl -H 'Authorization: Bearer " + "YOUR_ACCESS_TOKEN' https://host/v1`",
        "A JWT looks like eyJhbGciOi..., in three parts: header.payload.signature",
        "eyJust.a.name and eyJ" + "eopardy.and.so.on are words",
        "The password must have 8 characters, a digit and a sign such as !@#$%",
        "Token: a word or a part of one. Secret: what nobody knows. Key: opens a door.",
        "password: 12345678, token: 000000, secret: 111111111111",
        "Access key rotation, credential-helper, authentication-service, password-reset-flow-2024",
        "AKIA" + "IOSFODNN7" + "EXAMPLE is the key in the pages of AWS",
        "see https://user:pass@example.com and ftp://anonymous:guest@ftp.example.org",
        f"![picture](data:image/png;base64,{picture})",
    )
    lines(
        "a table",
        "data.csv",
        *[",".join(f"{_DRAWN.random():.17g}" for _ in range(50)) for _ in range(5)],
    )
    lines(
        "numbers as text",
        "numbers.json",
        *[json.dumps({"coef_": [_DRAWN.gauss(0, 1) for _ in range(60)]}) for _ in range(5)],
    )
    lines(
        "a lock file",
        "code/poetry.lock",
        *[f'files = [{{file = "x.whl", hash = "sha256:{drawn(64, HEX)}"}}]' for _ in range(5)],
    )
    lines(
        "a picture",
        "out.ipynb",
        _notebook("x"),
        json.dumps({"cells": [{"outputs": [{"data": {"image/png": picture}}]}]}),
    )
    public = pem("PUBLIC")
    lines(
        "what is public",
        "code/key.pem",
        public,
        public.replace("PUBLIC KEY", "CERTIFICATE"),
        "ssh-ed25519 AAAA" + picture[:64] + " ann@host",
    )
    for number in range(8):
        data = _DRAWN.randbytes(30_000)
        array = np.frombuffer(_DRAWN.randbytes(24_000), dtype=np.uint8)
        found[f"bytes {number}"] = _bytes("weights.bin", data)
        found[f"compressed bytes {number}"] = _bytes("weights.gz", gzip.compress(data))
        found[f"an array {number}"] = _bytes(
            "array.npy", _npy(array.view(np.float64) if number % 2 else array)
        )
        found[f"arrays in a zip {number}"] = _bytes(
            "array.npz", _npz(a=array, names=np.array([f"feature_{i}" for i in range(40)]))
        )
        found[f"a pickle of arrays {number}"] = _bytes(
            "model.pkl", pickle.dumps({"coef_": array, "tokens": [drawn(3)]}, number % 6)
        )
        found[f"a joblib of arrays {number}"] = _bytes(
            "m.joblib", _joblib({"w": array, "token": None}, compress=3 * (number % 2))
        )
        found[f"embeddings as text {number}"] = _text(
            "e.txt", " ".join(f"{_DRAWN.gauss(0, 1):.6f}" for _ in range(900))
        )
    found["a pickle of names"] = _bytes(
        "m.pkl", pickle.dumps(Client(api_key=None, name=drawn(20), token="env:TOKEN", password=""))
    )
    found["a pickle with a key for something else"] = _bytes(
        "m.pkl", pickle.dumps({"token": 5, drawn(24): 1, "primary_key": drawn(24)})
    )
    found["a function by cloudpickle"] = _bytes(
        "m.pkl", cloudpickle.dumps(_calls("the-name-of-a-variable"))
    )
    found["a skops file"] = _bytes(
        "m.skops", _skops(feature_names=[f"token_{number}" for number in range(9)])
    )
    found["an example with a column of tokens"] = _text(
        "input_example.json",
        json.dumps({"columns": ["token", "password"], "data": [["hello", "world"], ["the", None]]}),
    )
    found["values of the environment that are no keys"] = _text(
        "code/x.py", "\n".join(map(repr, COMMON.values())) + "\n"
    )
    for name, value in COMMON.items():
        found[f"the value of {name}"] = _text("code/other.txt", f"a {value} b\n'{value}'\n")
    found["tags"] = _values(
        tags={
            "team": "lab",
            "modelpact.job_key": digest,
            "commit": digest[:40],
            "token": "env:TOKEN",
            "owner": "ann",
        }
    )
    found["params"] = _values(
        params={
            "model.max_tokens": "100",
            "model.api_key": "env:KEY",
            "data.key": "name",
            "seed": "1",
            "tokenizer": "bpe",
        }
    )
    found["a name of a run"] = _values(name=f"m-{drawn(32, HEX)}")
    found["the names of files"] = _text(f"cache/{digest}/{model}.json", "{}")
    return found


LOOK_ALIKES = _look_alikes()

"""The content of bad files, and bad paths."""

from __future__ import annotations

import gzip
import pickle

ROWS = "".join(f"{n},{n * 2},{n * 3}\n" for n in range(10))

DEEP, DEEPER = 300, 3000
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)

TEXTS: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t\n  \n",
    "latin1": "größe: schön\n".encode("latin-1"),
    "utf16": "inputs: {größe: long}\n".encode("utf-16"),
    "utf16-no-bom": "inputs: {größe: long}\n".encode("utf-16-le"),
    "binary": bytes(range(256)) * 4,
    "nul": b"\0" * 100,
    "nul-inside": b"inputs: {a\0b: long}\n",
    "escape": b"inputs: {\x1b[31mred\x1b[0m: long}\n",
    "cut-gzip": gzip.compress(ROWS.encode() * 100)[:-20],
    "deep300": b"[" * DEEP + b"]" * DEEP,
    "deep3000": b"[" * DEEPER + b"]" * DEEPER,
    "open3000": b"[" * DEEPER,
    "braces3000": b'{"a":' * DEEPER + b"1" + b"}" * DEEPER,
    "pickle": pickle.dumps({"inputs": {"a": "long"}}),
    "html": b"<!doctype html><html><body>404</body></html>\n",
    "lone-quote": b'a,b,price\n"1,2,3\n',
    "replacement": "a,b\n\ufffd\ud800,1\n".encode("utf-8", "surrogatepass"),
}
"""The content of files in a format that nothing expects."""

YAMLS: dict[str, bytes] = {
    "bomb": BOMB.encode() + b"\ninputs: *a11\n",
    "bomb-map": b"a: &a {x: long, y: long}\n"
    + b"".join(
        f"{chr(98 + n)}: &{chr(98 + n)} {{x: *{chr(97 + n)}, y: *{chr(97 + n)}}}\n".encode()
        for n in range(22)
    )
    + b"inputs: *w\n",
    "self-alias": b"inputs: &a {x: *a}\n",
    "duplicate": b"inputs: {a: long, a: double}\n",
    "duplicate-top": b"inputs: {a: long}\ninputs: {b: long}\n",
    "object": b"inputs: !!python/object/apply:os.system ['touch hacked']\n",
    "name": b"inputs: !!python/name:os.system ''\n",
    "tag": b"inputs: !mine {a: long}\n",
    "nan": b"inputs: {a: .nan}\n",
    "infinity": b"inputs: {a: .inf}\n",
    "huge": b"inputs: {a: 1" + b"0" * 5000 + b"}\n",
    "date": b"inputs: {a: 2024-13-45}\n",
    "sexagesimal": b"inputs: {a: 190:20:30}\n",
    "two-documents": b"inputs: {a: long}\n---\ninputs: {b: long}\n",
    "tab": b"inputs:\n\ta: long\n",
    "unclosed": b"inputs: {a: long\n",
    "scalar": b"3\n",
    "list": b"- a\n- b\n",
    "null-key": b"inputs: {null: long}\n",
    "list-key": b"inputs: {[a]: long}\n",
    "merge": b"a: &a {x: long}\ninputs: {<<: *a}\n",
    "unknown-type": b"inputs: {a: duoble}\n",
    "unknown-key": b"input: {a: long}\n",
    "comment-only": b"# nothing\n",
    "interpolation": b"inputs: {a: '${nothing}'}\n",
    "huge-tensor": b"inputs: float64[-1, 99999999999999999999999]\n",
    "negative-tensor": b"inputs: float64[-5]\n",
    "deep-type": b"inputs: {a: " + b"[" * DEEP + b"long" + b"]" * DEEP + b"}\n",
    "deep-type-3000": b"inputs: {a: " + b"[" * DEEPER + b"long" + b"]" * DEEPER + b"}\n",
    "long-name": b"inputs: {" + b"x" * 100_000 + b": long}\n",
}
"""The content of contracts that are YAML, or nearly."""

JSONS: dict[str, bytes] = {
    "json-nan": b'{"a": NaN}',
    "json-infinity": b'{"a": -Infinity}',
    "json-huge": b'{"a": 1e400}',
    "json-digits": b'{"a": ' + b"9" * 5000 + b"}",
    "json-duplicate": b'{"a": 1, "a": 2}',
    "json-list": b"[1, 2]",
    "json-null": b"null",
    "json-text": b'"text"',
    "json-comma": b'{"a": 1,}',
    "json-two": b"{}{}",
    "json-bom": b"\xef\xbb\xbf{",
    "json-surrogate": b'{"a": "\\ud800"}',
    "json-open": b'{"a": 1',
    "json-comment": b"// {}\n{}",
    "json-single": b"{'a': 1}",
}
"""The content of JSON files that are malformed, or hold what their format lacks."""

LINES: dict[str, bytes] = {
    "header": b"a,b,price\n",
    "ragged": b"a,b,price\n1,2,3\n1,2,3,4,5\n",
    "repeated-header": b"a,a,price\n1,2,3\n" * 1 + b"1,2,3\n" * 9,
    "empty-header": b",,\n" + b"1,2,3\n" * 10,
    "words": b"a,b,price\n" + b"".join(b"word%d,1,2\n" % n for n in range(10)),
    "no-target": b"a,b,price\n" + b"1,2,\n" * 10,
    "infinite": b"a,b,price\n" + b"inf,2,3\n" * 10,
    "huge-cell": b"a,b,price\n" + b"1" * 400 + b",2,3\n" * 10,
    "lines-scalar": b"1\n2\n",
    "lines-list": b"[1, 2]\n",
    "lines-mixed": b'{"a": 1}\n[2]\n',
    "lines-open": b'{"a": 1}\n{"a": \n',
    "lines-nan": b'{"a": NaN, "price": 1}\n' * 10,
    "lines-duplicate": b'{"a": 1, "a": 2, "price": 1}\n' * 10,
    "lines-latin1": '{"a": "ä"}\n'.encode("latin-1"),
    "lines-nul": b'{"a": "\0"}\n',
    "lines-huge": b'{"a": 1e400, "price": 1}\n' * 10,
    "lines-digits": b'{"a": ' + b"9" * 5000 + b"}\n",
    "lines-surrogate": b'{"a": "\\udc00", "price": 1}\n' * 10,
}
"""The content of tables that are malformed, or unfit for a model."""

FILES = {**TEXTS, **YAMLS, **JSONS, **LINES}

PATHS: dict[str, str] = {
    "missing": "none/such.file",
    "folder": "folder.d",
    "fifo": "fifo",
    "zero": "zero",
    "null": "./null",
    "dangling": "dangling",
    "loop": "loop",
    "below-a-file": "good.csv/x",
    "long-name": "x" * 300,
    "long-path": "/".join(["y" * 200] * 30),
    "blank": '" "',
    "dot": ".",
    "root": "/",
    "home": '"~/none.csv"',
    "http": '"http://127.0.0.1:1/x.csv"',
    "s3": '"s3://bucket/x.csv"',
    "unreadable": "/proc/self/mem",
    "proc": "/proc/none",
}
"""Paths that cannot be read as a file."""

SUFFIXES = (".csv", ".jsonl", ".json", ".txt", ".yaml")
"""The suffixes of output files."""

OUT_PATHS = (
    "folder",
    "fifo",
    "null",
    "full",
    "loop",
    "dangling",
    "good.csv/x",
    "x" * 300,
    "/".join(["y" * 200] * 30),
    "/proc/none",
    "/sys/none",
)
"""Paths, without the suffix, where nothing can be written."""

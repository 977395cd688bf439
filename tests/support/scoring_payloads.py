"""Bodies of MLflow's scoring protocol, as its own tests and its clients send them.

Each case has the reason why the two servers differ, a key of `REASONS`; empty if they do not.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

REASONS = {
    "nonfinite": "NaN, NaT and Infinity in a response are null; MLflow's server writes NaN, which is not JSON",
    "contract": "what `predict` rejects is rejected; MLflow's server converts it first (text to numbers, 1 to True), or does not check it (a null in a required column, a list under `string`)",
    "changed": "a value that the type cannot hold is rejected, and a null stays null; MLflow's server rounds 2.5 to 2, wraps 2**31, and writes null as False, 'None' or 'n'",
    "base64": "base64 is decoded wherever a signature has bytes, and other text is rejected; MLflow's server decodes it only in columns of `dataframe_split` and `dataframe_records`",
    "datetime": "datetimes are ISO 8601 text, of any year; MLflow's server also reads other text, and numbers as nanoseconds, and wraps years beyond 2262",
    "mangled": "a list of text under `string` is a column, and a value under `any` stays whole; MLflow's server puts the list into one cell, and takes objects apart",
    "params": "unknown params are rejected; MLflow's server ignores them",
    "strict": "a key twice, a number such as 1e999, and CSV with rows of another length or a name twice are rejected",
    "more": "what `predict` accepts is accepted; MLflow's server rejects some of it, such as nested values in `instances`, null under an optional `long`, and times with an offset",
    "media": "media types are case-insensitive and may have other parameters; MLflow's server rejects these, and responds to none with a 500",
}
"""Why the responses differ, as listed in docs/serving.md."""


class Case(NamedTuple):
    """A request to a model.

    Attributes:
        name: What is particular about it.
        signature: The signature as it is written in YAML.
        body: The body; text and bytes are sent as they are, everything else as JSON.
        why: The key of `REASONS`; empty if both servers respond alike.
        media_type: The content type.
    """

    name: str
    signature: dict[str, Any]
    body: Any
    why: str = ""
    media_type: str | None = "application/json"

    def content(self) -> bytes:
        """Return the body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def records(*rows: Any) -> dict[str, Any]:
    return {"dataframe_records": list(rows)}


def split(columns: list[Any] | None, *data: list[Any], **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": columns, "data": list(data), **more}}


TABLE = {"inputs": {"a": "double", "b": "long"}}
ROW = {"a": 1.5, "b": 2}
PAIR = [ROW, {"b": 3, "a": 2.5}]

ENVELOPES: list[tuple[str, Any, str]] = [
    ("split", split(["a", "b"], [1.5, 2], [2.5, 3]), ""),
    ("split with an index", split(["a", "b"], [1.5, 2], [2.5, 3], index=["u", "v"]), ""),
    ("split with a short index", split(["a", "b"], [1.5, 2], [2.5, 3], index=[1]), ""),
    ("split in another order", split(["b", "a"], [2, 1.5]), ""),
    ("split without names", split(None, [1.5, 2]), ""),
    ("split with another key", split(["a", "b"], [1.5, 2], index_names=[None]), ""),
    ("split without data", {"dataframe_split": {"columns": ["a", "b"]}}, ""),
    ("split without rows", split(["a", "b"]), "contract"),
    ("split with a short row", split(["a", "b"], [1.5, 2], [2.5]), ""),
    ("split with an extra column", split(["a", "b", "z"], [1.5, 2, "q"]), ""),
    ("split without a column", split(["a"], [1.5]), ""),
    ("split with a column twice", split(["a", "a", "b"], [1.5, 2.5, 2]), ""),
    ("split of records", {"dataframe_split": {"columns": ["a", "b"], "data": PAIR}}, ""),
    ("split of columns", {"dataframe_split": {"data": {"a": [1.5], "b": [2]}}}, ""),
    ("split as a list", {"dataframe_split": PAIR}, ""),
    ("records", records(*PAIR), ""),
    ("records with an extra column", records({**ROW, "z": [1]}), ""),
    ("records without a key", records(ROW, {"a": 2.5}), ""),
    ("records as columns", {"dataframe_records": {"a": [1.5], "b": [2]}}, ""),
    ("records as lists", {"dataframe_records": [[1.5, 2]]}, ""),
    ("no records", records(), ""),
    ("instances", {"instances": PAIR}, ""),
    ("instances as columns", {"instances": {"a": [1.5, 2.5], "b": [2, 3]}}, ""),
    ("instances of two lengths", {"instances": {"a": [1.5, 2.5], "b": [2]}}, ""),
    ("instances as lists", {"instances": [[1.5, 2]]}, ""),
    ("instances as a number", {"instances": 3}, ""),
    ("instances without a key", {"instances": [ROW, {"a": 2.5}]}, ""),
    ("no instances", {"instances": []}, ""),
    ("inputs", {"inputs": PAIR}, ""),
    ("inputs as columns", {"inputs": {"a": [1.5, 2.5], "b": [2, 3]}}, ""),
    ("inputs as one row", {"inputs": ROW}, ""),
    ("inputs as a column and a value", {"inputs": {"a": [1.5, 2.5], "b": 2}}, ""),
    ("inputs of two lengths", {"inputs": {"a": [1.5, 2.5], "b": [2]}}, ""),
    ("inputs as lists", {"inputs": [[1.5, 2]]}, ""),
    ("inputs as null", {"inputs": None}, ""),
    ("inputs as text", {"inputs": "hello"}, ""),
    ("no inputs", {"inputs": []}, ""),
    ("empty inputs", {"inputs": {}}, ""),
    ("two envelopes", {"inputs": PAIR, "instances": PAIR}, ""),
    ("no envelope", {"a": [1.5], "b": [2]}, ""),
    ("an unknown key", {"inputs": PAIR, "client_request_id": "7"}, ""),
    ("a signature name", {"inputs": PAIR, "signature_name": "serving_default"}, ""),
    ("params of null", {"inputs": PAIR, "params": None}, ""),
    ("empty params", {"inputs": PAIR, "params": {}}, ""),
    ("params without a schema", {"inputs": PAIR, "params": {"k": 1}}, "params"),
    ("params as a list", {"inputs": PAIR, "params": [1]}, "params"),
    ("a number", "1", ""),
    ("a text", '"1"', ""),
    ("a list", "[1]", ""),
    ("null", "null", ""),
    ("no JSON", "this is,,,, not valid json", ""),
    ("nothing", "", ""),
    ("more after the end", '{"dataframe_records": [{"a": 1.5, "b": 2}]} x', ""),
    ("latin-1", '{"dataframe_records": [{"a": 1.5, "b": 2, "z": "é"}]}'.encode("latin-1"), ""),
    ("NaN", '{"dataframe_records": [{"a": NaN, "b": 2}]}', "nonfinite"),
    ("Infinity", '{"inputs": [{"a": -Infinity, "b": 2}]}', "nonfinite"),
    ("NaN under long", '{"dataframe_records": [{"a": 1.5, "b": NaN}]}', ""),
    ("a key twice", '{"dataframe_records": [{"a": 1.5, "a": 2.5, "b": 2}]}', "strict"),
    ("1e999", '{"dataframe_records": [{"a": 1e999, "b": 2}]}', "strict"),
]  # fmt: skip

MEDIA_TYPES = [
    ("application/json; charset=utf-8", ""),
    ("application/json; charset=UTF-8", ""),
    ("application/json;charset=latin-1", ""),
    ("application/json; something=else", "media"),
    ('application/json; charset="utf-8"', "media"),
    ("APPLICATION/JSON", "media"),
    ("text/plain", ""),
    ("not_a_type", ""),
    (None, "media"),
]

CSV: list[tuple[str, Any, str]] = [
    ("rows", "a,b\n1.5,2\n2.5,3\n", ""),
    ("another order", "b,a\n2,1.5\n", ""),
    ("an index", ",a,b\n0,1.5,2\n1,2.5,3\n", ""),
    ("an extra column", "a,b,z\n1.5,2,q\n", ""),
    ("a column is missing", "a\n1.5\n", ""),
    ("an empty double", "a,b\n,2\n1.5,3\n", "nonfinite"),
    ("NaN", "a,b\nNaN,2\n", "nonfinite"),
    ("inf", "a,b\ninf,2\n", "nonfinite"),
    ("an empty long", "a,b\n1.5,\n2.5,3\n", ""),
    ("an integer for a double", "a,b\n1,2\n", ""),
    ("text for a double", "a,b\nx,2\n", ""),
    ("a fraction for a long", "a,b\n1.5,2.5\n", ""),
    ("a header only", "a,b\n", "contract"),
    ("CRLF", "a,b\r\n1.5,2\r\n", ""),
    ("quotes", 'a,b\n"1.5","2"\n', ""),
    ("a blank line", "a,b\n1.5,2\n\n2.5,3\n", ""),
    ("a byte order mark", "\ufeffa,b\n1.5,2\n", ""),
    ("semicolons", "a;b\n1.5;2\n", ""),
    ("latin-1", "a,b,é\n1.5,2,3\n".encode("latin-1"), ""),
    ("nothing", "", ""),
    ("a wide row", "a,b\n1.5,2,3\n", "strict"),
    ("a short row", "a,b\n1.5\n", ""),
    ("a name twice", "a,a,b\n1,2,3\n", "strict"),
]

CSV_TYPES: list[tuple[Any, str, str]] = [
    ({"x": "boolean", "y": "string"}, "x,y\nTrue,007\nfalse,1e5\n", ""),
    ({"x": "boolean"}, "x\n0\n1\n", "contract"),
    ({"x": "float"}, "x\n0.1\n3.14159265\n", ""),
    ({"x": "integer"}, "x\n1\n2\n", ""),
    ({"x": "integer"}, "x\n2147483648\n", ""),
    ({"x": "string"}, "x\nNA\n", "contract"),
    ({"x?": "string", "y": "long"}, "x,y\n,1\nq,2\n", "nonfinite"),
    ({"x?": "long", "y": "long"}, "y\n1\n", ""),
    ({"x?": "long", "y": "long"}, "x,y\n,1\n3,2\n", "more"),
    ({"x": "datetime"}, "x\n2021-01-02T03:04:05\n", "more"),
    ({"x": "binary"}, f"x\n{b64(b'hi')}\n", "base64"),
    ({"x": ["double"]}, 'x\n"[1.5, 2.5]"\n', ""),
]  # fmt: skip

EVERY_TYPE = {"bo": "boolean", "i": "integer", "l": "long", "f": "float", "d": "double", "s": "string", "bi": "binary", "t": "datetime"}  # fmt: skip
EVERY_ROW = {"bo": True, "i": 1, "l": 2, "f": 3.140625, "d": 0.1, "s": "x", "bi": b64(b"\x01\x02"), "t": "2021-02-03T04:05:06"}  # fmt: skip
EVERY: list[tuple[str, Any, str]] = [
    ("split", split(list(EVERY_ROW), list(EVERY_ROW.values())), ""),
    ("records", records(EVERY_ROW), ""),
    ("inputs", {"inputs": [EVERY_ROW]}, "base64"),
    ("columns", {"inputs": {name: [value] for name, value in EVERY_ROW.items()}}, "base64"),
    ("instances", {"instances": [EVERY_ROW]}, "base64"),
]

VALUES: list[tuple[str, Any, str, str]] = [
    ("string", "é", "", ""),
    ("string", 1, "contract", "contract"),
    ("string", True, "contract", "contract"),
    ("string", None, "contract", "changed"),
    ("string", ["x"], "contract", "contract"),
    ("string", {"k": "x"}, "contract", "contract"),
    ("boolean", False, "", ""),
    ("boolean", 1, "contract", "contract"),
    ("boolean", "false", "contract", "contract"),
    ("boolean", None, "changed", "changed"),
    ("integer", 7, "", ""),
    ("integer", 2.0, "", ""),
    ("integer", 2**31, "changed", ""),
    ("integer", 1.5, "changed", "changed"),
    ("integer", "1", "contract", "contract"),
    ("integer", True, "contract", "contract"),
    ("integer", None, "", ""),
    ("long", 2**53 + 1, "", ""),
    ("long", 2**63, "changed", ""),
    ("long", "7", "contract", "contract"),
    ("float", 0.1, "", ""),
    ("float", 3, "", ""),
    ("float", 2**24 + 1, "changed", "changed"),
    ("float", 1e300, "changed", "changed"),
    ("float", None, "nonfinite", "nonfinite"),
    ("double", 1, "", ""),
    ("double", 1e300, "", ""),
    ("double", 2**53 + 1, "changed", "changed"),
    ("double", "1.5", "contract", "contract"),
    ("double", "high", "", ""),
    ("double", True, "contract", "contract"),
    ("double", None, "nonfinite", "nonfinite"),
    ("double", [1.5], "", ""),
    ("datetime", "2021-01-02", "", ""),
    ("datetime", "2021-01-02 03:04:05.123456789", "", ""),
    ("datetime", "2021-01-02T03:04:05+02:00", "more", ""),
    ("datetime", "0001-01-01", "more", "datetime"),
    ("datetime", "20210102", "", "datetime"),
    ("datetime", "Jan 2 2021", "datetime", ""),
    ("datetime", 1612137600000, "datetime", "datetime"),
    ("datetime", "", "datetime", "datetime"),
    ("datetime", "x", "", ""),
    ("datetime", None, "", ""),
    ("binary", b64(b"hi"), "", "base64"),
    ("binary", b64(b"hi") + "\n", "", "base64"),
    ("binary", "no base64!", "base64", "base64"),
    ("binary", 5, "", "contract"),
    ("binary", None, "", "changed"),
    ("any", [1, "a"], "", ""),
    ("any", {"k": 1}, "", ""),
    ("any", None, "", ""),
]  # fmt: skip
"""Types, values, and the reasons for `dataframe_records` and for `inputs`."""

OPTIONAL: list[tuple[Any, Any, str]] = [
    ("string", None, ""),
    ("boolean", None, "changed"),
    ("long", None, "more"),
    ("double", None, "nonfinite"),
    ("datetime", None, ""),
    ("binary", None, "more"),
    (["double"], None, ""),
    ({"k": "long"}, None, ""),
    ({"*": "long"}, None, ""),
    ("any", None, ""),
]

NESTED: list[tuple[str, Any, Any, str, str, str]] = [
    ("list", ["double"], [1.5, 2.5], "", "", "more"),
    ("integers in a list", ["double"], [1, 2], "more", "more", "more"),
    ("empty list", ["double"], [], "", "", "more"),
    ("null in a list", ["double"], [1.5, None], "nonfinite", "nonfinite", "more"),
    ("null for a list", ["double"], None, "", "", ""),
    ("value for a list", ["double"], 1.5, "", "", ""),
    ("text in a list", ["string"], ["a", "b"], "", "", "more"),
    ("a number among text", ["string"], ["a", 1], "contract", "contract", ""),
    ("null among text", ["string"], ["a", None], "changed", "changed", "more"),
    ("ragged lists", [["long"]], [[1, 2], [3]], "", "more", "more"),
    ("bytes in a list", ["binary"], [b64(b"hi")], "base64", "base64", "more"),
    ("dates in a list", ["datetime"], ["2021-01-02"], "more", "more", "more"),
    ("object", {"k": "string", "n?": "long"}, {"k": "q", "n": 3}, "", "", "more"),
    ("object without a property", {"k": "string", "n?": "long"}, {"k": "q"}, "", "", "more"),
    ("null in an object", {"k": "string", "n?": "long"}, {"k": "q", "n": None}, "", "", "more"),
    ("object without a key", {"k": "string", "n?": "long"}, {"n": 3}, "", "", ""),
    ("object with another key", {"k": "string"}, {"k": "q", "z": 1}, "", "", ""),
    ("null for an object", {"k": "string"}, None, "", "", ""),
    ("list for an object", {"k": "string"}, ["q"], "", "", ""),
    ("bytes in an object", {"k": "binary"}, {"k": b64(b"hi")}, "base64", "base64", "more"),
    ("map", {"*": "double"}, {"u": 1.5}, "", "", ""),
    ("empty map", {"*": "double"}, {}, "", "", ""),
    ("null in a map", {"*": "double"}, {"u": None}, "", "", ""),
    ("map of any", {"*": "any"}, {"u": [1], "v": "x"}, "", "", ""),
    ("list of any", ["any"], [1, "x", None], "", "", "mangled"),
    ("messages", [{"role": "string"}], [{"role": "user"}], "", "", "more"),
]  # fmt: skip
"""Types and values, and the reasons for `dataframe_records`, `inputs` and `instances`."""

OTHER_COLUMNS: list[tuple[str, Any, Any, str]] = [
    ("absent in some rows", {"x?": "double", "y": "long"}, records({"y": 1}, {"y": 2, "x": 1.5}), "nonfinite"),
    ("absent in all rows", {"x?": "double", "y": "long"}, records({"y": 1}), ""),
    ("null among longs", {"x?": "long", "y": "long"}, {"inputs": [{"y": 1}, {"y": 2, "x": 3}]}, "more"),
    ("null among text", {"x?": "string", "y": "long"}, {"inputs": [{"x": None, "y": 1}, {"x": "q", "y": 2}]}, "changed"),
    ("datetimes in two forms", {"x": "datetime"}, records({"x": "2021-01-02"}, {"x": "2021-01-02T03:04:05"}), "more"),
    ("a list for one column", {"x": "double"}, {"inputs": [1.5, 2.5]}, ""),
    ("a list for one column of text", {"x": "string"}, {"instances": ["a", "b"]}, ""),
    ("lists for one column", {"x": "double"}, {"inputs": [[1.5], [2.5]]}, ""),
    ("a value for one column", {"x": "double"}, {"inputs": 1.5}, ""),
    ("columns of text", {"x": "string", "y": "string"}, {"inputs": {"x": ["a", "b"], "y": ["c", "d"]}}, ""),
    ("a text and a column of text", {"x": "string", "y": "string"}, {"inputs": {"x": "a", "y": ["c", "d"]}}, ""),
    ("one row of two texts", {"x": "string", "y": "string"}, {"inputs": {"x": "a", "y": "c"}}, ""),
    ("columns of lists", {"x": ["double"]}, {"inputs": {"x": [1.5, 2.5]}}, ""),
    ("one object", {"x": {"k": "string"}}, {"inputs": {"x": {"k": "q"}}}, ""),
    ("one map", {"x": {"*": "double"}}, {"inputs": {"x": {"k": 1.5}}}, "more"),
    ("any object", {"x": "any"}, {"inputs": {"x": {"k": 1.5}}}, "mangled"),
    ("an unnamed text", ["string"], {"instances": "a"}, ""),
    ("unnamed texts", ["string"], {"inputs": ["a", "b"]}, ""),
    ("unnamed texts in lists", ["string"], {"inputs": [["a"], ["b"]]}, ""),
    ("unnamed columns", ["double", "long"], split([0, 1], [1.5, 2]), ""),
    ("unnamed columns without names", ["double", "long"], split(None, [1.5, 2]), ""),
    ("unnamed columns, one more", ["double", "long"], split([0, 1, 2], [1.5, 2, 3]), ""),
    ("unnamed columns, one less", ["double", "long"], split([0], [1.5]), ""),
    ("unnamed columns of two types in a list", ["double", "long"], {"inputs": [[1.5, 2]]}, "more"),
    ("unnamed bytes", ["binary"], split([0], [b64(b"hi")]), ""),
    ("unnamed lists", [["long"]], split([0], [[1, 2]]), ""),
    ("unnamed lists in inputs", [["long"]], {"inputs": [[1, 2], [3]]}, "more"),
    ("numbers as names", {"0": "double", "1": "long"}, split([0, 1], [1.5, 2]), "more"),
    ("odd names", {"é": "double", "a.b": "long"}, records({"é": 1.5, "a.b": 2}), ""),
]  # fmt: skip

MATRIX, VECTOR, NAMED = "float64[-1, 2]", "float64[-1]", {"x": "float64[-1, 2]", "y": "int64[-1]"}
TENSORS: list[tuple[str, Any, Any, str]] = [
    ("matrix", MATRIX, {"inputs": [[1.5, 2], [3, 4]]}, ""),
    ("instances", MATRIX, {"instances": [[1, 2], [3, 4]]}, ""),
    ("rounded", "float32[-1, 2]", {"inputs": [[0.1, 2]]}, ""),
    ("whole floats", "int64[-1, 2]", {"inputs": [[1.0, 2.0]]}, ""),
    ("fractions", "int64[-1, 2]", {"inputs": [[1.5, 2]]}, "changed"),
    ("bytes of a pixel", "uint8[-1, 2]", {"inputs": [[1, 255]]}, ""),
    ("too large", "uint8[-1, 2]", {"inputs": [[1, 256]]}, ""),
    ("another shape", MATRIX, {"inputs": [[1, 2, 3]]}, ""),
    ("ragged", MATRIX, {"inputs": [[1, 2], [3]]}, ""),
    ("null", MATRIX, {"inputs": [[1.5, None]]}, "nonfinite"),
    ("null of 32 bits", "float32[-1, 2]", {"instances": [[0.5, None], [None, None]]}, "nonfinite"),
    ("null among integers", "int64[-1, 2]", {"inputs": [[1, None]]}, ""),
    ("text", MATRIX, {"inputs": [["1", "2"]]}, "contract"),
    ("booleans", "bool[-1]", {"inputs": [True, False]}, ""),
    ("booleans as integers", "bool[-1]", {"inputs": [1, 0]}, "contract"),
    ("strings", "str[-1]", {"inputs": ["a", "bc"]}, ""),
    ("a number among strings", "str[-1]", {"inputs": ["a", 1]}, "contract"),
    ("objects", "object[-1]", {"inputs": ["a", 1, [2]]}, ""),
    ("byte strings", "bytes[-1]", {"inputs": [b64(b"hi")]}, "base64"),
    ("datetimes", "datetime64[ns][-1]", {"inputs": ["2021-01-02T03:04:05"]}, ""),
    ("three axes", "float64[-1, 2, 3]", {"inputs": [[[1, 2, 3], [4, 5, 6]]]}, ""),
    ("free axes", "float64[-1, -1]", {"inputs": [[1, 2, 3]]}, ""),
    ("nothing", MATRIX, {"inputs": []}, ""),
    ("a number", VECTOR, {"inputs": 1.5}, ""),
    ("names", NAMED, {"inputs": {"x": [[1, 2], [3, 4]], "y": [1, 2]}}, ""),
    ("names with rows of their own", NAMED, {"inputs": {"x": [[1, 2], [3, 4]], "y": [1]}}, ""),
    ("instances of two lengths", NAMED, {"instances": {"x": [[1, 2], [3, 4]], "y": [1]}}, ""),
    ("rows of names", NAMED, {"instances": [{"x": [1, 2], "y": 1}, {"x": [3, 4], "y": 2}]}, ""),
    ("a name is missing", NAMED, {"inputs": {"x": [[1, 2]]}}, ""),
    ("another name", {"x": MATRIX}, {"inputs": {"x": [[1, 2]], "z": [1]}}, ""),
    ("null under a name", {"x": VECTOR, "y": VECTOR}, {"inputs": {"x": [None, 1.5], "y": [1, 2]}}, "nonfinite"),
    ("one name, a list", {"x": MATRIX}, {"inputs": [[1, 2]]}, ""),
    ("one name, instances", {"x": MATRIX}, {"instances": [[1, 2], [3, 4]]}, ""),
    ("columns", MATRIX, split(["u", "v"], [1.5, 2], [3, 4]), ""),
    ("columns without names", MATRIX, split(None, [1.5, 2]), ""),
    ("too many columns", MATRIX, split(["u", "v", "w"], [1.5, 2, 3]), ""),
    ("records", MATRIX, records({"u": 1.5, "v": 2}), ""),
    ("null in records", MATRIX, records({"u": 1.5, "v": None}), "nonfinite"),
    ("one column", VECTOR, split(["x"], [1.5], [2.5]), ""),
    ("columns of lists", NAMED, split(["x", "y"], [[1, 2], 1], [[3, 4], 2]), ""),
    ("records of lists", NAMED, records({"x": [1, 2], "y": 1}, {"x": [3, 4], "y": 2}), ""),
    ("flat lists", {"x": "float64[-1, 2, 2]"}, records({"x": [1, 2, 3, 4]}), ""),
    ("nested lists", {"x": "float64[-1, 2, 2]"}, records({"x": [[1, 2], [3, 4]]}), "more"),
    ("cells", {"x": VECTOR, "y": "float64[-1, 1]"}, records({"x": 1, "y": 2}), ""),
    ("null in a cell", {"x": VECTOR}, records({"x": 1.5}, {"x": None}), "nonfinite"),
    ("text in a cell", {"x": "str[-1]"}, records({"x": "a"}), ""),
]  # fmt: skip

PARAMS = {"k": "long = 1", "t": "double = 0.5", "s": "string = x", "l": '[string] = ["a"]', "b": "boolean = true", "d": "datetime = 2023-07-01", "n": "float = 1.5", "o": {"type": {"u": "long"}, "default": {"u": 1}}}  # fmt: skip
PARAM_VALUES: list[tuple[Any, str]] = [
    ({}, ""), ({"k": 2}, ""), ({"k": 2.0}, "more"), ({"k": 2.5}, ""), ({"k": "2"}, ""), ({"k": True}, ""),
    ({"k": None}, ""), ({"t": 1}, ""), ({"t": "x"}, ""), ({"t": 2**53 + 1}, "changed"), ({"s": "y"}, ""),
    ({"s": 1}, ""), ({"s": ["y"]}, ""), ({"l": ["b", "c"]}, ""), ({"l": []}, ""), ({"l": "b"}, ""),
    ({"l": [1]}, ""), ({"l": None}, ""), ({"b": 1}, ""), ({"d": "2024-01-02T03:04:05"}, ""),
    ({"d": "invalid"}, ""), ({"d": 5}, ""), ({"n": 0.1}, ""), ({"n": 1e300}, "changed"), ({"o": {"u": 2}}, ""),
    ({"o": {"w": 2}}, ""), ({"unknown": 1}, "params"), ([1], ""), ("x", ""), (5, ""),
]  # fmt: skip

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"inputs": {"messages": [{"role": "string", "content": "string"}], "n?": "long"}, "params": {"temperature": "double = 1.0"}}  # fmt: skip
LANGUAGE_MODELS: list[tuple[Any, Any, str]] = [
    (CHAT, {"messages": MESSAGES}, ""),
    (CHAT, {"messages": MESSAGES, "temperature": 0.5, "n": 3}, ""),
    (CHAT, {"messages": MESSAGES, "temperature": 1}, ""),
    (CHAT, {"messages": MESSAGES, "temperature": "hot"}, ""),
    (CHAT, {"messages": MESSAGES, "top_p": 0.5}, ""),
    (CHAT, {"messages": MESSAGES, "params": {"temperature": 0.5}}, ""),
    (CHAT, {"messages": MESSAGES, "inputs": [{"messages": MESSAGES}]}, ""),
    (CHAT, {"messages": []}, ""),
    (CHAT, {"messages": [{"role": "user"}]}, ""),
    (CHAT, {"messages": "hi"}, ""),
    (CHAT, {"messages": None}, ""),
    (CHAT, {"inputs": [{"messages": MESSAGES}], "params": {"temperature": 0.5}}, ""),
    (CHAT, {"inputs": {"messages": MESSAGES}}, ""),
    (CHAT, split(["messages"], [MESSAGES]), ""),
    ({"inputs": {"prompt": "string"}, "params": {"k": "long = 1"}}, {"prompt": "hi", "k": 2}, ""),
    ({"inputs": {"prompt": "string"}}, {"prompt": ["hi", "ho"]}, "mangled"),
    ({"inputs": {"prompt": ["string"]}}, {"prompt": ["hi", "ho"]}, ""),
    ({"inputs": {"prompt": "string"}}, {"prompt": 5}, ""),
    ({"inputs": {"prompt": "string"}}, {"prompt": None}, "contract"),
    ({"inputs": {"prompt": "str[-1]"}}, {"prompt": ["hi"]}, "more"),
    ({"inputs": ["string"]}, {"prompt": "hi"}, ""),
    (TABLE, {"prompt": "hi"}, ""),
    (TABLE, {"input": 1, "a": 1.5, "b": 2}, ""),
    ({"inputs": {"input": "string"}}, {"input": "hi"}, ""),
    ({"inputs": {"input": "any"}}, {"input": MESSAGES}, ""),
    ({"inputs": {"input": ["long"]}}, {"input": [1, 2]}, ""),
    ({"inputs": {"input": "double"}}, {"input": [1.5, 2.5]}, ""),
    ({"inputs": {"input": "string", "custom": {"k": "string"}}}, {"input": "hi", "custom": {"k": "q"}}, ""),
    ({"inputs": {"input": "binary"}}, {"input": b64(b"hi")}, "base64"),
    ({"inputs": {"input": "datetime"}}, {"input": "2021-01-02"}, "more"),
]  # fmt: skip


def scoring_cases() -> Iterator[Case]:
    """Yield all cases."""
    for name, body, why in ENVELOPES:
        yield Case(f"envelope: {name}", TABLE, body, why)
    for media_type, why in MEDIA_TYPES:
        yield Case(f"media type: {media_type}", TABLE, records(ROW), why, media_type)
    yield from csv_cases()
    yield from value_cases()
    for kind, cases in {"columns": OTHER_COLUMNS, "tensors": TENSORS}.items():
        for name, inputs, body, why in cases:
            yield Case(f"{kind}: {name}", {"inputs": inputs}, body, why)
    for params, why in PARAM_VALUES:
        body = {"inputs": [{"a": 1.5}], "params": params}
        yield Case(f"params: {params}", {"inputs": {"a": "double"}, "params": PARAMS}, body, why)
    for index, (signature, body, why) in enumerate(LANGUAGE_MODELS):
        yield Case(f"language model {index}", signature, body, why)


def csv_cases() -> Iterator[Case]:
    """Yield the cases of CSV."""
    for name, body, why in CSV:
        yield Case(f"CSV: {name}", TABLE, body, why, "text/csv")
    for index, (inputs, body, why) in enumerate(CSV_TYPES):
        yield Case(f"CSV of types {index}", {"inputs": inputs}, body, why, "text/csv")


def value_cases() -> Iterator[Case]:
    """Yield the cases of single values, each in several envelopes."""
    for name, body, why in EVERY:
        yield Case(f"every type: {name}", {"inputs": EVERY_TYPE}, body, why)
    for kind, value, *reasons in VALUES:
        bodies = (records({"x": value}), {"inputs": [{"x": value}]})
        for body, why in zip(bodies, reasons, strict=True):
            yield Case(f"{kind}: {value!r:.30} in {min(body)}", {"inputs": {"x": kind}}, body, why)
    for kind, value, why in OPTIONAL:
        body = records({"x": value, "y": 1})
        yield Case(f"optional {kind}", {"inputs": {"x?": kind, "y": "long"}}, body, why)
    for name, kind, value, *reasons in NESTED:
        envelopes = ("dataframe_records", "inputs", "instances")
        for envelope, why in zip(envelopes, reasons, strict=True):
            body = {envelope: [{"x": value}]}
            yield Case(f"{name} in {envelope}", {"inputs": {"x": kind}}, body, why)

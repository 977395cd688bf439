"""What OpenAI's chat-completions API demands of a request: the strict part of `fake_chat_server`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Request:
    """A request as it came: header names in lower case, the body parsed (None where it is no JSON), the monotonic time."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    received: float


def words(content: object) -> str:
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return str(content or "")


class Refusal(Exception):
    """A request that breaks a rule of the API."""

    def __init__(
        self, message: str, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.body = {
            "error": {
                "message": message,
                "type": "invalid_request_error",
                "param": param,
                "code": code,
            }
        }


Check = Callable[[str, Any], None]


def check(request: Request, key: str | None = None, repeats_key: bool = False) -> None:
    """Refuse what the real API refuses: path, method, key, content type, and then the body."""
    path = request.path.partition("?")[0]
    if path != "/v1/chat/completions":
        raise Refusal(f"Invalid URL ({request.method} {path})", status=404)
    if request.method != "POST":
        raise Refusal(
            f"Not allowed to {request.method} on {path}.", code="method_not_supported", status=405
        )
    if key is not None:
        _check_key(request.headers.get("authorization", ""), key, repeats_key)
    if "content-length" not in request.headers:
        raise Refusal("The request has no Content-Length.", status=411)
    if (
        request.headers.get("content-type", "").partition(";")[0].strip().lower()
        != "application/json"
    ):
        raise Refusal(
            "Unsupported content type: this API accepts 'application/json'.",
            code="unsupported_content_type",
        )
    if not isinstance(request.body, dict):
        raise Refusal(
            "We could not parse the JSON body of your request: a JSON object is expected."
        )
    _check_body(request.body)


def _check_key(header: str, key: str, repeats_key: bool) -> None:
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise Refusal("You didn't provide an API key.", status=401)
    if given != key:
        shown = (
            given
            if repeats_key
            else given[:4] + "*" * max(len(given) - 8, 4) + given[-4:]
            if len(given) > 12
            else "****"
        )
        raise Refusal(f"Incorrect API key provided: {shown}.", code="invalid_api_key", status=401)


def _check_body(body: Mapping[str, Any]) -> None:
    _keys("", body, FIELDS.keys())
    if not body.get("model"):
        raise Refusal("you must provide a model parameter")
    if "messages" not in body:
        raise Refusal(
            "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
        )
    for name, value in body.items():
        if value is not None:
            FIELDS[name](name, value)
        elif name in NOT_NULL:
            raise _wrong_type(name, "a value", value)
    _check_together(body)


def _check_together(body: Mapping[str, Any]) -> None:
    """Fields that need, or forbid, each other."""
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise Refusal(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            "max_tokens",
        )
    for name, needed in (
        ("stream_options", "stream"),
        ("tool_choice", "tools"),
        ("top_logprobs", "logprobs"),
    ):
        if body.get(name) is not None and not body.get(needed):
            raise Refusal(f"The '{name}' parameter is only allowed when '{needed}' is set.", name)
    if (body.get("response_format") or {}).get("type") == "json_object":
        said = " ".join(words(message.get("content")) for message in body["messages"])
        if "json" not in said.lower():
            text = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            raise Refusal(text, "messages")


def _wrong_type(name: str, wanted: str, value: object) -> Refusal:
    text = f"Invalid type for '{name}': expected {wanted}, but got {type(value).__name__} instead."
    return Refusal(text, name, "invalid_type")


def _keys(
    name: str, value: Mapping[str, Any], known: Set[str], needed: Set[str] = frozenset()
) -> None:
    for key in value:
        if key not in known:
            raise Refusal(f"Unknown parameter: '{name}{key}'.", f"{name}{key}", "unknown_parameter")
    for key in sorted(needed):
        if key not in value:
            raise Refusal(
                f"Missing required parameter: '{name}{key}'.",
                f"{name}{key}",
                "missing_required_parameter",
            )


def _kind(*types: type, wanted: str) -> Check:
    def run(name: str, value: object) -> None:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _wrong_type(name, wanted, value)

    return run


def _number(
    low: float, high: float, kind: Literal["a decimal", "an integer"] = "a decimal"
) -> Check:
    right = _kind(*((int,) if kind == "an integer" else (int, float)), wanted=kind)

    def run(name: str, value: Any) -> None:
        right(name, value)
        if not low <= value <= high:
            side, sign, bound = (
                ("below minimum", ">=", low) if value < low else ("above maximum", "<=", high)
            )
            code = f"{kind.split()[1]}_{'below_min' if value < low else 'above_max'}_value"
            text = f"Invalid '{name}': {kind.split()[1]} {side} value. Expected a value {sign} {bound}, but got {value} instead."
            raise Refusal(text, name, code)

    return run


def _whole(low: int = -(2**63), high: int = 2**63 - 1) -> Check:
    return _number(low, high, "an integer")


def _one_of(*values: str) -> Check:
    def run(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in values:
            listed = ", ".join(repr(each) for each in values)
            raise Refusal(
                f"Invalid value: {value!r}. Supported values are: {listed}.", name, "invalid_value"
            )

    return run


_anything = _kind(object, bool, wanted="a value")
_boolean = _kind(bool, wanted="a boolean")
_text = _kind(str, wanted="a string")
_object = _kind(dict, wanted="an object")
_list = _kind(list, wanted="an array")


def _stop(name: str, value: Any) -> None:
    _kind(str, list, wanted="a string or an array of strings")(name, value)
    if isinstance(value, list):
        if not 1 <= len(value) <= 4:
            raise Refusal(
                f"Invalid '{name}': an array of 1 to 4 strings is expected, but got {len(value)}.",
                name,
                "array_length",
            )
        for index, each in enumerate(value):
            _text(f"{name}[{index}]", each)


def _stream_options(name: str, value: Any) -> None:
    _object(name, value)
    _keys(f"{name}.", value, {"include_usage", "include_obfuscation"})


def _response_format(name: str, value: Any) -> None:
    _object(name, value)
    _one_of("text", "json_object", "json_schema")(f"{name}.type", value.get("type"))
    if value["type"] != "json_schema":
        _keys(f"{name}.", value, {"type"})
        return
    _keys(f"{name}.", value, {"type", "json_schema"}, {"json_schema"})
    form, name = value["json_schema"], f"{name}.json_schema"
    _object(name, form)
    _keys(f"{name}.", form, {"name", "schema", "description", "strict"}, {"name", "schema"})
    _text(f"{name}.name", form["name"])
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", form["name"]):
        text = f"Invalid '{name}.name': string does not match pattern. Expected a string that matches '^[a-zA-Z0-9_-]+$'."
        raise Refusal(text, f"{name}.name", "invalid_value")
    _object(f"{name}.schema", form["schema"])
    if form["schema"].get("type") != "object":
        text = f"Invalid schema for response_format '{form['name']}': schema must be a JSON Schema of 'type: \"object\"'."
        raise Refusal(text, "response_format", "invalid_json_schema")
    if form.get("strict"):
        _strict_schema(form["name"], form["schema"], ())


def _strict_schema(name: str, schema: object, place: tuple[str, ...]) -> None:
    """With `strict`, every object names all of its properties as required and forbids others."""
    if isinstance(schema, list):
        for index, each in enumerate(schema):
            _strict_schema(name, each, (*place, str(index)))
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        start = f"Invalid schema for response_format '{name}': In context={place}, "
        if schema.get("additionalProperties") is not False:
            text = start + "'additionalProperties' is required to be supplied and to be false."
            raise Refusal(text, "response_format", "invalid_json_schema")
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            text = (
                start
                + "'required' is required to be supplied and to be an array including every key in properties."
            )
            raise Refusal(text, "response_format", "invalid_json_schema")
    for key, each in schema.items():
        _strict_schema(name, each, (*place, key))


def _tools(name: str, value: Any) -> None:
    _list(name, value)
    if not value:
        raise Refusal(
            f"Invalid '{name}': empty array. Expected an array with minimum length 1.",
            name,
            "empty_array",
        )
    for index, tool in enumerate(value):
        here = f"{name}[{index}]"
        _object(here, tool)
        _one_of("function", "custom")(f"{here}.type", tool.get("type"))
        _keys(f"{here}.", tool, {"type", tool["type"]}, {tool["type"]})
        _keys(
            f"{here}.{tool['type']}.",
            tool[tool["type"]],
            {"name", "description", "parameters", "strict", "format"},
            {"name"},
        )


def _messages(name: str, value: Any) -> None:
    _list(name, value)
    if not value:
        raise Refusal(
            f"Invalid '{name}': empty array. Expected an array with minimum length 1.",
            name,
            "empty_array",
        )
    calls: set[str] = set()
    for index, message in enumerate(value):
        _message(f"{name}[{index}]", message)
        calls |= {call["id"] for call in message.get("tool_calls", ())}
        if message["role"] == "tool" and message["tool_call_id"] not in calls:
            text = f"Invalid parameter: {name} with role 'tool' must be a response to a preceding message with 'tool_calls'."
            raise Refusal(text, f"{name}[{index}].role")


ROLES = {  # the keys of a message and the types of its content's parts
    "system": ({"name"}, {"text"}),
    "developer": ({"name"}, {"text"}),
    "user": ({"name"}, {"text", "image_url", "input_audio", "file"}),
    "assistant": ({"name", "audio", "function_call", "refusal", "tool_calls"}, {"text", "refusal"}),
    "tool": ({"tool_call_id"}, {"text"}),
    "function": ({"name"}, set[str]()),
}


def _message(name: str, message: Any) -> None:
    _object(name, message)
    _keys(f"{name}.", message, set(message), {"role"})
    _one_of(*ROLES)(f"{name}.role", message["role"])
    role = message["role"]
    keys, parts = ROLES[role]
    needed = {"tool": {"tool_call_id"}, "function": {"name"}}.get(role, set())
    _keys(f"{name}.", message, keys | {"role", "content"}, needed)
    for key in ("name", "tool_call_id"):
        if key in message:
            _text(f"{name}.{key}", message[key])
    if re.search(r"[\s<|\\/>]", message.get("name", "")):
        raise Refusal(
            f"Invalid '{name}.name': string does not match pattern.",
            f"{name}.name",
            "invalid_value",
        )
    if "tool_calls" in message:
        _tool_calls(f"{name}.tool_calls", message["tool_calls"])
    if (
        role == "assistant"
        and message.get("content") is None
        and ({"tool_calls", "function_call", "refusal", "audio"} & set(message))
    ):
        return
    _content(f"{name}.content", message.get("content"), parts)


def _tool_calls(name: str, value: Any) -> None:
    _list(name, value)
    for index, call in enumerate(value):
        here = f"{name}[{index}]"
        _object(here, call)
        _one_of("function", "custom")(f"{here}.type", call.get("type"))
        _keys(f"{here}.", call, {"id", "type", call["type"]}, {"id", call["type"]})
        _text(f"{here}.id", call["id"])
        fields = {"name", "arguments"} if call["type"] == "function" else {"name", "input"}
        _keys(f"{here}.{call['type']}.", call[call["type"]], fields, fields)
        for key in fields:
            _text(f"{here}.{call['type']}.{key}", call[call["type"]][key])


def _content(name: str, value: Any, parts: set[str]) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, list) or not parts:
        raise _wrong_type(
            name, "one of a string or array of objects" if parts else "a string", value
        )
    if not value:
        raise Refusal(
            f"Invalid '{name}': empty array. Expected an array with minimum length 1.",
            name,
            "empty_array",
        )
    for index, part in enumerate(value):
        here = f"{name}[{index}]"
        _object(here, part)
        _one_of(*sorted(parts))(f"{here}.type", part.get("type"))
        kind = part["type"]
        _keys(f"{here}.", part, {"type", kind, "prompt_cache_breakpoint"}, {kind})
        if kind in {"text", "refusal"}:
            _text(f"{here}.{kind}", part[kind])
        else:
            _object(f"{here}.{kind}", part[kind])
            needed = {"image_url": {"url"}, "input_audio": {"data", "format"}}.get(kind, set())
            _keys(
                f"{here}.{kind}.",
                part[kind],
                needed | {"detail", "file_data", "file_id", "filename"},
                needed,
            )


FIELDS: dict[str, Check] = {
    "audio": _anything,
    "function_call": _anything,
    "functions": _anything,
    "logit_bias": _anything,
    "metadata": _anything,
    "modalities": _anything,
    "moderation": _anything,
    "prediction": _anything,
    "prompt_cache_key": _anything,
    "prompt_cache_options": _anything,
    "prompt_cache_retention": _anything,
    "safety_identifier": _anything,
    "service_tier": _anything,
    "tool_choice": _anything,
    "verbosity": _anything,
    "web_search_options": _anything,
    "frequency_penalty": _number(-2, 2),
    "logprobs": _boolean,
    "max_completion_tokens": _whole(1),
    "max_tokens": _whole(1),
    "messages": _messages,
    "model": _text,
    "n": _whole(1, 128),
    "parallel_tool_calls": _boolean,
    "presence_penalty": _number(-2, 2),
    "reasoning_effort": _one_of("none", "minimal", "low", "medium", "high", "xhigh"),
    "response_format": _response_format,
    "seed": _whole(),
    "stop": _stop,
    "store": _boolean,
    "stream": _boolean,
    "stream_options": _stream_options,
    "temperature": _number(0, 2),
    "tools": _tools,
    "top_logprobs": _whole(0, 20),
    "top_p": _number(0, 1),
    "user": _text,
}
NOT_NULL = {
    "model",
    "messages",
    "function_call",
    "functions",
    "parallel_tool_calls",
    "response_format",
    "tool_choice",
    "tools",
    "user",
}

"""The rules of OpenAI's chat API for requests, which the fake chat server enforces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.json_checks import (
    Check,
    Refusal,
    check_keys,
    integer_between,
    is_anything,
    is_array,
    is_boolean,
    is_object,
    is_string,
    number_between,
    of_type,
    one_of,
    wrong_type,
)


@dataclass(frozen=True)
class Request:
    """A received request.

    Attributes:
        method: The HTTP method.
        path: The path with the query.
        headers: Headers by lower-case name.
        body: The parsed JSON; None if it is not JSON.
        received: Time of receipt on the monotonic clock.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    received: float


def words(content: object) -> str:
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return str(content or "")


def check(request: Request, key: str | None = None, repeats_key: bool = False) -> None:
    """Raise Refusal for what the real API rejects: path, method, key, content type or body."""
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
    check_keys("", body, FIELDS.keys())
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
            raise wrong_type(name, "a value", value)
    _check_together(body)


def _check_together(body: Mapping[str, Any]) -> None:
    """Check fields that require or exclude each other."""
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
            text = (
                "'messages' must contain the word 'json' in some form, to use 'response_format' "
                "of type 'json_object'."
            )
            raise Refusal(text, "messages")


def _stop(name: str, value: Any) -> None:
    of_type(str, list, wanted="a string or an array of strings")(name, value)
    if isinstance(value, list):
        if not 1 <= len(value) <= 4:
            raise Refusal(
                f"Invalid '{name}': an array of 1 to 4 strings is expected, but got {len(value)}.",
                name,
                "array_length",
            )
        for index, each in enumerate(value):
            is_string(f"{name}[{index}]", each)


def _stream_options(name: str, value: Any) -> None:
    is_object(name, value)
    check_keys(f"{name}.", value, {"include_usage", "include_obfuscation"})


def _response_format(name: str, value: Any) -> None:
    is_object(name, value)
    one_of("text", "json_object", "json_schema")(f"{name}.type", value.get("type"))
    if value["type"] != "json_schema":
        check_keys(f"{name}.", value, {"type"})
        return
    check_keys(f"{name}.", value, {"type", "json_schema"}, {"json_schema"})
    form, name = value["json_schema"], f"{name}.json_schema"
    is_object(name, form)
    check_keys(f"{name}.", form, {"name", "schema", "description", "strict"}, {"name", "schema"})
    is_string(f"{name}.name", form["name"])
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", form["name"]):
        text = (
            f"Invalid '{name}.name': string does not match pattern. Expected a string that matches "
            "'^[a-zA-Z0-9_-]+$'."
        )
        raise Refusal(text, f"{name}.name", "invalid_value")
    is_object(f"{name}.schema", form["schema"])
    if form["schema"].get("type") != "object":
        text = (
            f"Invalid schema for response_format '{form['name']}': schema must be a JSON Schema of "
            "'type: \"object\"'."
        )
        raise Refusal(text, "response_format", "invalid_json_schema")
    if form.get("strict"):
        _strict_schema(form["name"], form["schema"], ())


def _strict_schema(name: str, schema: object, place: tuple[str, ...]) -> None:
    """Check that every object requires all of its properties and allows no others."""
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
                f"{start}'required' is required to be supplied and to be an array including every "
                "key in properties."
            )
            raise Refusal(text, "response_format", "invalid_json_schema")
    for key, each in schema.items():
        _strict_schema(name, each, (*place, key))


def _tools(name: str, value: Any) -> None:
    is_array(name, value)
    if not value:
        raise Refusal(
            f"Invalid '{name}': empty array. Expected an array with minimum length 1.",
            name,
            "empty_array",
        )
    for index, tool in enumerate(value):
        here = f"{name}[{index}]"
        is_object(here, tool)
        one_of("function", "custom")(f"{here}.type", tool.get("type"))
        check_keys(f"{here}.", tool, {"type", tool["type"]}, {tool["type"]})
        check_keys(
            f"{here}.{tool['type']}.",
            tool[tool["type"]],
            {"name", "description", "parameters", "strict", "format"},
            {"name"},
        )


def _messages(name: str, value: Any) -> None:
    is_array(name, value)
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
            text = (
                f"Invalid parameter: {name} with role 'tool' must be a response to a preceding "
                "message with 'tool_calls'."
            )
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
    is_object(name, message)
    check_keys(f"{name}.", message, set(message), {"role"})
    one_of(*ROLES)(f"{name}.role", message["role"])
    role = message["role"]
    keys, parts = ROLES[role]
    needed = {"tool": {"tool_call_id"}, "function": {"name"}}.get(role, set())
    check_keys(f"{name}.", message, keys | {"role", "content"}, needed)
    for key in ("name", "tool_call_id"):
        if key in message:
            is_string(f"{name}.{key}", message[key])
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
    is_array(name, value)
    for index, call in enumerate(value):
        here = f"{name}[{index}]"
        is_object(here, call)
        one_of("function", "custom")(f"{here}.type", call.get("type"))
        check_keys(f"{here}.", call, {"id", "type", call["type"]}, {"id", call["type"]})
        is_string(f"{here}.id", call["id"])
        fields = {"name", "arguments"} if call["type"] == "function" else {"name", "input"}
        check_keys(f"{here}.{call['type']}.", call[call["type"]], fields, fields)
        for key in fields:
            is_string(f"{here}.{call['type']}.{key}", call[call["type"]][key])


def _content(name: str, value: Any, parts: set[str]) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, list) or not parts:
        raise wrong_type(
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
        is_object(here, part)
        one_of(*sorted(parts))(f"{here}.type", part.get("type"))
        kind = part["type"]
        check_keys(f"{here}.", part, {"type", kind, "prompt_cache_breakpoint"}, {kind})
        if kind in {"text", "refusal"}:
            is_string(f"{here}.{kind}", part[kind])
        else:
            is_object(f"{here}.{kind}", part[kind])
            needed = {"image_url": {"url"}, "input_audio": {"data", "format"}}.get(kind, set())
            check_keys(
                f"{here}.{kind}.",
                part[kind],
                needed | {"detail", "file_data", "file_id", "filename"},
                needed,
            )


FIELDS: dict[str, Check] = {
    "audio": is_anything,
    "function_call": is_anything,
    "functions": is_anything,
    "logit_bias": is_anything,
    "metadata": is_anything,
    "modalities": is_anything,
    "moderation": is_anything,
    "prediction": is_anything,
    "prompt_cache_key": is_anything,
    "prompt_cache_options": is_anything,
    "prompt_cache_retention": is_anything,
    "safety_identifier": is_anything,
    "service_tier": is_anything,
    "tool_choice": is_anything,
    "verbosity": is_anything,
    "web_search_options": is_anything,
    "frequency_penalty": number_between(-2, 2),
    "logprobs": is_boolean,
    "max_completion_tokens": integer_between(1),
    "max_tokens": integer_between(1),
    "messages": _messages,
    "model": is_string,
    "n": integer_between(1, 128),
    "parallel_tool_calls": is_boolean,
    "presence_penalty": number_between(-2, 2),
    "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh"),
    "response_format": _response_format,
    "seed": integer_between(),
    "stop": _stop,
    "store": is_boolean,
    "stream": is_boolean,
    "stream_options": _stream_options,
    "temperature": number_between(0, 2),
    "tools": _tools,
    "top_logprobs": integer_between(0, 20),
    "top_p": number_between(0, 1),
    "user": is_string,
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

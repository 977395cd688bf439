"""Hooks of the LiteLLM proxy, which imports this file: record each body, and reject a wrong key with 401."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fastapi import Request
from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth


async def authorize(request: Request, api_key: str) -> UserAPIKeyAuth:
    """Record the body, and accept the master key."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    with Path(os.environ["RECORDED_BODIES"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(body) + "\n")
    if api_key != os.environ["LITELLM_MASTER_KEY"]:
        message = "Incorrect API key provided."
        raise ProxyException(message=message, type="invalid_request_error", param=None, code=401)
    return UserAPIKeyAuth(api_key=api_key, user_role=LitellmUserRoles.PROXY_ADMIN)

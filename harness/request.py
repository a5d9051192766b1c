"""One request to a server's API besides a rollout's: no retries, and what goes wrong is one line."""

from __future__ import annotations

from typing import Any, Final

import httpx

from harness.chat import ChatError, classify
from harness.config import ConfigError
from harness.transport import bound

SECONDS: Final = 120.0


async def send(
    method: str, url: str, body: dict[str, Any] | None = None, *, headers: dict[str, str] | None = None, seconds: float = SECONDS
) -> httpx.Response:
    """Whatever the server answers. ConfigError when it cannot be reached, or does not end."""
    plain = {**(headers or {}), "Accept-Encoding": "identity"}
    try:
        async with httpx.AsyncClient(headers=plain, timeout=seconds, event_hooks={"response": [bound]}) as client:
            return await client.request(method, url, json=body)
    except (httpx.HTTPError, ChatError) as error:
        raise ConfigError(f"{url}: {str(error) or type(error).__name__}") from error


def accepted(response: httpx.Response) -> httpx.Response:
    """The response. ConfigError when it is an error, in the server's words."""
    if response.status_code >= 400:
        meaning = classify(response.status_code, response.text)
        raise ConfigError(f"{response.request.url}: {meaning if isinstance(meaning, ChatError) else meaning.message}")
    return response

"""One request to a server's API besides a rollout's: no retries, a time for all of it, and what goes wrong is one line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx

from harness.chat import ChatAnswer, ChatError, classify
from harness.config import ConfigError
from harness.transport import bound
from harness.wire import parse_answer
from tasks.integrity import printable

SECONDS: Final = 120.0


async def send(
    method: str, url: str, body: dict[str, Any] | None = None, *, headers: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> httpx.Response:
    """Whatever the server answers, to `GET` after its redirects. ConfigError when it cannot be reached, or has not answered to the end in time."""
    plain = {**(headers or {}), "Accept-Encoding": "identity"}
    try:
        # The client's own limit is on each portion of the answer: one that comes a byte at a time would never end.
        async with asyncio.timeout(seconds), httpx.AsyncClient(headers=plain, timeout=seconds, event_hooks={"response": [bound]}) as client:
            return await client.request(method, url, json=body, follow_redirects=method == "GET")
    except httpx.ConnectError as error:
        raise ConfigError(f"{url} cannot be reached ({printable(str(error))}); is the server running?") from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise ConfigError(f"{url} did not answer within {seconds:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, ChatError) as error:
        raise ConfigError(f"{url}: {printable(str(error)) or type(error).__name__}") from error


def accepted(response: httpx.Response) -> httpx.Response:
    """The response. ConfigError when it is an error, in the server's words."""
    if response.status_code >= 300:
        meaning = classify(response.status_code, text_of(response))
        raise ConfigError(f"{response.request.url}: {meaning if isinstance(meaning, ChatError) else meaning.message}")
    return response


def answer_of(response: httpx.Response) -> ChatAnswer:
    """The chat completion that was asked for. ConfigError when it is none."""
    try:
        return parse_answer(text_of(accepted(response)), 0.0, 1)
    except ChatError as error:
        raise ConfigError(f"{response.request.url}: {error}") from error


def text_of(response: httpx.Response) -> str:
    """As UTF-8, whatever the server calls it: JSON is nothing else, and some names of encodings are no encodings of text."""
    return response.content.decode("utf-8", "replace")

"""Small requests to an endpoint that is examined, and what came of each: an answer, or why there is none. Nothing that a server does raises but its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx

from harness.chat import ChatAnswer, ChatError, classify
from harness.wire import parse_answer

LONGEST_REQUEST_SECONDS: Final = 120.0
"""A server may load its model with the first."""


class ServerGoneError(Exception):
    """The server answered before, and does not now."""


@dataclass(slots=True)
class Seen:
    """One request's outcome."""

    status: int
    """0: nothing came, or not all of it."""
    body: str
    answer: ChatAnswer | None = None
    error: str = ""
    seconds: float = 0.0

    @property
    def words(self) -> str:
        return self.error[:160]

    @property
    def is_of_the_request(self) -> bool:
        """Whether the server says that the request is what is wrong. A 500 may say it as well; whether it does is seen by asking again."""
        return 400 <= self.status < 500 and self.status not in (408, 429)

    @property
    def text(self) -> str | None:
        """Thinking and answer."""
        return None if self.answer is None else f"{self.answer.message.reasoning or ''}\0{self.answer.message.content}"

    @property
    def input_tokens(self) -> int | None:
        return self.answer.usage.input_tokens if self.answer is not None else None


@dataclass(slots=True)
class Questions:
    """To one model of one endpoint."""

    client: httpx.AsyncClient
    base_url: str
    model: str
    seconds: float = LONGEST_REQUEST_SECONDS
    """For one request."""
    length_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"

    async def ask(
        self,
        said: str | Sequence[dict[str, Any]],
        *,
        max_tokens: int,
        tools: Sequence[dict[str, Any]] = (),
        more: dict[str, Any] | None = None,
    ) -> Seen:
        """As `once`; a failure that the request may not be to blame for is told apart: the server is asked for something plain, and then for this
        again. So what comes back without an answer is not taken. ServerGoneError when the plain question has no answer either."""
        seen = await self.once(said, max_tokens=max_tokens, tools=tools, more=more)
        if seen.answer is not None or seen.is_of_the_request:
            return seen
        await self.must_answer()
        return await self.once(said, max_tokens=max_tokens, tools=tools, more=more)

    async def must_answer(self) -> None:
        plain = await self.once("Say hello.", max_tokens=4)
        if (
            plain.status == 0
        ):  # some close their connection after an error: what is sent over it next is lost, and the server there all the same
            plain = await self.once("Say hello.", max_tokens=4)
        if plain.answer is None:
            raise ServerGoneError(plain.words)

    async def once(
        self,
        said: str | Sequence[dict[str, Any]],
        *,
        max_tokens: int,
        tools: Sequence[dict[str, Any]] = (),
        more: dict[str, Any] | None = None,
    ) -> Seen:
        seen = await self.post(self.body(said, max_tokens=max_tokens) | ({"tools": list(tools)} if tools else {}) | (more or {}))
        if seen.status == 200:
            try:
                seen.answer = parse_answer(seen.body, seen.seconds, 1)
            except ChatError as error:
                seen.error = str(error)
        return seen

    def body(self, said: str | Sequence[dict[str, Any]], *, max_tokens: int) -> dict[str, Any]:
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else list(said)
        return {"model": self.model, "messages": messages, self.length_field: max_tokens}

    async def post(self, body: dict[str, Any]) -> Seen:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(self.seconds):
                response = await self.client.post(f"{self.base_url}/chat/completions", json=body)
        except (httpx.HTTPError, ChatError, TimeoutError) as error:
            return Seen(0, "", error=f"no answer: {str(error) or type(error).__name__}", seconds=clock() - started)
        # As UTF-8, whatever the server calls it: JSON is nothing else, and some names of encodings are no encodings of text.
        seen = Seen(response.status_code, response.content.decode("utf-8", "replace"), seconds=clock() - started)
        if response.status_code != 200:
            meaning = classify(response.status_code, seen.body)
            seen.error = str(meaning) if isinstance(meaning, ChatError) else f"{response.status_code}: {meaning.message}"
        return seen


def read_object(text: str) -> dict[str, Any]:
    """The JSON object that the text is; empty where it is none."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}

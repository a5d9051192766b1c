"""A model that writes problem statements: an endpoint, and the text of its answer to one prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.chat import ChatAnswer
from harness.config import ConfigError, ModelSettings, Sampling, server_url
from harness.discovery import discover
from harness.endpoint import OpenAIChatModel
from tasks.synthesis.statements import WriteStatement
from trajectories.trajectory import Message

_MOST_TOKENS = 2048


@asynccontextmanager
async def statement_model(base_url: str | None, name: str | None = None) -> AsyncIterator[tuple[WriteStatement | None, str | None]]:
    """The function that asks the model at `base_url`, and its name; two Nones without an endpoint. ConfigError when it does not answer."""
    if base_url is None:
        yield None, None
        return
    settings = await discover(ModelSettings(name=name or "", base_url=server_url(base_url), sampling=Sampling(max_tokens=_MOST_TOKENS)))
    model = OpenAIChatModel(settings)

    async def write(prompt: str) -> str:
        answer = await model.complete([Message(role="user", content=prompt)], [])
        if not isinstance(answer, ChatAnswer):
            raise ConfigError(f"{base_url}: the model's context is too short for a statement's prompt")
        return answer.message.content

    try:
        yield write, settings.name
    finally:
        await model.close()

"""Several servers of one model as one: each conversation stays where its beginning is cached, unless that server has much more to do than another."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final

from harness.chat import ChatAnswer, ChatError, ContextOverflow, waiting
from harness.config import ModelSettings
from harness.endpoint import OpenAIChatModel
from trajectories.trajectory import Message

_SLACK: Final = 4
"""Requests that a server may have more than the idlest: a prefix that is read anew costs less than a longer queue."""
_PREFIX_MESSAGES: Final = 2
"""The system's and the problem: what all attempts at a task have in common."""
_REMEMBERED: Final = 100_000


class BalancedChatModel:
    """All of the models are settings of the same one, and differ in where it is served."""

    def __init__(self, models: Sequence[OpenAIChatModel]) -> None:
        self.models = tuple(models)
        self.name = models[0].name
        self._places: dict[bytes, int] = {}

    @property
    def settings(self) -> ModelSettings:
        """Those of the first one."""
        return self.models[0].settings

    @property
    def reasoning_sent(self) -> bool:
        return self.models[0].reasoning_sent

    def sampling(self, seed: int | None) -> dict[str, Any]:
        return self.models[0].sampling(seed)

    async def complete(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], *, seed: int | None = None
    ) -> ChatAnswer | ContextOverflow:
        """As a model's own. What a server that is down does not answer is asked of another; when all are away, the first that is back is asked."""
        moves = 0
        while True:
            if all(model.traffic.away for model in self.models):
                await self._until_one_is_back()
            place = self._place(messages)
            try:
                return await self.models[place].complete(messages, tools, seed=seed)
            except ChatError as error:
                moves += 1
                if not error.is_down or (moves >= len(self.models) and not self.models[place].traffic.away):
                    raise

    async def _until_one_is_back(self) -> None:
        """ChatError when one is given up: they have been away for as long."""
        with waiting():
            looks = [asyncio.create_task(model.traffic.until_back()) for model in self.models]
            done, others = await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
            for look in others:
                look.cancel()
            for look in done:
                look.result()

    def allow(self, at_once: int) -> None:
        """At most so many requests are under way at each server from now on."""
        for model in self.models:
            model.allow(at_once)

    async def close(self) -> None:
        for model in self.models:
            await model.close()

    def _place(self, messages: Sequence[Message]) -> int:
        """Where the conversation's prefix is, if that server is there and not much busier than the idlest of those that are there."""
        digest = hashlib.blake2b(digest_size=16)
        for message in messages[:_PREFIX_MESSAGES]:
            digest.update(message.content.encode("utf-8", "surrogatepass") + b"\0")
        key = digest.digest()
        everywhere = set(range(len(self.models)))
        there = {place for place in everywhere if not self.models[place].traffic.away} or everywhere
        idlest = min(there, key=lambda place: (self.models[place].traffic.load, place))
        known = self._places.get(key)
        if known in there and self.models[known].traffic.load <= self.models[idlest].traffic.load + _SLACK:
            return known
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        self._places[key] = idlest
        return idlest

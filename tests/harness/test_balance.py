"""Several servers of one model: balanced by load, with prefixes that stay where they are cached."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import pytest

from harness.balance import BalancedChatModel
from harness.chat import ChatAnswer, ChatError
from harness.cli import _model
from harness.config import ConfigError, ModelSettings
from harness.endpoint import OpenAIChatModel
from harness.options import build_parser
from tests.harness.adversary import Adversary, Behaviour, Line
from trajectories.trajectory import Message


def talk(problem: str, turns: int = 0) -> list[Message]:
    said = [Message(role="assistant", content="I look."), Message(role="user", content="Go on.")] * turns
    return [Message(role="system", content="s"), Message(role="user", content=problem), *said]


@contextlib.asynccontextmanager
async def balanced(*behaviours: Behaviour, **settings: Any):
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(Adversary(behave)) for behave in behaviours]
        model = BalancedChatModel(
            [OpenAIChatModel(ModelSettings(name="x", base_url=server.url, **settings), at_once=64) for server in servers]
        )
        yield model, servers
        await model.close()


async def think(line: Line) -> None:
    await asyncio.sleep(0.05)
    await line.answer()


async def refuse(line: Line) -> None:
    line.hang_up()


async def test_conversations_are_spread_over_the_servers():
    async with balanced(think, think) as (model, servers):
        await asyncio.gather(*(model.complete(talk(f"problem {number}"), []) for number in range(20)))
        assert [server.requests for server in servers] == [10, 10]


async def test_a_conversation_and_other_attempts_at_its_task_stay_where_the_prefix_is():
    async with balanced(think, think, think) as (model, servers):
        await asyncio.gather(*(model.complete(talk(f"problem {number}"), []) for number in range(3)))
        for turns in range(1, 4):
            await model.complete(talk("problem 1", turns), [])
        assert Counter(server.requests for server in servers) == {1: 2, 4: 1}


async def test_a_prefix_moves_when_its_server_has_much_more_to_do():
    async with balanced(think, think) as (model, servers):
        await asyncio.gather(*(model.complete(talk("the same"), []) for _ in range(24)))
        assert min(server.requests for server in servers) >= 8


async def test_a_server_that_is_down_is_left_for_another():
    async with balanced(refuse, think, retry_seconds=0.0) as (model, servers):
        answers = await asyncio.gather(*(model.complete(talk(f"problem {number}"), []) for number in range(6)))
        assert all(isinstance(answer, ChatAnswer) for answer in answers)
        assert servers[1].requests == 6
    async with balanced(refuse, refuse, retry_seconds=0.0) as (model, _):
        with pytest.raises(ChatError):
            await model.complete(talk("problem"), [])


def test_several_models_on_the_command_line_are_the_servers_of_one():
    def given(*words: str) -> dict[str, Any]:
        return _model(build_parser().parse_args(["eval", *words]))

    assert given("--model", "http://a/v1", "--model", "http://b/v1/") == {
        "name": "",
        "base_url": "http://a/v1",
        "more_urls": ["http://b/v1"],
    }
    assert given("--model", "http://a/v1", "--model", "http://b/v1", "--model", "qwen")["name"] == "qwen"
    with pytest.raises(ConfigError, match="several"):
        given("--model", "a", "--model", "b")

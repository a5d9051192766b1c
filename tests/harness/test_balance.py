"""Several servers of one model: balanced by load, with prefixes that stay where they are cached."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import pytest

from harness.balance import BalancedChatModel
from harness.chat import ChatAnswer
from harness.config import ConfigError, ModelSettings
from harness.endpoint import OpenAIChatModel
from harness.eval_commands import model_settings
from harness.options import build_parser
from harness.traffic import Pauses
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
            [
                OpenAIChatModel(ModelSettings(name="x", base_url=server.url, **settings), at_once=64, alone=False, pauses=Pauses(0.1, 0.2))
                for server in servers
            ]
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


async def test_a_server_that_goes_down_is_left_for_another():
    async with balanced(refuse, think, retry_seconds=5.0) as (model, servers):
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(model.complete(talk(f"problem {number}"), []) for number in range(8)))
        assert all(isinstance(answer, ChatAnswer) for answer in answers)
        assert servers[1].requests == 8
        assert model.models[0].traffic.away


async def test_when_all_are_down_they_are_waited_for():
    down = True

    async def back_later(line: Line) -> None:
        await (refuse(line) if down else line.answer())

    async with balanced(back_later, back_later) as (model, _):
        asking = asyncio.gather(*(model.complete(talk(f"problem {number}"), []) for number in range(12)))
        async with asyncio.timeout(30):
            while not all(each.traffic.away for each in model.models):
                await asyncio.sleep(0.05)
            down = False
            assert all(isinstance(answer, ChatAnswer) for answer in await asking)


def test_several_models_on_the_command_line_are_the_servers_of_one():
    def given(*words: str) -> dict[str, Any]:
        return model_settings(build_parser().parse_args(["eval", *words]))

    assert given("--model", "http://a/v1", "--model", "http://b/v1/") == {
        "name": "",
        "base_url": "http://a/v1",
        "more_urls": ["http://b/v1"],
    }
    assert given("--model", "http://a/v1", "--model", "http://b/v1", "--model", "qwen")["name"] == "qwen"
    with pytest.raises(ConfigError, match="several"):
        given("--model", "a", "--model", "b")

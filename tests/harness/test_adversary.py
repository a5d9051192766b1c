"""Whatever a server does, a request ends in a named outcome, and a rollout in a record: none hangs, none ends in a traceback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.agent import ToolAgent
from harness.chat import ChatAnswer, ChatError, ContextOverflow
from harness.config import AgentLimits, ModelSettings
from harness.endpoint import OpenAIChatModel
from harness.rollout import Setting, rollout
from harness.tools import schemas
from harness.traffic import Pauses
from tests.harness.adversary import CASES, Adversary, Line
from tests.harness.fakes import MemoryEngine
from trajectories.trajectory import Message

SETTING = Setting(sandbox="memory", image="sha256:0", harness_version="1", harness_commit=None)


def model_of(adversary: Adversary, **settings: Any) -> OpenAIChatModel:
    given = {"request_timeout_seconds": 1.0, "retry_seconds": 5.0, "outage_seconds": 1.0, **settings}
    return OpenAIChatModel(ModelSettings(name="x", base_url=adversary.url, **given), pauses=Pauses(0.05, 0.1))


def test_there_are_enough_ways_to_misbehave():
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
async def test_every_misbehaviour_ends_in_its_outcome(name: str):
    case = CASES[name]
    async with asyncio.timeout(20), Adversary(case.behave) as adversary:
        model = model_of(adversary, request_timeout_seconds=5.0 if case.outcome == "protocol" else 0.6)
        try:
            answer = await model.complete([Message(role="user", content="Hi")], schemas())
            outcome = "answered" if isinstance(answer, ChatAnswer) else "overflow"
            if isinstance(answer, ContextOverflow):
                assert answer.message
            said = "said"
        except ChatError as error:
            outcome, said = error.kind, str(error)
        finally:
            await model.close()
    assert outcome == case.outcome
    assert len(said.splitlines()) == 1
    assert len(said) < 1000


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.outcome == "answered"])
async def test_a_rollout_with_any_answer_ends_in_a_record_that_can_be_written(mini, name: str):
    async with asyncio.timeout(30), Adversary(CASES[name].behave) as adversary:
        model = model_of(adversary)
        agent = ToolAgent(model, AgentLimits(turns=4))
        trajectory = await rollout(mini.tasks[0], agent, MemoryEngine().sandbox, SETTING)
        await model.close()
    assert trajectory.failure is None or trajectory.failure.during == "grading"
    assert trajectory.stop_reason in ("submitted", "gave_up", "malformed_calls", "turn_limit", "repeating")
    assert trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory


@pytest.mark.parametrize("name", ["a_bad_key", "an_exhausted_quota", "a_model_that_went_away", "a_refusal_in_detail"])
async def test_what_cannot_pass_costs_one_request(name: str):
    async with Adversary(CASES[name].behave) as adversary:
        model = model_of(adversary)
        with pytest.raises(ChatError):
            await model.complete([Message(role="user", content="Hi")], [])
        await model.close()
        assert adversary.requests == 1


async def test_ids_that_a_server_gives_twice_are_told_apart_on_the_wire():
    async with Adversary(CASES["duplicated_ids"].behave) as adversary:
        model = model_of(adversary)
        answer = await model.complete([Message(role="user", content="Hi")], schemas())
        await model.close()
    assert isinstance(answer, ChatAnswer)
    assert len({call.id for call in answer.message.tool_calls}) == 2
    assert answer.received is not None


async def test_a_request_that_brings_only_its_own_connection_down_does_not_stop_the_others():
    async def poisoned(line: Line) -> None:
        if "poison" in str(line.body["messages"]):
            line.hang_up()
        else:
            await line.answer()

    async with asyncio.timeout(20), Adversary(poisoned) as adversary:
        model = model_of(adversary, outage_seconds=60.0, retry_seconds=2.0)
        with pytest.raises(ChatError) as caught:
            await model.complete([Message(role="user", content="poison")], [])
        assert caught.value.kind == "connection"
        assert isinstance(await model.complete([Message(role="user", content="Hi")], []), ChatAnswer)
        assert model.traffic.outages == 0
        await model.close()


async def test_a_request_that_is_never_answered_is_given_up_while_the_server_answers_others():
    async def choosy(line: Line) -> None:
        if "poison" in str(line.body["messages"]):
            await asyncio.sleep(60)
        else:
            await line.answer()

    async with asyncio.timeout(30), Adversary(choosy) as adversary:
        model = model_of(adversary, outage_seconds=3600.0, retry_seconds=2.0, request_timeout_seconds=0.3)
        with pytest.raises(ChatError) as caught:
            await model.complete([Message(role="user", content="poison")], [])
        assert caught.value.timed_out
        assert isinstance(await model.complete([Message(role="user", content="Hi")], []), ChatAnswer)
        assert model.traffic.outages == 0
        await model.close()

"""Traffic: an outage costs time and no trial, load is heeded, and a clock that stands still while a request waits."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from harness.agent import ToolAgent
from harness.chat import EXCHANGE, ChatAnswer, ChatError, Exchange, waiting
from harness.config import AgentLimits, ModelSettings, RunConfig
from harness.endpoint import OpenAIChatModel
from harness.run import RunStoppedError, prepare, run
from harness.traffic import Traffic
from tests.harness.adversary import Adversary, Line
from tests.harness.fakes import MemoryEngine
from trajectories.store import Result, RunStore
from trajectories.trajectory import Message

FASTER = 400


class _FastSelector(selectors.DefaultSelector):
    ahead = 0.0
    """Of the wall's clock, in seconds."""

    def select(self, timeout: float | None = None) -> Any:
        began = time.monotonic()
        ready = super().select(timeout if timeout is None else timeout / FASTER)
        waited = time.monotonic() - began
        self.ahead += (FASTER * waited if timeout is None else min(FASTER * waited, max(timeout, waited))) - waited
        return ready


class _FastLoop(asyncio.SelectorEventLoop):
    """While it waits its clock runs so much faster than the wall's: sleeps and deadlines are as short. What is computed takes the time that it takes."""

    def __init__(self) -> None:
        self._waits = _FastSelector()
        super().__init__(self._waits)

    def time(self) -> float:
        return time.monotonic() + self._waits.ahead


def in_fast_time(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=_FastLoop) as runner:
        runner.run(work())


def test_ten_minutes_without_a_server_cost_time_and_no_trial(mini, tmp_path):
    said: list[str] = []

    async def work() -> None:
        clock = asyncio.get_running_loop().time
        down_from, down_for = clock() + 60, 600.0
        failed = 0

        async def behave(line: Line) -> None:
            nonlocal failed
            if down_from <= clock() < down_from + down_for:
                failed += 1
                if failed % 3:
                    line.hang_up()
                else:
                    await line.error(503, "Service Unavailable")
                return
            await asyncio.sleep(20)  # the model thinks
            call = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": f'{{"command": "echo {line.number}"}}'}}
            submit = {"id": "c", "type": "function", "function": {"name": "submit", "arguments": "{}"}}
            await line.answer({"content": "", "tool_calls": [submit if len(line.body["messages"]) > 8 else call]})

        config = RunConfig.model_validate(
            {"suite": "mini", "attempts": 4, "concurrency": 6, "model": {"name": "x"}, "infrastructure_tries": 1}
        )
        async with Adversary(behave) as adversary:
            model = OpenAIChatModel(ModelSettings(name="x", base_url=adversary.url), at_once=6, say=said.append)
            results: list[Result] = []
            started = clock()
            with RunStore(tmp_path) as store:
                engine = MemoryEngine()
                prepare(config, mini, store, engine)
                agent = ToolAgent(model, AgentLimits(seconds=300.0))  # much less than the outage
                await run(config, mini, store, engine, agent, results.append)
            taken = clock() - started
            assert model.traffic.outages == 1
            await model.close()
        assert len(results) == 12
        assert {(result.failure, result.tries, result.stop_reason) for result in results} == {(None, 1, "submitted")}
        assert taken > 600
        assert failed < 80  # not hammered: some before it was noticed, then one look at a time

    in_fast_time(work)
    assert "is away" in said[0]
    assert "is back" in said[1]


@pytest.mark.parametrize(("status", "body"), [(401, '{"error": "Unauthorized"}'), (402, '{"error": "Payment Required"}')])
async def test_a_bad_key_or_an_exhausted_quota_stops_the_run_at_once(mini, tmp_path, status: int, body: str):
    async def behave(line: Line) -> None:
        await line.send(body, f"{status} No")

    config = RunConfig.model_validate({"suite": "mini", "attempts": 20, "concurrency": 2, "model": {"name": "x"}})
    async with Adversary(behave) as adversary:
        model = OpenAIChatModel(ModelSettings(name="x", base_url=adversary.url), at_once=2)
        engine = MemoryEngine()
        with RunStore(tmp_path) as store:
            prepare(config, mini, store, engine)
            with pytest.raises(RunStoppedError, match="refuses to go on"):
                await run(config, mini, store, engine, ToolAgent(model, AgentLimits()), lambda result: None)
        await model.close()
        assert adversary.requests <= 2


def test_a_server_that_stays_away_is_given_up():
    async def work() -> None:
        async def behave(line: Line) -> None:
            line.hang_up()

        async with Adversary(behave) as adversary:
            model = OpenAIChatModel(ModelSettings(name="x", base_url=adversary.url, outage_seconds=120.0))
            with pytest.raises(ChatError, match="has been away for 12"):
                await model.complete([Message(role="user", content="Hi")], [])
            await model.close()

    in_fast_time(work)


async def no_probe() -> None:
    return None


async def test_refusals_for_load_halve_what_is_sent_and_answers_bring_it_back():
    traffic = Traffic(16, 0.0, no_probe)
    for _ in range(3):
        async with traffic.admitted() as began_at:
            pass
        traffic.failed(ChatError("rate_limit", "slow down", status=429), began_at)
    assert traffic.limit == traffic.lowest == 1
    for _ in range(200):
        traffic.answered(1.0, 10)
    assert traffic.limit == 16


async def test_refusals_of_one_burst_count_once():
    traffic = Traffic(16, 0.0, no_probe)
    async with contextlib.AsyncExitStack() as stack:
        began = [await stack.enter_async_context(traffic.admitted()) for _ in range(8)]
        await asyncio.sleep(0.01)
        for began_at in began:
            traffic.failed(ChatError("rate_limit", "slow down", status=429), began_at)
    assert traffic.limit == 4


async def test_never_more_than_the_most_are_under_way_and_a_cancelled_one_leaves_its_place():
    traffic = Traffic(2, 0.0, no_probe)
    under_way = highest = 0

    async def request() -> None:
        nonlocal under_way, highest
        async with traffic.admitted():
            under_way += 1
            highest = max(highest, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1

    tasks = [asyncio.create_task(request()) for _ in range(20)]
    await asyncio.sleep(0.015)
    for task in tasks[5:10]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert highest == 2
    assert traffic.load == 0


def test_a_server_that_thrashes_gets_fewer():
    async def work() -> None:
        traffic = Traffic(32, 0.0, no_probe)
        under_way = 0

        async def request() -> None:
            nonlocal under_way
            async with traffic.admitted() as began_at:
                under_way += 1
                together = under_way
                # Up to 12 at once share 120 tokens a second; with more it swaps, and all of them get a tenth.
                await asyncio.sleep(100 * (together / 120 if together <= 12 or calm else together / 12))
                under_way -= 1
                traffic.answered(asyncio.get_running_loop().time() - began_at, 100)

        calm = True
        await asyncio.gather(*(request() for _ in range(96)))
        assert traffic.limit == 32
        calm = False
        await asyncio.gather(*(request() for _ in range(200)))
        assert traffic.lowest < 32

    in_fast_time(work)


def test_the_rollouts_clock_stands_still_while_a_request_waits():
    async def work() -> None:
        async with asyncio.timeout(300) as deadline:
            EXCHANGE.set(Exchange(deadline))
            with waiting():
                await asyncio.sleep(500)
            await asyncio.sleep(10)
        assert not deadline.expired()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(50) as deadline:
                EXCHANGE.set(Exchange(deadline))
                with waiting():
                    await asyncio.sleep(100)
                await asyncio.sleep(500)
        EXCHANGE.set(None)
        assert deadline.expired()

    in_fast_time(work)


def test_a_server_that_hangs_and_comes_back_costs_no_answer():
    async def work() -> None:
        clock = asyncio.get_running_loop().time
        back_at = clock() + 1500

        async def behave(line: Line) -> None:
            if clock() < back_at:
                await asyncio.sleep(5000)
            await line.answer()

        async with Adversary(behave) as adversary:
            model = OpenAIChatModel(ModelSettings(name="x", base_url=adversary.url))
            assert isinstance(await model.complete([Message(role="user", content="Hi")], []), ChatAnswer)
            await model.close()

    in_fast_time(work)


async def test_another_limit_admits_who_waits_and_raises_none_that_the_server_made():
    async def there() -> ChatError | None:
        return None

    traffic, all_are_in = Traffic(1, 60.0, there), asyncio.Barrier(3)

    async def one() -> None:
        async with traffic.admitted():
            await all_are_in.wait()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(one())
        await asyncio.sleep(0)
        assert (traffic.load, traffic.limit) == (3, 1)
        traffic.allow(3)
    traffic.failed(ChatError("rate_limit", "too many"), asyncio.get_running_loop().time())
    shrunk = traffic.limit
    traffic.allow(8)
    assert traffic.limit == shrunk < 3
    traffic.allow(1)
    assert traffic.limit == 1
    await traffic.close()

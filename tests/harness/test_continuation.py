"""A server that would not hold a budget of thinking is told before anything is spent on it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harness.config import ConfigError, ModelSettings, ThinkingSettings
from harness.continuation import must_hold_budget
from tests.harness.answering import Answer, AnsweringServer, completion, error, good
from tests.loopback import Reply

BUDGET = ThinkingSettings(budget_tokens=100)


def uncounted(body: object) -> Reply:
    return Reply(200, json.dumps({"choices": [{"message": {"content": "5 6"}, "finish_reason": "stop"}]}))


ENDPOINTS: dict[str, tuple[Answer, str | None]] = {
    "goes on": (good, None),
    "ignores it": (lambda body: completion("5 6", prompt=16), "goes on with no turn that was begun$"),
    "refuses it": (
        lambda body: error(400, "continue_final_message: no") if "continue_final_message" in body else good(body),
        r"goes on with no turn that was begun \(400: continue_final_message: no\)$",
    ),
    "counts nothing": (uncounted, None),
    "is down": (lambda body: error(503, "loading model"), "503: loading model"),
}


@pytest.fixture
def started() -> Iterator[list[AnsweringServer]]:
    servers: list[AnsweringServer] = []
    yield servers
    for server in servers:
        server.close()


@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_a_budget_is_refused_where_it_would_be_ignored(started: list[AnsweringServer], kind: str) -> None:
    answer, words = ENDPOINTS[kind]
    started += [AnsweringServer(good), AnsweringServer(answer)]
    first, other = (server.url for server in started)
    settings = ModelSettings(name="tiny", base_url=first, more_urls=(other,), thinking=BUDGET)
    if words is None:
        await must_hold_budget(settings)
    else:
        with pytest.raises(ConfigError, match=words) as caught:
            await must_hold_budget(settings)
        assert other in str(caught.value)
    assert started[0].bodies


@pytest.mark.parametrize("thinking", [None, ThinkingSettings(), ThinkingSettings(budget_tokens=100, budget_field="thinking_budget")])
async def test_without_a_budget_to_be_held_here_nothing_is_asked(started: list[AnsweringServer], thinking: ThinkingSettings | None) -> None:
    started.append(AnsweringServer(good))
    await must_hold_budget(ModelSettings(name="tiny", base_url=started[0].url, thinking=thinking))
    assert started[0].bodies == []

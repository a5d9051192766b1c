"""How a server is spoken to: calls as text, thinking kept, switched and budgeted, and histories that only grow."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from harness.chat import EXCHANGE, ChatAnswer, Exchange
from harness.config import ModelSettings, Sampling, ThinkingSettings
from harness.dialect import Dialect
from harness.endpoint import OpenAIChatModel
from harness.tool_formats import FORMATS
from harness.tools import schemas
from tests.harness.fakes import ScriptServer
from tests.loopback import Reply
from trajectories.trajectory import Message, ToolCall, Usage

TOOLS = schemas()
CALL = ToolCall(id="c1", name="bash", arguments='{"command": "ls"}')
TALK = [
    Message(role="system", content="You work."),
    Message(role="user", content="Fix it."),
    Message(role="assistant", content="I look.", reasoning="First I look.", tool_calls=(CALL,)),
    Message(role="tool", tool_call_id="c1", content="a.ts"),
]


def reply(content: str | None, finish_reason: str = "stop", usage: tuple[int, int] | None = None, **message: Any) -> Reply:
    counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1]} if usage else None
    said = {"role": "assistant", "content": content, **message}
    return Reply(200, json.dumps({"choices": [{"message": said, "finish_reason": finish_reason}], "usage": counted}))


async def ask(server: ScriptServer, *replies: Reply, messages: list[Message] | None = None, **settings: Any) -> ChatAnswer:
    server.posts = list(replies)
    model = OpenAIChatModel(ModelSettings(name="tiny", base_url=server.url, **settings))
    answer = await model.complete(messages or TALK, TOOLS)
    await model.close()
    assert isinstance(answer, ChatAnswer)
    return answer


@pytest.mark.parametrize("name", FORMATS)
async def test_a_server_that_knows_no_tools_is_told_of_them_in_words(server, name):
    written = FORMATS[name].write([("bash", '{"command": "ls src"}')])
    answer = await ask(server, reply(f"I go on.\n{written}"), tool_format=name)
    (body,) = server.bodies
    assert "tools" not in body
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][0]["content"].startswith("You work.")
    assert FORMATS[name].write([("bash", '{"command": "ls"}')]) in body["messages"][2]["content"]
    assert "a.ts" in body["messages"][3]["content"]
    (call,) = answer.message.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("bash", {"command": "ls src"})
    assert answer.message.content == "I go on."
    assert written in answer.received["content"]  # the raw text is kept


async def test_calls_that_the_servers_parser_missed_are_found_where_a_recipe_says_how_they_look(server):
    text = '<tool_call>{"name": "submit", "arguments": {}}</tool_call>'
    assert (await ask(server, reply(text), rescue_format="hermes")).message.tool_calls[0].name == "submit"
    assert (await ask(server, reply(text))).message.tool_calls == ()


async def test_arguments_with_one_reading_go_back_mended_and_stay_raw_in_the_record(server):
    call = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": "{'command': 'ls',}"}}
    answer = await ask(server, reply(None, tool_calls=[call]))
    assert answer.message.tool_calls[0].arguments == "{'command': 'ls',}"
    await ask(server, reply("ok"), messages=[*TALK, answer.message, Message(role="tool", tool_call_id="c", content="x")])
    assert json.loads(server.bodies[-1]["messages"][4]["tool_calls"][0]["function"]["arguments"]) == {"command": "ls"}


@pytest.mark.parametrize(("keep", "kept"), [("all", [True, True]), ("since_last_user", [False, True]), ("none", [False, False])])
def test_thinking_goes_back_as_the_recipe_says(keep, kept):
    talk = [*TALK, Message(role="user", content="Go on."), TALK[2], TALK[3]]
    dialect = Dialect(ModelSettings(name="x", thinking=ThinkingSettings(keep=keep, field="reasoning")))
    wire = dialect.body(talk, TOOLS)["messages"]
    assert ["reasoning" in message for message in wire if message["role"] == "assistant"] == kept


async def test_thinking_goes_back_under_the_name_that_the_server_gave_it(server):
    server.posts = [reply("a", reasoning="hm"), reply("b")]
    model = OpenAIChatModel(ModelSettings(name="tiny", base_url=server.url, thinking=ThinkingSettings(keep="all")))
    await model.complete(TALK[:2], TOOLS)
    await model.complete(TALK, TOOLS)
    await model.close()
    assert server.bodies[1]["messages"][2]["reasoning"] == "First I look."
    assert model.reasoning_sent


@pytest.mark.parametrize(("mode", "sent"), [("on", {"enable_thinking": True}), ("off", {"enable_thinking": False}), ("server", None)])
async def test_thinking_is_switched_by_the_template(server, mode, sent):
    await ask(server, reply("a"), thinking=ThinkingSettings(mode=mode, switch="enable_thinking"))
    assert server.bodies[0].get("chat_template_kwargs") == sent


async def test_a_budget_that_the_server_holds_is_sent_to_it(server):
    held = ThinkingSettings(budget_tokens=64, budget_field="chat_template_kwargs.thinking_budget")
    await ask(server, reply("a"), thinking=held)
    assert server.bodies[0]["chat_template_kwargs"] == {"thinking_budget": 64}
    await ask(server, reply("a"), thinking=ThinkingSettings(budget_tokens=64, budget_field="thinking_token_budget"))
    assert server.bodies[1]["thinking_token_budget"] == 64


BUDGET = ThinkingSettings(budget_tokens=50)
SAMPLING = Sampling(max_tokens=400)


async def test_a_thought_that_is_too_long_is_closed_and_the_same_turn_goes_on(server):
    first = reply(None, "length", (100, 50), reasoning="I think and think")
    rest = reply("So it is.", "stop", (160, 7))
    answer = await ask(server, first, rest, thinking=BUDGET, sampling=SAMPLING)
    asked, more = server.bodies
    assert asked["max_tokens"] == 50
    assert more["messages"][:-1] == asked["messages"]
    assert more["messages"][-1] == {"role": "assistant", "content": "<think>\nI think and think\n</think>\n\n"}
    assert (more["continue_final_message"], more["add_generation_prompt"], more["max_tokens"]) == (True, False, 350)
    assert (answer.message.reasoning, answer.message.content, answer.finish_reason) == ("I think and think", "So it is.", "stop")
    assert answer.usage == Usage(input_tokens=100, output_tokens=57, reasoning_tokens=50, repeated_input_tokens=160)
    assert answer.requests == 2


@pytest.mark.parametrize("content", ["<think>\nI think and think", "<think>\nI think and think\n</think>\n\nSo it"])
async def test_a_thought_in_the_text_is_closed_too(server, content):
    answer = await ask(
        server, reply(content, "length", (100, 50)), reply("So it is.", "stop", (160, 7)), thinking=BUDGET, sampling=SAMPLING
    )
    assert server.bodies[1]["messages"][-1]["content"] == "<think>\nI think and think\n</think>\n\n"
    assert (answer.message.reasoning, answer.message.content) == ("I think and think", "So it is.")


async def test_a_parser_that_takes_the_rest_for_thinking_is_not_believed(server):
    text = '<tool_call>{"name": "submit", "arguments": {}}</tool_call>'
    first = reply(None, "length", (100, 50), reasoning="I think")
    answer = await ask(server, first, reply(None, "stop", (160, 7), reasoning=text), thinking=BUDGET, rescue_format="hermes")
    assert [call.name for call in answer.message.tool_calls] == ["submit"]
    assert answer.message.reasoning == "I think"


async def test_an_answer_within_the_budget_takes_one_request(server):
    answer = await ask(server, reply("So it is.", "stop", (100, 20), reasoning="Hm."), thinking=BUDGET, sampling=SAMPLING)
    assert len(server.bodies) == answer.requests == 1
    assert answer.usage == Usage(input_tokens=100, output_tokens=20)


async def test_an_answer_that_does_not_think_goes_on_where_it_stopped(server):
    answer = await ask(
        server, reply("One, two", "length", (100, 50)), reply(", three.", "stop", (160, 7)), thinking=BUDGET, sampling=SAMPLING
    )
    assert server.bodies[1]["messages"][-1]["content"] == "One, two"
    assert answer.message.content == "One, two, three."


async def test_a_budget_as_large_as_the_answer_leaves_nothing_to_go_on_with(server):
    answer = await ask(server, reply(None, "length", (100, 50), reasoning="I"), thinking=BUDGET, sampling=Sampling(max_tokens=50))
    assert (len(server.bodies), answer.finish_reason) == (1, "length")


async def test_a_history_that_only_grows_begins_with_the_one_before_byte_for_byte(server):
    bodies = await grown(server, ThinkingSettings(keep="all", field="reasoning"), [TALK[:2], TALK, [*TALK, TALK[2], TALK[3]]])
    texts = [json.dumps(body["messages"])[:-1] for body in bodies]
    assert all(after.startswith(before) for before, after in itertools.pairwise(texts))


async def grown(
    server: ScriptServer, thinking: ThinkingSettings, talks: list[list[Message]], *, changed: bool = False
) -> list[dict[str, Any]]:
    server.posts = [reply("a")]
    EXCHANGE.set(Exchange())
    model = OpenAIChatModel(ModelSettings(name="tiny", base_url=server.url, thinking=thinking))
    answers = [await model.complete(talk, TOOLS) for talk in talks]
    await model.close()
    EXCHANGE.set(None)
    assert [isinstance(answer, ChatAnswer) and answer.history_changed for answer in answers] == [False] * (len(talks) - 1) + [changed]
    return server.bodies


async def test_a_history_that_was_changed_is_told(server):
    later = [*TALK, Message(role="user", content="Go on.")]
    await grown(server, ThinkingSettings(keep="since_last_user"), [TALK, later], changed=True)  # the thinking of before is gone
    await grown(server, ThinkingSettings(keep="none"), [TALK, [TALK[0], Message(role="user", content="Other."), *TALK[2:]]], changed=True)

"""The OpenAI-compatible client, against a real HTTP server on loopback that answers from a script."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.chat import AnswerTokens, ChatAnswer, ChatError, ContextOverflow
from harness.config import ConfigError, ModelSettings, Sampling, server_url
from harness.discovery import discover
from harness.endpoint import OpenAIChatModel, _retry_after, parse_answer, to_wire
from harness.tools import schemas
from tasks.toml_file import checked
from tests.harness.adversary import CASES, Adversary
from tests.harness.answering import AnsweringServer
from tests.harness.fakes import ScriptServer
from tests.loopback import Reply
from trajectories.trajectory import Message, ToolCall, Usage

QUESTION = [Message(role="system", content="s"), Message(role="user", content="Hi")]
AT_ONCE = {"Retry-After": "0"}


def completion(message: dict[str, Any] | None = None, finish_reason: str | None = "stop", **more: Any) -> str:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello", **(message or {})}, "finish_reason": finish_reason}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice], **more})


GOOD = Reply(200, completion())


def error(message: str, **more: Any) -> str:
    return json.dumps({"error": {"message": message, **more}})


def settings(server: ScriptServer | str, *, name: str = "tiny", retry_seconds: float = 30.0, **sampling: Any) -> ModelSettings:
    url = server if isinstance(server, str) else server.url
    return ModelSettings(
        name=name, base_url=url, retry_seconds=retry_seconds, api_key_variable="HARNESS_TEST_KEY", sampling=Sampling(**sampling)
    )


async def ask(
    server: ScriptServer, *replies: Reply, messages: list[Message] | None = None, seed: int | None = None, **how: Any
) -> ChatAnswer | ContextOverflow:
    server.posts = list(replies)
    model = OpenAIChatModel(settings(server, **how))
    try:
        return await model.complete(messages or QUESTION, schemas(), seed=seed)
    finally:
        await model.close()


# What is sent


async def test_a_request_holds_model_messages_tools_and_sampling(server):
    how: dict[str, Any] = {"temperature": 0.5, "max_tokens": 9, "extra_body": {"top_k": 3}, "chat_template_kwargs": {"thinking": False}}
    await ask(server, GOOD, seed=7, **how)
    (body,) = server.bodies
    assert body == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}],
        "tools": schemas(),
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 7,
        "chat_template_kwargs": {"thinking": False},
        "top_k": 3,
    }


async def test_what_is_recorded_as_sampling_is_what_is_sent(server):
    server.posts = [GOOD]
    model = OpenAIChatModel(settings(server, temperature=0.5, top_p=0.9, extra_body={"top_p": 0.1}))
    await model.complete(QUESTION, [], seed=3)
    await model.close()
    sent = {name: value for name, value in server.bodies[0].items() if name not in ("model", "messages")}
    assert sent == model.sampling(3) == {"max_tokens": 4096, "temperature": 0.5, "top_p": 0.1, "seed": 3}


async def test_the_key_is_read_from_the_named_variable(server, monkeypatch):
    monkeypatch.setenv("HARNESS_TEST_KEY", "sesame")
    await ask(server, GOOD)
    monkeypatch.delenv("HARNESS_TEST_KEY")
    await ask(server, GOOD)
    assert server.keys == ["Bearer sesame", "Bearer none"]


def test_messages_go_out_in_the_wire_form():
    call = ToolCall(id="c1", name="bash", arguments='{"command": "ls"}')
    assistant = Message(role="assistant", content="I look.", reasoning="hm", tool_calls=(call,))
    assert to_wire(assistant) == {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}],
    }
    assert to_wire(Message(role="tool", content="a", tool_call_id="c1", cut_bytes=3)) == {
        "role": "tool",
        "tool_call_id": "c1",
        "content": "a",
    }


@pytest.mark.parametrize("arguments", ['{"command": "ls', "[1]", '"text"', "null", "", "ls -la", '{"a":' + "[" * 20_000, "9" * 5000])
async def test_broken_arguments_go_out_empty_while_the_record_keeps_them(server, arguments):
    call = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": arguments}}
    first = await ask(server, Reply(200, completion({"content": None, "tool_calls": [call]})))
    assert isinstance(first, ChatAnswer)
    assert first.message.tool_calls[0].arguments == arguments
    await ask(server, GOOD, messages=[*QUESTION, first.message, Message(role="tool", tool_call_id="c", content="no")])
    assert server.bodies[-1]["messages"][2]["tool_calls"][0]["function"]["arguments"] == "{}"


@given(
    arguments=st.text()
    | st.recursive(st.none() | st.booleans() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_arguments_on_the_wire_are_always_a_json_object(arguments):
    wire = to_wire(Message(role="assistant", tool_calls=(ToolCall(id="c", name="t", arguments=arguments),)))
    assert isinstance(json.loads(wire["tool_calls"][0]["function"]["arguments"]), dict)


async def test_a_server_that_wants_max_completion_tokens_gets_it_from_then_on(server):
    refusal = Reply(400, error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."))
    server.posts = [refusal, GOOD]
    model = OpenAIChatModel(settings(server, max_tokens=5))
    first = await model.complete(QUESTION, [])
    second = await model.complete(QUESTION, [])
    await model.close()
    assert isinstance(first, ChatAnswer)
    assert isinstance(second, ChatAnswer)
    assert (first.requests, second.requests) == (2, 1)
    sent = [{name: body[name] for name in body if name.startswith("max_")} for body in server.bodies]
    assert sent == [{"max_tokens": 5}, {"max_completion_tokens": 5}, {"max_completion_tokens": 5}]
    assert model.sampling(None) == {"max_completion_tokens": 5}


async def test_requests_under_way_together_all_change_to_max_completion_tokens(server):
    refusal = Reply(400, error("Use 'max_completion_tokens' instead."))
    server.posts = [refusal, refusal, GOOD]
    server.together = threading.Barrier(2)
    model = OpenAIChatModel(settings(server))
    answers = await asyncio.gather(model.complete(QUESTION, []), model.complete(QUESTION, []))
    await model.close()
    assert all(isinstance(answer, ChatAnswer) for answer in answers)


async def test_a_server_that_refuses_both_length_fields_is_asked_twice_and_no_more(server):
    with pytest.raises(ChatError) as caught:
        await ask(server, Reply(400, error("neither max_tokens nor max_completion_tokens")))
    assert caught.value.kind == "bad_request"
    assert len(server.bodies) == 2


# What is tried again


@pytest.mark.parametrize(
    "failure",
    [
        Reply(429, error("slow down"), AT_ONCE),
        Reply(503, error("Loading model"), AT_ONCE),
        Reply(502, "<html>Bad Gateway</html>", AT_ONCE),
        Reply(408, "", AT_ONCE),
    ],
    ids=lambda reply: str(reply.status),
)
async def test_what_can_pass_is_tried_again(server, failure):
    answer = await ask(server, failure, failure, failure, GOOD)
    assert isinstance(answer, ChatAnswer)
    assert answer.requests == len(server.bodies) == 4


async def test_a_dropped_connection_is_tried_again(server):
    answer = await ask(server, Reply(200, completion(), drop=True), GOOD)
    assert isinstance(answer, ChatAnswer)
    assert answer.requests == len(server.bodies) == 2


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("no"), "bad_request"),
        (401, '{"error":"Unauthorized"}', "authentication"),
        (403, "{}", "authentication"),
        (404, error("The model `x` does not exist."), "not_found"),
        (422, '{"detail":[]}', "bad_request"),
        (429, error("pay", code="insufficient_quota"), "quota"),
    ],
)
async def test_what_cannot_pass_is_asked_once(server, status, body, kind):
    with pytest.raises(ChatError) as caught:
        await ask(server, Reply(status, body, AT_ONCE), GOOD)
    assert (caught.value.kind, caught.value.status) == (kind, status)
    assert len(server.bodies) == 1


async def test_a_500_is_tried_twice(server):
    with pytest.raises(ChatError) as caught:
        await ask(server, Reply(500, "Internal Server Error", AT_ONCE))
    assert caught.value.kind == "server"
    assert len(server.bodies) == 2


async def test_a_500_may_pass_the_second_time(server):
    assert isinstance(await ask(server, Reply(500, "", AT_ONCE), GOOD), ChatAnswer)


async def test_a_wait_past_the_deadline_of_retries_is_not_begun(server):
    with pytest.raises(ChatError) as caught:
        await ask(server, Reply(429, error("slow down"), {"Retry-After": "3600"}), GOOD, retry_seconds=5)
    assert (caught.value.kind, caught.value.retry_after_seconds) == ("rate_limit", 3600)
    assert len(server.bodies) == 1


async def test_without_time_for_retries_there_is_none(server):
    with pytest.raises(ChatError):
        await ask(server, Reply(503, "", AT_ONCE), GOOD, retry_seconds=0)
    assert len(server.bodies) == 1


async def test_a_server_that_is_gone_is_a_connection_failure(free_port):
    model = OpenAIChatModel(settings(f"http://127.0.0.1:{free_port}/v1", retry_seconds=0))
    with pytest.raises(ChatError) as caught:
        await model.complete(QUESTION, [])
    await model.close()
    assert caught.value.kind == "connection"


async def test_a_server_that_does_not_answer_in_time_is_a_connection_failure(server):
    server.posts = [GOOD]
    server.together = threading.Barrier(2)  # one that never comes
    model = OpenAIChatModel(settings(server, retry_seconds=0).model_copy(update={"request_timeout_seconds": 0.02}))
    with pytest.raises(ChatError, match="no answer within") as caught:
        await model.complete(QUESTION, [])
    await model.close()
    server.together.abort()
    assert caught.value.kind == "connection"


async def test_a_context_overflow_is_an_answer_and_not_a_failure(server):
    overflow = await ask(server, Reply(400, error("This model's maximum context length is 1024 tokens.")))
    assert isinstance(overflow, ContextOverflow)
    assert "1024" in overflow.message
    assert len(server.bodies) == 1


def test_a_retry_after_is_read_as_a_number_or_a_date():
    assert _retry_after({"retry-after": "12"}) == 12
    assert _retry_after({"retry-after": "-3"}) == 0
    assert _retry_after({"retry-after": format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)}) == 0
    later = _retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)})
    assert later is not None
    assert 3000 < later <= 3600
    assert _retry_after({}) is None
    assert _retry_after({"retry-after": "soon"}) is None


# What is believed of an answer


async def test_an_error_with_status_200_is_a_server_error(server):
    with pytest.raises(ChatError) as caught:
        await ask(server, Reply(200, error("EngineCore encountered an issue.", code=500)), retry_seconds=0)
    assert caught.value.kind == "server"
    assert "EngineCore" in str(caught.value)
    assert caught.value.is_down


def test_an_error_in_disguise_keeps_its_own_kind():
    with pytest.raises(ChatError) as caught:
        parse_answer(error("pay", code="insufficient_quota"), 0.0, 1)
    assert caught.value.kind == "quota"


@pytest.mark.parametrize(
    "body",
    [
        "<html><body>Welcome</body></html>",
        "",
        "null",
        "[]",
        '{"choices": []}',
        '{"choices": null}',
        '{"object": "list"}',
        '{"choices": [{"finish_reason": "stop"}]}',
        '{"choices": [{"message": {"content": 5}}]}',
        '{"choices": [{"message": {"tool_calls": [{"id": "c"}]}}]}',
        'data: {"choices": []}\n\ndata: [DONE]\n',
    ],
)
async def test_a_200_that_is_no_completion_breaks_the_protocol_and_is_tried_once_more(server, body):
    with pytest.raises(ChatError) as caught:
        await ask(server, Reply(200, body), Reply(200, body), GOOD)
    assert caught.value.kind == "protocol"
    assert str(caught.value).startswith("not a chat completion")
    assert len(str(caught.value).splitlines()) == 1
    assert len(server.bodies) == 2


async def test_a_200_that_is_no_completion_may_be_one_the_second_time(server):
    assert isinstance(await ask(server, Reply(200, ""), GOOD), ChatAnswer)


def test_content_may_be_null_or_missing():
    for body in (completion({"content": None}), '{"choices":[{"message":{}}]}'):
        answer = parse_answer(body, 0.25, 3)
        assert answer.message == Message(role="assistant", content="")
        assert (answer.latency_seconds, answer.requests) == (0.25, 3)


def test_the_finish_reason_is_the_servers():
    assert parse_answer(completion(finish_reason="length"), 0, 1).finish_reason == "length"
    assert parse_answer(completion(finish_reason=None), 0, 1).finish_reason == ""


def test_arguments_that_come_as_an_object_are_written_as_json():
    call = {"function": {"name": "bash", "arguments": {"command": "ls"}}}
    (made,) = parse_answer(completion({"tool_calls": [call]}), 0, 1).message.tool_calls
    assert json.loads(made.arguments) == {"command": "ls"}


def test_missing_ids_are_made_up_one_for_each_call():
    calls = [{"function": {"name": "view", "arguments": "{}"}}, {"id": "own", "function": {"name": "bash"}}, {"id": "", "function": {}}]
    made = parse_answer(completion({"tool_calls": calls}), 0, 1).message.tool_calls
    assert [call.id for call in made] == ["call_0", "own", "call_2"]
    assert [(call.name, call.arguments) for call in made] == [("view", "{}"), ("bash", "{}"), ("", "{}")]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_taken_from_either_field(field):
    message = parse_answer(completion({field: "so"}), 0, 1).message
    assert (message.reasoning, message.content) == ("so", "Hello")


def test_without_reasoning_there_is_none():
    assert parse_answer(completion({"reasoning_content": None}), 0, 1).message.reasoning is None


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(input_tokens=9, output_tokens=4)),
        (
            {
                "prompt_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
                "completion_tokens": 4,
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(input_tokens=9, cached_input_tokens=8, output_tokens=4, reasoning_tokens=2),
        ),
        ({"prompt_tokens": 9, "prompt_tokens_details": None}, Usage(input_tokens=9)),
        (None, Usage()),
    ],
)
def test_usage_is_what_the_server_counts_and_none_where_it_is_silent(wire, usage):
    assert parse_answer(completion(usage=wire), 0, 1).usage == usage


@given(content=st.text(), name=st.text(min_size=1), arguments=st.text(), identifier=st.text(min_size=1))
def test_what_a_server_says_arrives_unchanged(content, name, arguments, identifier):
    call = {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}
    message = parse_answer(completion({"content": content, "tool_calls": [call]}), 0, 1).message
    assert message.content == content
    (made,) = message.tool_calls
    assert (made.id, made.name, made.arguments) == (identifier, name, arguments)


TOKENS = {"prompt_token_ids": [1, 2, 3]}


def completion_with_tokens(**choice: Any) -> str:
    body = json.loads(completion(model="tiny-v2"))
    return json.dumps({**body, **TOKENS, "choices": [{**body["choices"][0], **choice}]})


def test_the_tokens_that_a_server_tells_are_kept():
    logprobs = {"content": [{"token": "He", "logprob": -0.5, "top_logprobs": []}, {"token": "llo", "logprob": 0.0}]}
    made = parse_answer(completion_with_tokens(token_ids=[7, 8], logprobs=logprobs), 0, 1)
    assert made.tokens == AnswerTokens((1, 2, 3), (7, 8), (-0.5, 0.0))
    assert (made.response_id, made.served_model, made.received) == ("x", "tiny-v2", None)


@pytest.mark.parametrize("choice", [{}, {"token_ids": None}])
def test_without_the_ids_of_the_answer_there_are_no_tokens(choice):
    assert parse_answer(completion_with_tokens(**choice), 0, 1).tokens is None


def test_logprobs_of_another_number_of_tokens_are_not_believed():
    made = parse_answer(completion_with_tokens(token_ids=[7, 8], logprobs={"content": [{"token": "He", "logprob": -0.5}]}), 0, 1)
    assert made.tokens == AnswerTokens((1, 2, 3), (7, 8), None)


CALL = {"id": "c", "type": "function", "index": 0, "function": {"name": "bash", "arguments": "{}"}}


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_details": [{"type": "x"}]},
        {"refusal": "I cannot"},
        {"tool_calls": [{**CALL, "function": {"name": "bash", "arguments": {"a": 1}}}]},
        {"tool_calls": [{**CALL, "id": None}]},
        {"tool_calls": [{**CALL, "parser": "own"}]},
        {"reasoning": "one", "reasoning_content": "other"},
    ],
)
def test_what_the_record_leaves_out_of_an_answer_is_kept_as_it_came(message):
    assert parse_answer(completion(message), 0, 1).received == {"role": "assistant", "content": "Hello", **message}


@pytest.mark.parametrize(
    "message",
    [
        {"refusal": None, "annotations": [], "audio": None, "function_call": None},
        {"tool_calls": [CALL]},
        {"reasoning": "same", "reasoning_content": "same"},
        {"reasoning": "only", "content": None},
    ],
)
def test_an_answer_that_the_record_holds_whole_is_not_kept_twice(message):
    assert parse_answer(completion(message), 0, 1).received is None


def test_mended_arguments_are_recorded_beside_the_raw_ones_and_are_what_goes_out():
    call = {**CALL, "function": {"name": "bash", "arguments": '{"command": "ls'}}
    message = parse_answer(completion({"tool_calls": [call, CALL]}), 0, 1).message
    assert [(each.arguments, each.sent_arguments) for each in message.tool_calls] == [('{"command": "ls', "{}"), ("{}", None)]
    sent = [each["function"]["arguments"] for each in to_wire(message)["tool_calls"]]
    assert sent == [each.sent_arguments or each.arguments for each in message.tool_calls]


# Finding the model


def models(*names: str) -> Reply:
    return Reply(200, json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}))


async def refusal_of(target: ModelSettings) -> str:
    with pytest.raises(ConfigError) as caught:
        await discover(target)
    said = str(caught.value)
    assert said.strip()
    assert len(said.splitlines()) == 1
    return said


async def test_the_only_model_is_taken_without_a_name(server):
    server.gets = [models("only")]
    assert (await discover(settings(server, name=""))).name == "only"
    assert server.bodies == []


async def test_a_served_name_is_taken_among_several(server):
    server.gets = [models("a", "b")]
    target = settings(server, name="b", temperature=0.5)
    assert await discover(target) == target


async def test_several_models_need_a_name(server):
    server.gets = [models("b", "a")]
    said = await refusal_of(settings(server, name=""))
    assert "a, b" in said
    assert f"--base-url {server.url}" in said


async def test_no_model_in_the_list_needs_a_name(server):
    server.gets = [models()]
    assert "it lists no model" in await refusal_of(settings(server, name=""))


@pytest.mark.parametrize("listing", [models(), Reply(404, '{"detail":"Not Found"}'), Reply(405, ""), Reply(500, "oops")])
async def test_a_server_without_a_list_is_asked_for_one_token_by_the_name(server, listing):
    server.gets = [listing]
    server.posts = [GOOD]
    target = settings(server, max_tokens=99)
    assert await discover(target) == target
    assert [(body["model"], body["max_tokens"]) for body in server.bodies] == [("tiny", 1)]


async def test_a_name_that_a_server_without_a_list_refuses_is_told(server):
    server.gets = [models()]
    server.posts = [Reply(400, "{\"detail\":\"Server is pinned to 'x'; requested 'tiny'.\"}")]
    said = await refusal_of(settings(server))
    assert "'tiny'" in said
    assert "pinned" in said


async def test_a_wrong_name_is_told_with_those_that_are_served(server):
    server.gets = [models("b", "a")]
    said = await refusal_of(settings(server, name="c"))
    assert "does not serve 'c'" in said
    assert "a, b" in said


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_told_with_the_variable(server, status):
    server.gets = [Reply(status, '{"error":"Unauthorized"}')]
    assert "HARNESS_TEST_KEY" in await refusal_of(settings(server))
    server.gets = [Reply(404, "")]
    server.posts = [Reply(status, '{"error":"Unauthorized"}')]
    assert "HARNESS_TEST_KEY" in await refusal_of(settings(server))


@pytest.mark.parametrize(
    "body", ["<html>\n<body>Welcome</body>\n</html>", "[1, 2]", '{"models": []}', '{"data": [{"name": "x"}]}', '{"data": 3}', ""]
)
async def test_what_is_no_list_of_models_is_no_such_server(server, body):
    server.gets = [Reply(200, body)]
    said = await refusal_of(settings(server))
    assert "not an OpenAI-compatible server" in said
    assert "/v1" in said


async def test_a_refused_connection_is_told(free_port):
    said = await refusal_of(settings(f"http://127.0.0.1:{free_port}/v1"))
    assert "cannot be reached" in said
    assert str(free_port) in said


@pytest.mark.parametrize("body", ["[" * 200_000, '{"data": [{"id": "\\ud800"}]}', '{"data": [{"id": ""}]}', '{"data": "abc"}', "\x1b[2J"])
async def test_a_list_that_nobody_can_read_is_none(server, body):
    server.gets = [Reply(200, body)]
    assert "its /models is no list" in await refusal_of(settings(server))


async def test_names_are_shown_so_that_no_terminal_obeys_them(server):
    server.gets = [models("a\x1b[2Jb", "c\nd")]
    said = await refusal_of(settings(server, name=""))
    assert r"it serves a\x1b[2Jb, c\nd: give --model NAME" in said
    assert r"it serves a\x1b[2Jb, c\nd" in await refusal_of(settings(server, name="e"))
    server.gets = [models("c\nd")]
    assert r"calls its model 'c\nd'" in await refusal_of(settings(server, name=""))
    assert (await discover(settings(server, name="c\nd"))).name == "c\nd"


async def test_a_list_that_comes_a_byte_at_a_time_has_an_end(monkeypatch):
    """Each byte within the time that a read may take."""
    monkeypatch.setattr("harness.discovery._SECONDS", 0.6)
    async with asyncio.timeout(20), Adversary(CASES["a_byte_now_and_then"].behave) as adversary:
        assert "did not answer within 0.6 s" in await refusal_of(settings(adversary.url))


@pytest.mark.parametrize("root", [Reply(404, '{"detail":"Not Found"}'), Reply(200, "<html>Welcome</html>")])
@pytest.mark.parametrize("listing", [models("only"), models(), Reply(401, '{"error":"Unauthorized"}')])
@pytest.mark.parametrize("name", ["", "tiny"])
async def test_a_url_that_lacks_its_end_is_told_with_it(name, root, listing):
    server = AnsweringServer(lambda body: Reply(404, '{"detail":"Not Found"}'), {"/v1/models": listing, "/models": root})
    url = server.url.removesuffix("/v1")
    try:
        assert f"did you mean {url}/v1?" in await refusal_of(settings(url, name=name))
    finally:
        server.close()


async def test_what_is_packed_unasked_is_no_server_that_cannot_be_reached(server):
    server.gets = [Reply(200, "{}", {"Content-Encoding": "gzip"})]
    said = await refusal_of(settings(server))
    assert "the answer is packed (gzip)" in said
    assert "reached" not in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000/v1", "begins with http://"),
        ("http://", "names a server"),
        ("http://:8000/v1", "names a server"),
        ("http://localhost:99999/v1", "port out of range"),
        ("http://localhost:-1/v1", "port"),
        ("http://localhost:0/v1", "names a server"),
        ("http://[::1/v1", "is no URL"),
        ("http://a..b/v1", "is no URL"),
        ("http://local host/v1", "names a server"),
        ("ftp://localhost/v1", "begins with http://"),
    ],
)
def test_a_url_that_no_request_can_be_sent_to_is_told(url, words):
    with pytest.raises(ConfigError, match=words) as caught:
        server_url(url)
    assert url in str(caught.value)
    for where in ({"base_url": url}, {"base_url": "http://x/v1", "more_urls": [url]}):
        with pytest.raises(ConfigError, match=words):
            checked({"name": "x", **where}, ModelSettings, ConfigError)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/v1", "https://api.example.com/v1", "http://[::1]:8000/v1", "http://bücher.example/v1"]
)
def test_a_url_is_used_without_a_slash_at_its_end(url):
    assert server_url(url) == server_url(f"{url}/") == url

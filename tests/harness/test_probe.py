"""What the probe finds out of small servers that lack one thing each, of real servers as they were recorded, and of one that fails in the middle."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.config import ModelSettings
from harness.probe import Check, probe
from harness.profile import Profile, read_profile
from harness.tool_formats import FORMATS
from tests.harness.answering import Answer, AnsweringServer, call, calls, completion, error, events, good, has_result, said
from tests.loopback import Reply

SERVERS = Path(__file__).with_name("recorded")
"""Real servers' answers to what the probe asks, and their errors. Of other answers, only that they were given."""

UNTOLD: dict[str, Any] = {"written_at": "", "base_url": "", "rates": ()}
GOOD = Profile(
    **UNTOLD, model="tiny", tool_format="native", tool_calls_seen=True, parallel_calls=True, forced_choice="heard", malformed_history="taken",
    streaming=True, streamed_usage=True, usage=True, reasoning_field="reasoning", reasoning_history="heard", budget_field="thinking_token_budget",
    continues_turn=True, context_tokens=4096, length_field="max_tokens", seeds=True, deterministic=True, token_ids=True, logprobs=True,
    template_kwargs="heard", more_sampling="unknown",
)  # fmt: skip
"""Of `good`."""

Probed = tuple[dict[str, Check], Profile]


class Examiner:
    """Starts a server and examines it; `server` is the last one."""

    def __init__(self) -> None:
        self.server: AnsweringServer
        self._open: list[AnsweringServer] = []

    def start(self, answer: Answer, pages: Mapping[str, Reply] | None = None) -> AnsweringServer:
        self.server = AnsweringServer(answer, pages)
        self._open.append(self.server)
        return self.server

    def examine(
        self, answer: Answer, pages: Mapping[str, Reply] | None = None, *, at_once: int = 1, **settings: Any
    ) -> tuple[list[Check], Profile | None]:
        server = self.start(answer, pages)
        given = {"name": "tiny", "recipe": "none", "request_timeout_seconds": 20.0, **settings}
        return asyncio.run(probe(ModelSettings(base_url=server.url, **given), lambda line: None, at_once=at_once))

    def __call__(self, answer: Answer, pages: Mapping[str, Reply] | None = None, **settings: Any) -> Probed:
        """Of a server that answers to the end."""
        checks, profile = self.examine(answer, pages, **settings)
        assert profile is not None, checks
        return {check.subject: check for check in checks}, profile

    def close(self) -> None:
        for server in self._open:
            server.close()


@pytest.fixture
def examine() -> Iterator[Examiner]:
    made = Examiner()
    yield made
    made.close()


def but(**changes: Callable[[dict[str, Any]], Reply | None]) -> Answer:
    """A good endpoint, but for what the changes answer to; None: as it does otherwise."""

    def answer(body: dict[str, Any]) -> Reply:
        changed = (change(body) for change in changes.values())
        return next((reply for reply in changed if reply is not None), None) or good(body)

    return answer


def test_all_that_a_good_endpoint_can_do_is_seen(examine: Examiner, tmp_path: Path) -> None:
    checks, found = examine(
        good, {"/v1/models": Reply(body='{"data": [{"id": "tiny", "owned_by": "vllm"}]}'), "/version": Reply(body='{"version": "9.9"}')}
    )
    assert [check.subject for check in checks.values() if not check.good] == []
    assert found.model_copy(update=UNTOLD) == GOOD.model_copy(update={"software": "vllm", "version": "9.9"})
    (tmp_path / "p.toml").write_text(found.to_toml(), encoding="utf-8")
    assert read_profile(tmp_path / "p.toml") == found


# Tools


@pytest.mark.parametrize("name", ["hermes", "qwen3_coder", "llama_json", "mistral", "fenced"])
def test_calls_that_the_model_writes_as_text_are_read_in_the_format_they_are_in(examine: Examiner, name: str) -> None:
    written = completion(FORMATS[name].write([("add", '{"a": 2, "b": 3}')]))
    checks, found = examine(but(tools=lambda body: written if body.get("tools") and not has_result(body) else None))
    assert (found.tool_format, found.tool_calls_seen, found.parallel_calls) == (name, True, None)
    assert f"read here as {name}" in checks["tool calls"].words


def test_a_model_that_calls_only_when_it_is_told_how_is_told(examine: Examiner) -> None:
    def told(body: dict[str, Any]) -> Reply | None:
        if body.get("tools"):
            return error(400, '"auto" tool choice requires --enable-auto-tool-choice')
        return completion(FORMATS["fenced"].write([("add", '{"a": 2, "b": 3}')])) if "tool_call" in str(body["messages"]) else None

    checks, found = examine(but(tools=told))
    assert (found.tool_format, found.tool_calls_seen, found.forced_choice) == ("fenced", True, "refused")
    assert "--enable-auto-tool-choice; read here as fenced" in checks["tool calls"].words


def test_a_model_that_never_calls_is_said_to(examine: Examiner) -> None:
    checks, found = examine(but(tools=lambda body: completion("Five.") if body.get("tools") else None))
    assert (found.tool_format, found.tool_calls_seen, found.forced_choice) == ("native", False, "ignored")
    assert not checks["tool calls"].good
    assert "none was seen in a format of ours either" in checks["tool calls"].words


def test_broken_arguments_of_a_call_go_back_mended_with_its_result(examine: Examiner) -> None:
    broken = calls(call(arguments='{"a": 2, "b"'))
    checks, found = examine(but(tools=lambda body: broken if body.get("tools") and not has_result(body) else None))
    assert found.tool_calls_seen
    assert found.forced_choice == "ignored"  # what it gave can be read by nobody
    assert checks["tool calls"].good
    back = next(body for body in examine.server.bodies if has_result(body))
    assert json.loads(back["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {}


def test_one_call_where_two_were_asked_for_is_no_parallel_call(examine: Examiner) -> None:
    checks, found = examine(but(two=lambda body: calls(call()) if "twice" in said(body) else None))
    assert found.parallel_calls is False
    assert checks["parallel calls"].words == "1 of 2 asked for"


def test_a_choice_that_is_not_held_is_ignored_and_one_that_is_not_taken_refused(examine: Examiner) -> None:
    ignored = examine(but(choice=lambda body: completion("Hello.") if "tool_choice" in body else None))[1]
    refused = examine(but(choice=lambda body: error(400, "tool_choice: not here") if "tool_choice" in body else None))[1]
    assert (ignored.forced_choice, refused.forced_choice) == ("ignored", "refused")


@pytest.mark.parametrize("status", [400, 500])
def test_a_broken_history_that_is_refused_is_told_from_a_server_that_fails(examine: Examiner, status: int) -> None:
    def refuses(body: dict[str, Any]) -> Reply | None:
        broken = any(
            made["function"]["arguments"] == '{"a": 2, "b"' for message in body["messages"] for made in message.get("tool_calls", ())
        )
        return error(status, "Failed to parse tool call arguments as JSON") if broken else None

    checks, found = examine(but(history=refuses))
    assert found.malformed_history == "refused"
    assert f"refused, so mended first: {status}: Failed to parse" in checks["malformed history"].words


# Answers


def test_streams_are_read_to_their_end(examine: Examiner) -> None:
    def streamed(*sent: dict[str, Any], done: bool = True) -> Probed:
        return examine(but(stream=lambda body: events(*sent, done=done) if body.get("stream") else None))

    begun = {"choices": [{"index": 0, "delta": {"content": "hi"}}]}
    ended = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    checks, found = streamed(begun, ended, done=False)
    assert (found.streaming, found.streamed_usage) == (True, False)
    assert checks["streaming"].words == "2 chunks, has no [DONE], without usage"
    checks, found = streamed(begun)
    assert found.streaming is False
    assert checks["streaming"].words.endswith("it never says that it ends")
    checks, found = streamed(begun, {"error": {"message": "out of memory"}}, ended)
    assert found.streaming is False
    assert "out of memory" in checks["streaming"].words
    assert streamed(ended, {"usage": {"prompt_tokens": 1}})[1].streamed_usage is True  # in an event of its own
    assert streamed()[0]["streaming"].words == "no events"


def test_a_stream_without_its_options_is_asked_for_where_they_are_refused(examine: Examiner) -> None:
    found = examine(but(stream=lambda body: error(422, "stream_options: no") if "stream_options" in body else None))[1]
    assert found.streaming is True


def test_a_server_that_counts_no_tokens_is_believed_to_know_nothing(examine: Examiner) -> None:
    def uncounted(body: dict[str, Any]) -> Reply:
        reply = good(body)
        content = json.loads(reply.body) if reply.status == 200 and not body.get("stream") else None
        return Reply(200, json.dumps({**content, "usage": None})) if content else reply

    checks, found = examine(uncounted)
    assert found.usage is False
    assert (found.template_kwargs, found.reasoning_history, found.continues_turn) == ("unknown", "unknown", False)
    assert checks["usage"].words == "not told"


def test_thinking_is_found_where_it_stands(examine: Examiner) -> None:
    def thinks(message: dict[str, Any] | str) -> Answer:
        return but(thinking=lambda body: completion(message, written=60) if "Think about it" in said(body) else None)

    assert examine(thinks({"content": "391", "reasoning_content": "By tens. " * 9}))[1].reasoning_field == "reasoning_content"
    checks, found = examine(thinks("<think>\nBy tens.\n</think>\n391"))
    assert (found.reasoning_field, found.reasoning_in_text) == (None, True)
    assert checks["thinking"].words == "in the text, between tags"
    checks, found = examine(thinks("391"))
    assert (found.reasoning_field, found.reasoning_in_text) == (None, False)
    refused = but(thinking=lambda body: error(400, "no thinking today") if "Think about it" in said(body) else None)
    assert "no thinking today" in examine(refused)[0]["thinking"].words


def test_who_holds_a_budget_of_thinking_is_seen_by_how_long_it_is(examine: Examiner) -> None:
    def held_by(name: str) -> Answer:
        def answer(body: dict[str, Any]) -> Reply | None:
            if "Think about it" not in said(body):
                return None
            held = name in body or name in body.get("chat_template_kwargs", {})
            return completion({"content": "391", "reasoning": "By tens. " * (1 if held else 9)}, written=60)

        return but(thinking=answer)

    assert examine(held_by("thinking_budget"))[1].budget_field == "thinking_budget"
    nowhere = but(turn=lambda body: completion("Hm.") if "Count to ten." in str(body["messages"]) else None, thinking=held_by("nothing"))
    checks, found = examine(nowhere)
    assert (found.budget_field, found.continues_turn) == (None, False)
    assert checks["thinking budget"].words == "can be held neither there nor from here"
    assert examine(held_by("nothing"))[0]["thinking budget"].words == "held from here, in two requests"


def test_thinking_in_the_history_is_read_ignored_or_refused(examine: Examiner) -> None:
    def when(reply: Reply) -> str:
        sent = but(history=lambda body: reply if has_result(body) and "reasoning" in body["messages"][1] else None)
        return examine(sent)[1].reasoning_history

    assert [when(completion("5", prompt=40)), when(completion("5", prompt=99)), when(error(400, "reasoning: extra field"))] == [
        "ignored", "heard", "refused",
    ]  # fmt: skip


def test_a_length_by_its_newer_name_is_used_to_the_end(examine: Examiner) -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    found = examine(but(length=lambda body: error(400, words) if "max_tokens" in body else None))[1]
    assert found.length_field == "max_completion_tokens"
    assert all("max_tokens" not in body for body in examine.server.bodies[1:])


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        ("This model's maximum context length is 1024 tokens. However, you requested 9251 tokens", 1024),
        ("request (9227 tokens) exceeds the available context size (1024 tokens), try increasing it", 1024),
        ("that is too much", None),
        (f"This model's maximum context length is {'9' * 5000} tokens", None),
        ("This model's maximum context length is 0 tokens", None),
    ],
)
def test_the_context_is_by_what_the_server_says_of_too_much(examine: Examiner, words: str, tokens: int | None) -> None:
    checks, found = examine(but(length=lambda body: error(400, words) if body.get("max_tokens", 0) > 4096 else None))
    assert found.context_tokens == tokens
    assert checks["context"].good == (tokens is not None)


@pytest.mark.parametrize(("listed", "tokens"), [(32768, 32768), (True, None), (-1, None), ("many", None), (10**30, None)])
def test_the_context_is_by_the_list_of_models_where_that_tells_it(examine: Examiner, listed: Any, tokens: int | None) -> None:
    pages = {"/v1/models": Reply(body=json.dumps({"data": [{"id": "other", "max_model_len": 1}, {"id": "tiny", "max_model_len": listed}]}))}
    takes_all = but(length=lambda body: completion("Hello.") if body.get("max_tokens", 0) > 4096 else None)
    assert examine(takes_all, pages)[1].context_tokens == tokens


def test_seeds_and_determinism_are_told_from_a_model_that_says_the_same_in_any_case(examine: Examiner) -> None:
    count = iter(range(1000))

    def words(text: Callable[[dict[str, Any]], str]) -> Answer:
        return but(seeds=lambda body: completion(text(body)) if "random words" in said(body) else None)

    checks, found = examine(words(lambda body: "ever the same"))
    assert (found.seeds, found.deterministic, checks["seeds"].words) == (None, True, "the same text for all")
    checks, found = examine(words(lambda body: f"{next(count)}"))
    assert (found.seeds, found.deterministic, checks["seeds"].words) == (False, False, "not held")
    refused = but(seeds=lambda body: error(400, "seed: no") if "random words" in said(body) else None)
    checks, found = examine(refused)
    assert (found.seeds, found.deterministic) == (None, None)
    assert checks["seeds"].words == checks["determinism"].words == "not known"


def test_token_ids_and_logprobs_are_apart(examine: Examiner) -> None:
    def told(reply: Reply) -> tuple[bool, bool]:
        found = examine(but(tokens=lambda body: reply if body.get("logprobs") else None))[1]
        return found.token_ids, found.logprobs

    assert told(completion("Hi")) == (False, False)
    assert told(completion("Hi", choice={"token_ids": [7]}, prompt_token_ids=[1])) == (True, False)
    assert told(completion("Hi", choice={"logprobs": {"content": [{"logprob": -1.0}]}})) == (False, True)
    found = examine(but(tokens=lambda body: error(422, "Unexpected fields") if body.get("return_token_ids") else None))[1]
    assert (found.token_ids, found.logprobs) == (False, True)


def test_fields_beside_the_api_are_heard_ignored_or_refused(examine: Examiner) -> None:
    ignored = examine(but(fields=lambda body: completion("Hello.") if body.get("chat_template_kwargs") else None))[1]
    assert ignored.template_kwargs == "ignored"
    refused = but(fields=lambda body: error(422, "Unexpected fields") if "chat_template_kwargs" in body or "top_k" in body else None)
    checks, found = examine(refused)
    assert (found.template_kwargs, found.more_sampling) == ("refused", "refused")
    assert "Unexpected fields" in checks["top_k"].words


# How much at once


def shared_out(places: int, seconds: float) -> Answer:
    """So many are answered at a time, in so many seconds; the others wait."""
    free = threading.Semaphore(places)

    def counted(body: dict[str, Any]) -> Reply | None:
        if "Count from" not in said(body):
            return None
        with free:
            time.sleep(seconds)
        return completion("one two three", written=64)

    return but(count=counted)


def test_the_knee_is_where_more_at_once_brings_no_more_tokens(examine: Examiner) -> None:
    checks, found = examine(shared_out(4, 0.8), at_once=32)
    assert [rate.at_once for rate in found.rates] == [1, 2, 4, 8]
    assert found.safe_concurrency == 4
    assert checks["concurrency"].words.endswith("no more than 4 at once")


def test_no_knee_is_told_where_none_is_met(examine: Examiner) -> None:
    found = examine(shared_out(100, 0.5), at_once=4)[1]
    assert [rate.at_once for rate in found.rates] == [1, 2, 4]
    assert found.safe_concurrency is None


def test_what_fails_at_once_is_past_the_knee(examine: Examiner) -> None:
    under_way = 0
    lock = threading.Lock()

    def overloaded(body: dict[str, Any]) -> Reply | None:
        nonlocal under_way
        if "Count from" not in said(body):
            return None
        with lock:
            under_way += 1
            refused = under_way > 2
        time.sleep(0.1)
        with lock:
            under_way -= 1
        return error(429, "slow down") if refused else completion("one two", written=64)

    checks, found = examine(but(count=overloaded), at_once=32)
    assert found.safe_concurrency == 2
    assert found.rates[-1].failed == 2
    assert "2 requests failed" in checks["concurrency"].words


# Failures


def counted(answer: Callable[[int, dict[str, Any]], Reply]) -> Answer:
    number = -1
    lock = threading.Lock()

    def numbered(body: dict[str, Any]) -> Reply:
        nonlocal number
        with lock:
            number += 1
            mine = number
        return answer(mine, body)

    return numbered


@pytest.mark.parametrize("kind", ["drops", "is loading", "hangs", "limits"])
def test_a_server_that_answers_nothing_has_no_profile(examine: Examiner, kind: str) -> None:
    checks, profile = examine.examine(lambda body: _failing(kind), request_timeout_seconds=1.0)
    assert profile is None
    assert [(check.subject, check.good) for check in checks[1:]] == [("answer", False)]
    assert not checks[-1].words.endswith(":"), "an error without words has its name"
    assert kind != "hangs" or "no answer: ReadTimeout" in checks[-1].words or "no answer: TimeoutError" in checks[-1].words


def _failing(kind: str) -> Reply:
    if kind == "hangs":
        time.sleep(1.6)
    return {
        "drops": Reply(body='{"choices": [', drop=True),
        "is loading": error(503, "loading model"),
        "hangs": Reply(body="{}"),
        "limits": error(429, "slow down"),
    }[kind]


@pytest.mark.parametrize(
    ("after", "kind"),
    [(1, "drops"), (3, "is loading"), (6, "limits"), (9, "drops"), (12, "is loading"), (16, "limits"), (20, "drops"), (23, "is loading")],
)
def test_one_that_fails_in_the_middle_is_said_to_and_nothing_is_made_of_it(examine: Examiner, after: int, kind: str) -> None:
    checks, profile = examine.examine(counted(lambda number, body: good(body) if number < after else _failing(kind)))
    assert profile is None
    last = checks[-1]
    assert (last.subject, last.good) == ("server", False)
    assert "answers no more since it was asked about" in last.words
    assert "ask again when it is back" in last.words
    assert len(examine.server.bodies) <= after + 3  # it is not asked on and on


def test_one_that_hangs_in_the_middle_is_given_up_after_one_more_question(examine: Examiner) -> None:
    checks, profile = examine.examine(
        counted(lambda number, body: good(body) if number < 5 else _failing("hangs")), request_timeout_seconds=1.0
    )
    assert profile is None
    assert "asked about forced" in checks[-1].words or "asked about history" in checks[-1].words
    assert len(examine.server.bodies) in (7, 8)  # a question that is lost with a connection at once is put again, one that hangs is not


def test_one_that_dies_of_many_at_once_has_no_profile(examine: Examiner) -> None:
    dead = threading.Event()

    def answer(body: dict[str, Any]) -> Reply:
        if "Count from 1 " in said(body):
            dead.set()
        return error(502, "bad gateway") if dead.is_set() else good(body)

    checks, profile = examine.examine(answer, at_once=4)
    assert profile is None
    assert "asked about concurrency (502: bad gateway)" in checks[-1].words


@pytest.mark.parametrize(("at", "kind"), [(2, "drops"), (5, "is loading"), (9, "limits"), (14, "drops"), (19, "is loading")])
def test_one_hiccup_changes_nothing(examine: Examiner, at: int, kind: str) -> None:
    found = examine(counted(lambda number, body: _failing(kind) if number == at else good(body)))[1]
    assert found.model_copy(update=UNTOLD) == GOOD


LONG_NUMBER = "1" * 5000
HELLO = '{"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]'
ODD = {
    "choices a number": Reply(body='{"choices": 5}'),
    "choices an object": Reply(body='{"choices": {"message": {}}}'),
    "choices a text": Reply(body='{"choices": "message"}'),
    "an unknown encoding": Reply(body=HELLO + "}", headers={"Content-Type": "application/json; charset=hex"}),
    "a long number": Reply(body=HELLO + f', "more": {LONG_NUMBER}}}'),
    "a long number in the message": Reply(body=f'{{"choices": [{{"message": {{"content": "Hi", "more": {LONG_NUMBER}}}}}]}}'),
    "control characters": Reply(
        body=json.dumps({"choices": [{"message": {"content": "\x1b[2J"}, "finish_reason": "\x1b[2J[bold]" * 999}]})
    ),
    "an error of them": error(418, "\x1b[2J\u202e" * 999),
    "events of anything": Reply(body='data: {"choices": 5}\n\ndata: {"choices": [7], "error": "\x1b"}\n\ndata: [\n\n'),
    "nothing": Reply(body=""),
    "deep": Reply(body="[" * 100_000),
    "a redirect": Reply(302, "", {"Location": "/v1/chat/completions"}),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_nothing_that_a_server_sends_raises_or_reaches_the_terminal_as_it_is(examine: Examiner, odd: Reply, tmp_path: Path) -> None:
    """To everything but the plain question, and to everything."""
    pages = {
        "/v1/models": Reply(body='{"data": [{"id": "tiny", "owned_by": "vllm", "max_model_len": "\\u001b"}, 5]}'),
        "/version": Reply(body='{"version": "\\ud800\\u001b[2J' + "9" * 5000 + '"}'),
    }
    mostly = examine.examine(lambda body: good(body) if said(body) == "Say hello." and len(body) == 3 else odd, pages)
    for checks, profile in (mostly, examine.examine(lambda body: odd, pages)):
        assert all(check.words.isprintable() and len(check.words) <= 300 for check in checks)
        if profile is not None:
            (tmp_path / "p.toml").write_text(profile.to_toml(), encoding="utf-8")
            assert read_profile(tmp_path / "p.toml") == profile
    assert mostly[1] is not None


# Real servers


EXPECTED: dict[str, dict[str, Any]] = {
    "vllm": {
        "software": "vllm", "version": "0.32.0", "tool_calls_seen": True, "forced_choice": "ignored", "malformed_history": "taken", "streaming": True,
        "streamed_usage": True, "reasoning_field": "reasoning", "context_tokens": 1024, "token_ids": True, "logprobs": True, "template_kwargs": "heard",
    },
    "lls": {
        "software": "llama.cpp", "tool_calls_seen": True, "forced_choice": "heard", "malformed_history": "refused", "streaming": True,
        "streamed_usage": True, "reasoning_field": "reasoning_content", "context_tokens": 1024, "token_ids": False, "logprobs": True,
        "template_kwargs": "heard",
    },
    "tfs": {
        "software": "transformers", "tool_calls_seen": True, "forced_choice": "heard", "malformed_history": "refused", "streaming": True,
        "streamed_usage": True, "reasoning_field": "reasoning_content", "context_tokens": None, "token_ids": False, "logprobs": False,
        "template_kwargs": "heard",
    },
    "lcp": {
        "software": None, "tool_calls_seen": False, "forced_choice": "ignored", "malformed_history": "refused", "streaming": True,
        "streamed_usage": False, "reasoning_field": None, "reasoning_in_text": True, "token_ids": False, "template_kwargs": "ignored",
    },
    "mr": {
        "tool_calls_seen": True, "forced_choice": "heard", "malformed_history": "taken", "streaming": True, "streamed_usage": True,
        "reasoning_field": "reasoning_content", "context_tokens": 1024, "token_ids": False, "logprobs": True, "template_kwargs": "heard",
    },
}  # fmt: skip


def recorded(answers: dict[str, dict[str, Any]]) -> tuple[Answer, dict[str, Reply]]:
    """A server that answers each question of the probe as the recorded one answered its like, with `add` for the tool that it called."""

    def reply(name: str) -> Reply:
        was = answers[name]
        return Reply(
            was["code"], was["body"].replace('"bash"', '"add"'), {"Content-Type": was["ctype"] or "text/plain", "Server": "uvicorn"}
        )

    def answer(body: dict[str, Any]) -> Reply:
        history = [made for message in body["messages"] for made in message.get("tool_calls", ())]
        asked = (
            ("stream_usage", body.get("stream")),
            ("tools_named", "tool_choice" in body),
            ("return_token_ids", "return_token_ids" in body),
            ("logprobs", "logprobs" in body),
            ("ERR_bad_toolcall_args", any(made["function"]["arguments"] == '{"a": 2, "b"' for made in history)),
            ("tool_roundtrip", history),
            ("tools_auto", body.get("tools")),
            ("ERR_ctx_maxtok", body.get("max_tokens", 0) > 4096),
            ("ERR_ctx_prompt", len(said(body)) > 4096),
            ("no_think", "chat_template_kwargs" in body),
        )
        return reply(next((name for name, is_it in asked if is_it), "chat_plain_answer"))

    return answer, {"/v1/models": reply("models"), "/version": reply("version"), "/health": reply("health")}


@pytest.mark.parametrize("name", EXPECTED)
def test_real_servers_are_seen_as_they_are(examine: Examiner, name: str) -> None:
    answer, pages = recorded(json.loads((SERVERS / f"{name}.json").read_text(encoding="utf-8")))
    found = examine(answer, pages)[1].model_dump()
    assert {setting: found[setting] for setting in EXPECTED[name]} == EXPECTED[name]

"""A server that misbehaves in one named way: raw bytes on loopback, so that nothing on its side is tidier than it looks.

Each case is a function that is given the connection, the request's body and its number, and writes what it likes. `CASES` names what has to
come of it: `answered`, `overflow`, or the class of the failure. A GET gets what a POST gets, with a list of models for an answer.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

CALL = {"id": "call_1", "type": "function", "function": {"name": "submit", "arguments": "{}"}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 3}


class Line:
    """One request's connection."""

    def __init__(self, writer: asyncio.StreamWriter, method: str, body: dict[str, Any], number: int) -> None:
        self.writer = writer
        self.method = method
        self.body = body
        self.number = number
        """Of the request, from 0, over all connections."""

    async def send(self, content: bytes | str, status: str = "200 OK", **headers: str) -> None:
        body = content.encode() if isinstance(content, str) else content
        named = {"Content-Type": "application/json", "Content-Length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value != "")
        self.writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)
        await self.writer.drain()

    async def answer(self, message: dict[str, Any] | None = None, /, finish_reason: Any = "tool_calls", **more: Any) -> None:
        await self.send(completion(message, finish_reason, **more) if message is not None or more else self.good(finish_reason))

    def good(self, finish_reason: Any = "tool_calls") -> str:
        return completion(None, finish_reason) if self.method == "POST" else json.dumps({"object": "list", "data": [{"id": "x"}]})

    async def error(self, status: int, message: str, /, **more: Any) -> None:
        headers = more.pop("headers", {})
        await self.send(json.dumps({"error": {"message": message, **more}}), f"{status} Oops", **headers)

    def hang_up(self) -> None:
        self.writer.transport.abort()


def completion(message: dict[str, Any] | None = None, finish_reason: Any = "tool_calls", **more: Any) -> str:
    said = {"role": "assistant", "content": None, "tool_calls": [CALL]} if message is None else {"role": "assistant", **message}
    choices = more.pop("choices", [{"index": 0, "message": said, "finish_reason": finish_reason}])
    return json.dumps({"id": "x", "object": "chat.completion", "choices": choices, "usage": USAGE, **more})


Behaviour = Callable[[Line], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    behave: Behaviour
    outcome: str


CASES: dict[str, Case] = {}
ONCE: set[str] = set()
"""Those that end well when they are asked again."""


def case(outcome: str) -> Callable[[Behaviour], Behaviour]:
    def note(behave: Behaviour) -> Behaviour:
        CASES[behave.__name__] = Case(behave, outcome)
        return behave

    return note


def first(behave: Behaviour) -> Behaviour:
    """Only with the first request; then all is well."""

    async def behaved(line: Line) -> None:
        await (behave(line) if line.number == 0 else line.answer())

    behaved.__name__ = behave.__name__
    ONCE.add(behave.__name__)
    return behaved


# How the bytes come


@case("answered")
async def slow_first_byte(line: Line) -> None:
    await asyncio.sleep(0.2)
    await line.answer()


@case("connection")
async def no_byte_ever(line: Line) -> None:
    await asyncio.sleep(5)


@case("connection")
async def a_byte_now_and_then(line: Line) -> None:
    line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(200):
        line.writer.write(b" ")
        await line.writer.drain()
        await asyncio.sleep(0.03)


@case("protocol")
async def endless_whitespace(line: Line) -> None:
    line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    portion = b" " * 2**20
    for _ in range(80):
        line.writer.write(b"%x\r\n%s\r\n" % (len(portion), portion))
        await line.writer.drain()


@case("protocol")
async def a_huge_body(line: Line) -> None:
    await line.send(b'{"choices": "' + b"a" * (65 * 2**20) + b'"}')


@case("protocol")
async def a_packed_bomb(line: Line) -> None:
    await line.send(gzip.compress(b" " * 2**24), Content_Encoding="gzip")


@case("protocol")
async def claims_to_be_packed(line: Line) -> None:
    await line.send(line.good(), Content_Encoding="br")


@case("connection")
async def dropped_before_the_head(line: Line) -> None:
    line.hang_up()


@case("connection")
async def dropped_in_the_head(line: Line) -> None:
    line.writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    await line.writer.drain()
    line.hang_up()


@case("connection")
async def dropped_in_mid_body(line: Line) -> None:
    content = completion().encode()
    line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content[:20])
    await line.writer.drain()
    line.hang_up()


@case("answered")
@first
async def dropped_once(line: Line) -> None:
    line.hang_up()


@case("connection")
async def chunks_that_are_none(line: Line) -> None:
    line.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\n")
    await line.writer.drain()
    line.hang_up()


@case("connection")
async def no_http_at_all(line: Line) -> None:
    line.writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await line.writer.drain()
    line.hang_up()


@case("connection")
async def a_header_without_end(line: Line) -> None:
    line.writer.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 2**20)
    await line.writer.drain()
    line.hang_up()


@case("protocol")
async def less_than_the_length_says(line: Line) -> None:
    await line.send(line.good()[:40])


@case("answered")
async def closes_after_each_answer(line: Line) -> None:
    await line.send(line.good(), Connection="close")
    line.writer.close()


# What the body is


@case("answered")
async def wrong_content_type(line: Line) -> None:
    await line.send(line.good(), Content_Type="text/html")


@case("answered")
async def no_content_type(line: Line) -> None:
    await line.send(line.good(), Content_Type="")


@case("protocol")
async def a_page_of_html(line: Line) -> None:
    await line.send("<html><body>Sign in</body></html>", Content_Type="text/html")


@case("protocol")
async def an_empty_body(line: Line) -> None:
    await line.send("")


@case("protocol")
async def no_content(line: Line) -> None:
    await line.send("", "204 No Content")


@case("protocol")
async def a_stream_that_was_not_asked_for(line: Line) -> None:
    await line.send(f"data: {completion()}\n\ndata: [DONE]\n\n", Content_Type="text/event-stream")


@case("protocol")
async def bytes_that_are_no_text(line: Line) -> None:
    await line.send(b"\xff\xfe\x00\x01" * 100)


@case("protocol")
async def brackets_without_end(line: Line) -> None:
    await line.send("[" * 100_000)


@case("protocol")
async def half_of_a_surrogate(line: Line) -> None:
    await line.send('{"choices": [{"message": {"content": "\\ud800"}}]}')


@case("server")
async def a_200_with_an_error_body(line: Line) -> None:
    await line.send(json.dumps({"error": {"message": "something broke", "code": 500}}))


@case("quota")
async def a_200_that_means_the_quota(line: Line) -> None:
    await line.send(json.dumps({"error": {"message": "pay", "code": "insufficient_quota"}}))


@case("protocol")
async def a_redirect_to_itself(line: Line) -> None:
    await line.send("", "307 Temporary Redirect", Location="/v1/chat/completions")


# What the answer holds


@case("protocol")
async def empty_choices(line: Line) -> None:
    await line.answer(choices=[])


@case("protocol")
async def null_choices(line: Line) -> None:
    await line.answer(choices=None)


@case("protocol")
async def a_choice_without_a_message(line: Line) -> None:
    await line.answer(choices=[{"index": 0, "finish_reason": "stop"}])


@case("answered")
async def a_message_without_anything(line: Line) -> None:
    await line.answer({}, finish_reason="stop")


@case("answered")
async def content_in_parts(line: Line) -> None:
    await line.answer({"content": [{"type": "text", "text": "Hello"}]}, finish_reason="stop")


@case("answered")
async def null_arguments(line: Line) -> None:
    await line.answer({"tool_calls": [{**CALL, "function": {"name": "submit", "arguments": None}}]})


@case("answered")
async def arguments_as_an_object(line: Line) -> None:
    await line.answer({"tool_calls": [{**CALL, "function": {"name": "submit", "arguments": {"a": 1}}}]})


@case("answered")
async def arguments_in_python(line: Line) -> None:
    await line.answer({"tool_calls": [{**CALL, "function": {"name": "submit", "arguments": "{'a': True,}"}}]})


@case("answered")
async def arguments_that_are_noise(line: Line) -> None:
    await line.answer({"tool_calls": [{**CALL, "function": {"name": "bash", "arguments": "{" * 5000}}]})


@case("answered")
async def duplicated_ids(line: Line) -> None:
    await line.answer({"tool_calls": [{**CALL, "function": {"name": "bash", "arguments": '{"command": "ls"}'}}, CALL]})


@case("answered")
async def no_ids(line: Line) -> None:
    await line.answer({"tool_calls": [{"function": CALL["function"]}]})


@case("answered")
async def a_tool_that_there_is_not(line: Line) -> None:
    await line.answer({"tool_calls": [{**CALL, "function": {"name": "launch_missiles", "arguments": "{}"}}]})


@case("answered")
async def a_call_without_a_name(line: Line) -> None:
    await line.answer({"tool_calls": [{**CALL, "function": {"arguments": "{}"}}]})


@case("protocol")
async def a_call_without_a_function(line: Line) -> None:
    await line.answer({"tool_calls": [{"id": "call_1"}]})


@case("answered")
async def a_thousand_calls(line: Line) -> None:
    await line.answer({"tool_calls": [CALL] * 1000})


@case("answered")
async def usage_that_is_wrong(line: Line) -> None:
    await line.answer(usage={"prompt_tokens": -5, "completion_tokens": "many", "prompt_tokens_details": {"cached_tokens": 10**30}})


@case("answered")
async def usage_that_is_a_list(line: Line) -> None:
    await line.answer(usage=[1, 2])


@case("answered")
async def no_usage(line: Line) -> None:
    await line.answer(usage=None)


@case("answered")
async def logprobs_that_are_no_numbers(line: Line) -> None:
    await line.send(
        completion().replace('"finish_reason"', '"logprobs": {"content": [{"logprob": NaN}]}, "token_ids": "x", "finish_reason"')
    )


@case("answered")
async def a_finish_reason_of_its_own(line: Line) -> None:
    await line.answer(None, finish_reason="eos_token")


@case("answered")
async def reasoning_that_is_no_text(line: Line) -> None:
    await line.answer({"content": "Hello", "reasoning": {"steps": []}, "reasoning_content": 5}, finish_reason="stop")


@case("answered")
async def control_characters(line: Line) -> None:
    await line.answer({"content": "\x1b[2J\x00\u202e" * 100}, finish_reason="stop")


# What it refuses


@case("rate_limit")
async def too_many_for_ever(line: Line) -> None:
    await line.error(429, "slow down", headers={"Retry_After": "3600"})


@case("answered")
@first
async def a_skewed_clock_in_retry_after(line: Line) -> None:
    theirs = datetime.now(UTC) + timedelta(days=400)
    dates = {"Date": format_datetime(theirs, usegmt=True), "Retry_After": format_datetime(theirs, usegmt=True)}
    await line.error(429, "slow down", headers=dates)


@case("answered")
@first
async def a_retry_after_that_is_no_time(line: Line) -> None:
    await line.error(503, "soon", headers={"Retry_After": "nan"})


@case("answered")
@first
async def a_retry_after_in_the_past(line: Line) -> None:
    await line.error(429, "slow down", headers={"Retry_After": "Thu, 01 Jan 1970 00:00:00 GMT"})


@case("quota")
async def an_exhausted_quota(line: Line) -> None:
    await line.error(429, "You exceeded your current quota, please check your plan", code="insufficient_quota")


@case("quota")
async def a_quota_in_words_only(line: Line) -> None:
    await line.error(429, "You exceeded your current quota")


@case("authentication")
async def a_bad_key(line: Line) -> None:
    await line.send('{"error": "Unauthorized"}', "401 Unauthorized")


@case("not_found")
async def a_model_that_went_away(line: Line) -> None:
    await line.error(404, "The model `x` does not exist.")


@case("server")
async def a_500_for_ever(line: Line) -> None:
    await line.error(500, "Internal Server Error")


@case("answered")
@first
async def a_500_once(line: Line) -> None:
    await line.error(500, "Internal Server Error")


@case("server")
async def an_engine_that_died(line: Line) -> None:
    await line.error(500, "EngineCore encountered an issue.")


@case("bad_request")
async def a_refusal_in_detail(line: Line) -> None:
    await line.send('{"detail": [{"loc": ["body"], "msg": "no"}]}', "422 Unprocessable Entity")


@case("overflow")
async def an_overflow_in_disguise(line: Line) -> None:
    await line.error(400, "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)")


@case("overflow")
async def an_overflow_as_flat_text(line: Line) -> None:
    await line.send('{"object": "error", "message": "This model\'s maximum context length is 10 tokens"}', "400 Bad Request")


@case("answered")
async def a_shorter_answer_is_wanted(line: Line) -> None:
    if line.body.get("max_tokens", 0) > 512:
        await line.error(400, "max_tokens=4096 cannot be greater than max_model_len=1024. Please request fewer output tokens.")
    else:
        await line.answer()


@case("bad_request")
async def a_teapot(line: Line) -> None:
    await line.send("short and stout", "418 I'm a teapot", Content_Type="text/plain")


@case("server")
async def an_error_of_many_megabytes(line: Line) -> None:
    await line.send(b'{"error": "' + b"x" * 2**23 + b'"}', "500 Oops")


class Adversary:
    """Listens on loopback until it is closed; every request gets the one behaviour."""

    def __init__(self, behave: Behaviour, port: int = 0) -> None:
        self._behave = behave
        self._port = port
        self._requests = 0
        self.url = ""

    async def __aenter__(self) -> Adversary:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def requests(self) -> int:
        return self._requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")), 0)
                body = json.loads(await reader.readexactly(length) or "{}")
                number, self._requests = self._requests, self._requests + 1
                await self._behave(Line(writer, head.partition(b" ")[0].decode(), body, number))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

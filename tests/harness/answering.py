"""A server that answers each request by a function of it, and what a good endpoint would answer the probe."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tests.loopback import LoopbackServer, Reply, Request

Answer = Callable[[dict[str, Any]], Reply]


class AnsweringServer(LoopbackServer):
    """POSTs go to `answer`, by their bodies; GETs to `pages`, by their paths."""

    def __init__(self, answer: Answer, pages: Mapping[str, Reply] | None = None) -> None:
        super().__init__()
        self.bodies: list[dict[str, Any]] = []
        self.answer = answer
        self.pages = dict(pages or {})
        self.counted = threading.Lock()

    def reply_to(self, request: Request) -> Reply:
        if request.method == "GET":
            return self.pages.get(request.path, Reply(404, '{"detail":"Not Found"}'))
        body = request.json()
        with self.counted:
            self.bodies.append(body)
        return self.answer(body)


def error(status: int, message: str) -> Reply:
    return Reply(status, json.dumps({"error": {"message": message, "code": status}}))


def completion(message: dict[str, Any] | str, *, prompt: int = 10, written: int = 8, choice: Any = None, **more: Any) -> Reply:
    said = {"content": message} if isinstance(message, str) else message
    choices = [{"index": 0, "message": {"role": "assistant", **said}, "finish_reason": "stop", **(choice or {})}]
    usage = {"prompt_tokens": prompt, "completion_tokens": written}
    return Reply(200, json.dumps({"id": "x", "object": "chat.completion", "choices": choices, "usage": usage, **more}))


def call(identifier: str = "call_1", arguments: str = '{"a": 2, "b": 3}') -> dict[str, Any]:
    return {"id": identifier, "type": "function", "function": {"name": "add", "arguments": arguments}}


def calls(*made: dict[str, Any]) -> Reply:
    return completion({"content": None, "tool_calls": list(made)})


def events(*sent: dict[str, Any], done: bool = True, drop: bool = False) -> Reply:
    lines = [f"data: {json.dumps(event)}\n\n" for event in sent] + (["data: [DONE]\n\n"] if done else [])
    return Reply(200, "".join(lines), {"Content-Type": "text/event-stream"}, drop)


def said(body: Mapping[str, Any]) -> str:
    return str(body["messages"][-1].get("content") or "")


def has_result(body: Mapping[str, Any]) -> bool:
    return body["messages"][-1]["role"] == "tool"


def good(body: dict[str, Any]) -> Reply:
    """All that the probe looks for is there."""
    if body.get("stream"):
        ended = {"index": 0, "delta": {}, "finish_reason": "stop"}
        return events(
            {"choices": [{"index": 0, "delta": {"content": "hi"}}]}, {"choices": [ended]}, {"choices": [], "usage": {"prompt_tokens": 1}}
        )
    if body.get("max_tokens", 0) > 4096:
        return error(400, "max_tokens=100000000 cannot be greater than max_model_len=4096. Please request fewer output tokens.")
    if "tool_choice" in body:
        return calls(call())
    if has_result(body):
        return completion("5", prompt=40 + 10 * any("reasoning" in message for message in body["messages"]))
    if "twice" in said(body):
        return calls(call("call_1"), call("call_2"))
    if body.get("tools"):
        return calls(call())
    if "Think about it" in said(body):
        budget = body.get("thinking_token_budget")
        return completion(
            {"content": "391", "reasoning": "Seventeen times twenty is 340. " * (1 if budget else 5)}, written=8 if budget else 60
        )
    if "Count to ten." in body["messages"][0]["content"]:
        return completion("5 6", prompt=12 if body.get("continue_final_message") else 16)
    if "random words" in said(body):
        return completion(f"words of {body.get('seed')}" if body.get("temperature") else "the likeliest words")
    if body.get("logprobs"):
        told = {"logprobs": {"content": [{"token": "Hi", "logprob": -0.5}]}, "token_ids": [7] if body.get("return_token_ids") else None}
        return completion("Hi", choice=told, prompt_token_ids=[1, 2] if body.get("return_token_ids") else None)
    return completion("Hello.", prompt=14 if body.get("chat_template_kwargs") else 10)

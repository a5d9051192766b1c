"""A policy that is played: an OpenAI-compatible server on loopback which tells token ids and logprobs, and does with each attempt what it is told.

The model's part is a script; tokens, sandboxes, grades and whatever stands on the other side of the wire are real. An attempt is known by its
seed. A token is a byte, or one of two marks around each message; of each message only its first bytes are written, so that rows stay short.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from harness.oracle import NOOP_SCRIPT, Script, reference_script
from harness.run import SEEDS_A_TASK
from tasks.task import Task
from tests.loopback import LoopbackServer, Reply, Request, as_json

Conduct = Literal["solve", "give_up", "break", "rewrite", "conceal"]
"""`break`: the server fails at the second turn; `rewrite`: it renders its history in other tokens; `conceal`: it tells no tokens."""

MARKS = (256, 257)
"""Begin and end of a message. The vocabulary is theirs and the bytes'."""
LONGEST = 24


def logprob_of(token: int) -> float:
    """As if it had been sampled so."""
    return -(1 + token % 7) / 8


class StubPolicy(LoopbackServer):
    """Close it when the test is over."""

    def __init__(self, tasks: Sequence[Task], conduct: Callable[[int], Conduct]) -> None:
        """`conduct` by seed."""
        super().__init__()
        self.bodies: list[dict[str, Any]] = []
        """Of the requests of rollouts, in the order in which they came."""
        self.adapters: dict[str, str] = {}
        """Paths by name, of those that are loaded."""
        self._conduct = conduct
        self._scripts = {task.problem_statement: reference_script(task) for task in tasks}

    def reply_to(self, request: Request) -> Reply:
        if request.method == "GET":
            adapters = [{"id": name, "object": "model", "parent": "policy"} for name in self.adapters]
            return as_json({"object": "list", "data": [{"id": "policy", "object": "model"}, *adapters]})
        return self._change(request.path, request.json()) if "lora" in request.path else self._answer(request.json())

    def _change(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/load_lora_adapter":
            self.adapters[body["lora_name"]] = body["lora_path"]
        else:
            assert path == "/v1/unload_lora_adapter"
            del self.adapters[body["lora_name"]]
        return as_json({})

    def _answer(self, body: dict[str, Any]) -> Reply:
        messages = body["messages"]
        script = self._scripts.get(messages[-1]["content"] if len(messages) == 1 else messages[1]["content"])
        if script is None:  # what is asked of a server before any rollout
            return as_json(_completion({"role": "assistant", "content": "Hello."}, _prompt(messages, 0), _written("Hello.", [])))
        self.bodies.append(body)
        conduct = self._conduct(body["seed"] % SEEDS_A_TASK)
        step = sum(message["role"] == "assistant" for message in messages)
        if conduct == "break" and step == 1:
            return as_json({"error": {"message": "the device is gone", "type": "server_error"}}, 500)
        chosen: Script = NOOP_SCRIPT if conduct == "give_up" else script
        call = chosen[min(step, len(chosen) - 1)]
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        message = {
            "role": "assistant", "content": call.words, "tool_calls": [{"id": f"call_{step}", "type": "function", "function": function}]
        }  # fmt: skip
        completion = _completion(message, _prompt(messages, step if conduct == "rewrite" else 0), _written(call.words, [function]))
        if conduct == "conceal":
            del completion["prompt_token_ids"]
        return as_json(completion)


def _completion(message: dict[str, Any], prompt: list[int], written: list[int]) -> dict[str, Any]:
    told = [{"token": str(token), "logprob": logprob_of(token), "top_logprobs": []} for token in written]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "token_ids": written, "logprobs": {"content": told}}
    usage = {"prompt_tokens": len(prompt), "completion_tokens": len(written)}
    return {"id": "x", "object": "chat.completion", "model": "policy", "choices": [choice], "usage": usage, "prompt_token_ids": prompt}


def _prompt(messages: Sequence[dict[str, Any]], shift: int) -> list[int]:
    """All messages, and the beginning of the answer. With a shift the history's letters are others."""
    ids: list[int] = []
    for message in messages:
        functions = [call["function"] for call in message.get("tool_calls") or ()]
        ids += _begun(message["role"]) + _written(message["content"], functions)
    return [token if token in MARKS else (token + shift) % 256 for token in ids] + _begun("assistant")


def _begun(role: str) -> list[int]:
    return [MARKS[0], *role[0].encode()]


def _written(content: str, functions: Sequence[dict[str, str]]) -> list[int]:
    text = "".join([*(f"{function['name']}{function['arguments']}" for function in functions), content])
    return [*text.encode()[:LONGEST], MARKS[1]]

"""A model that writes statements: its endpoint is asked for the one model that it serves, then for one text a prompt."""

from __future__ import annotations

import json

import pytest

from harness.config import ConfigError
from harness.statement_model import statement_model
from tests.harness.fakes import ScriptServer
from tests.loopback import Reply


def answering(text: str) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "writer",
        "choices": [choice],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    return Reply(body=json.dumps(body))


async def test_the_served_model_answers_a_prompt_with_a_text(server: ScriptServer) -> None:
    server.gets = [Reply(body='{"data": [{"id": "writer"}]}')]
    server.posts = [answering("A title\n\nWhat is seen.")]
    async with statement_model(server.url) as (write, name):
        assert name == "writer"
        assert write is not None
        assert await write("Write it.") == "A title\n\nWhat is seen."
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "Write it."}]
    assert not server.bodies[0].get("tools")


async def test_without_an_endpoint_there_is_no_model() -> None:
    async with statement_model(None) as (write, name):
        assert (write, name) == (None, None)


async def test_an_endpoint_that_is_not_there_is_said_before_anything_begins(free_port: int) -> None:
    with pytest.raises(ConfigError, match="cannot be reached"):
        async with statement_model(f"http://127.0.0.1:{free_port}/v1"):
            pass

"""`harness chat` with a server: its answer as it comes, and one line for whatever is no answer."""

from __future__ import annotations

import io
from typing import Any

import pytest

from harness.cli import main
from tests.harness.answering import AnsweringServer, error, events
from tests.loopback import Reply, as_json

ONE_MODEL = {"/v1/models": as_json({"object": "list", "data": [{"id": "m", "object": "model"}]})}
TWO_MODELS = {"/v1/models": as_json({"object": "list", "data": [{"id": "m"}, {"id": "mine", "parent": "m"}]})}
STREAM = {"Content-Type": "text/event-stream"}


def piece(**delta: str) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}


def test_an_answer_comes_with_its_thinking_and_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    pieces = [piece(reasoning_content="Hm"), piece(reasoning_content="."), piece(content="\x1b[31mHello"), piece(content="!")]
    with AnsweringServer(lambda body: events(*pieces), ONE_MODEL) as server:
        assert main(["chat", "Hello?", "--model", server.url, "--no-think", "--system", "Be kind."]) == 0
    out = capsys.readouterr().out
    assert out.startswith("<think>\nHm.\n</think>\n")
    assert out.rstrip().endswith("Hello!")
    assert "\x1b" not in out
    (body,) = server.bodies
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_of_several_models_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with AnsweringServer(lambda body: events(piece(content=f"I am {body['model']}.")), TWO_MODELS) as server:
        assert main(["chat", "Who?", "--model", server.url]) == 2
        assert "it serves m, mine: give --model NAME --base-url" in capsys.readouterr().err
        assert main(["chat", "Who?", "--model", "mine", "--base-url", server.url]) == 0
        assert capsys.readouterr().out == "I am mine.\n"
        assert main(["chat", "Who?", "--model", "yours", "--base-url", server.url]) == 2
        assert "does not serve 'yours'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(200, "<html>hello</html>", {"Content-Type": "text/html"}), "streamed no text"),
        (events(), "streamed no text"),
        (events({"choices": None}), "streamed no text"),
        (events(piece()), "streamed no text"),
        (Reply(200, "data: {half\n\n", STREAM), "failed to answer"),
        (Reply(200, 'data: {"choices": "none"}\n\n', STREAM), "failed to answer"),
        (Reply(200, "data: [1, 2]\n\n", STREAM), "failed to answer"),
        (events(piece(content="Hel"), done=False, drop=True), "failed to answer"),
        (events({"error": {"message": "out of memory", "code": 500}}), "out of memory"),
        (error(400, "no such template"), "no such template"),
        (error(401, "who are you?"), "who are you?"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_no_answer_is_one_line(reply: Reply, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with AnsweringServer(lambda body: reply, ONE_MODEL) as server:
        assert main(["chat", "Hello?", "--model", server.url]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert server.url in lines[0]
    assert said in lines[0]


def test_a_session_goes_on_after_an_answer_that_failed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(body: dict[str, Any]) -> Reply:
        return error(400, "no") if body["messages"][-1]["content"] == "bad" else events(piece(content="Good."))

    monkeypatch.setattr("sys.stdin", io.StringIO("one\nbad\ntwo\n"))
    with AnsweringServer(answer, ONE_MODEL) as server:
        assert main(["chat", "--model", server.url]) == 0
    assert "the session goes on" in capsys.readouterr().err
    assert [message["content"] for message in server.bodies[-1]["messages"]] == ["one", "Good.", "two"]

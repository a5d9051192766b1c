"""What error answers mean, by the bodies that real servers were recorded to give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.chat import ChatError, ContextOverflow, classify

SERVERS = Path(__file__).with_name("recorded")

O, W, B, S, A = "overflow", "not_found", "bad_request", "server", "answered"  # noqa: E741 - a table reads better so

# By case: llama_cpp.server, llama-server, mistralrs, transformers serve, vLLM. "answered": the server took it with a 200.
NAMES = ("lcp", "lls", "mr", "tfs", "vllm")
EXPECTED = {
    "ERR_ctx_prompt": (O, O, O, A, O),
    "ERR_ctx_maxtok": (A, A, A, A, B),
    "ERR_ctx_sum": (A, A, A, A, A),
    "ERR_ctx_prompt_nomax": (O, O, O, A, O),
    "ERR_ctx_completions": (O, O, W, A, O),
    "ERR_ctx_stream": (A, O, O, A, O),
    "ERR_badjson": (S, S, B, B, B),
    "ERR_missing_messages": (A, B, B, S, B),
    "ERR_empty_messages": (A, A, B, S, B),
    "ERR_wrong_model": (A, A, W, B, W),
    "ERR_bad_temp": (S, B, S, S, B),
    "ERR_neg_temp": (A, A, A, A, B),
    "ERR_neg_maxtok": (A, A, S, S, O),
    "ERR_zero_maxtok": (A, A, A, S, O),
    "ERR_bad_role": (S, A, A, A, A),
    "ERR_top_logprobs": (A, A, A, A, B),
    "ERR_bad_tool": (S, S, B, S, B),
    "ERR_bad_toolcall_args": (S, S, A, S, A),
    "ERR_bad_schema": (S, B, B, A, B),
    "ERR_image": (A, S, B, A, B),
    "ERR_unknown_field": (A, A, A, B, A),
    "ERR_404": (W, W, W, W, W),
    "ERR_405": (W, W, W, W, W),
}


@pytest.fixture(params=NAMES)
def recorded(request: pytest.FixtureRequest) -> tuple[str, dict[str, dict]]:
    return request.param, json.loads((SERVERS / f"{request.param}.json").read_text(encoding="utf-8"))


def _class_of(answer: dict) -> str:
    if answer["code"] == 200:
        return "answered"
    meaning = classify(answer["code"], answer["body"])
    return "overflow" if isinstance(meaning, ContextOverflow) else meaning.kind


def test_every_recorded_error_has_its_class(recorded):
    name, answers = recorded
    seen = {case: _class_of(answer) for case, answer in answers.items() if case.startswith("ERR_")}
    assert seen == {case: classes[NAMES.index(name)] for case, classes in EXPECTED.items()}


def test_no_recorded_error_of_another_case_is_an_overflow(recorded):
    _, answers = recorded
    others = {case: _class_of(answer) for case, answer in answers.items() if not case.startswith("ERR_")}
    assert "overflow" not in others.values()


def test_every_recorded_error_is_said_in_one_line(recorded):
    _, answers = recorded
    for answer in answers.values():
        if answer["code"] != 200:
            meaning = classify(answer["code"], answer["body"])
            text = meaning.message if isinstance(meaning, ContextOverflow) else str(meaning)
            assert text.strip()
            assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"object":"error","message":"This model\'s maximum context length is 1024 tokens."}'),
        (400, '{"error":{"message":"You passed 1015 input tokens. However, the model\'s context length is only 1024 tokens"}}'),
        (400, '{"object":"error","message":"The input (61709 tokens) is longer than the model\'s context length (40960 tokens)."}'),
        (400, '{"error":{"message":"max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)"}}'),
        (413, '{"detail":"over the context size"}'),
        (500, '{"error":{"code":"context_length_exceeded","message":"too long"}}'),
        (400, '{"error":{"type":"exceed_context_size_error","message":"too long"}}'),
    ],
)
def test_an_overflow_is_known_by_its_words_or_its_code(status, body):
    assert isinstance(classify(status, body), ContextOverflow)


def test_the_words_of_an_overflow_mean_nothing_in_a_server_error():
    meaning = classify(503, '{"error":{"message":"cannot allocate for the context length"}}')
    assert isinstance(meaning, ChatError)
    assert meaning.kind == "server"


@pytest.mark.parametrize(
    ("status", "body", "kind", "can_pass"),
    [
        (401, '{"error":"Unauthorized"}', "authentication", False),
        (403, "", "authentication", False),
        (402, "{}", "quota", False),
        (429, '{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}', "quota", False),
        (429, '{"error":{"message":"slow down"}}', "rate_limit", True),
        (404, '{"detail":"Not Found"}', "not_found", False),
        (405, '{"detail":"Method Not Allowed"}', "not_found", False),
        (400, '{"error":{"message":"no"}}', "bad_request", False),
        (422, '{"detail":[{"loc":["body"]}]}', "bad_request", False),
        (408, "", "server", True),
        (500, "Internal Server Error", "server", True),
        (503, '{"error":{"message":"Loading model","code":503}}', "server", True),
    ],
)
def test_a_status_has_its_kind_and_says_whether_it_can_pass(status, body, kind, can_pass):
    meaning = classify(status, body, retry_after_seconds=7.0)
    assert isinstance(meaning, ChatError)
    assert (meaning.kind, meaning.can_pass, meaning.status, meaning.retry_after_seconds) == (kind, can_pass, status, 7.0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error":{"message":"in an object"}}', "in an object"),
        ('{"error":"a text"}', "a text"),
        ('{"object":"error","message":"flat"}', "flat"),
        ('{"detail":"a detail"}', "a detail"),
        ("plain\n  text", "plain text"),
        ("", "(empty answer)"),
        ('"just a string"', "just a string"),
    ],
)
def test_the_message_is_found_in_every_shape_of_body(body, said):
    assert str(classify(400, body)) == f"400: {said}"


def test_a_long_body_is_cut():
    assert len(str(classify(500, "<html>" * 1000))) < 400
    assert len(str(classify(500, json.dumps({"error": {"message": "long " * 1000}})))) < 600


@given(status=st.integers(400, 599), body=st.text() | st.recursive(st.none() | st.text(), lambda inner: st.lists(inner)).map(json.dumps))
def test_any_body_at_all_is_classified(status, body):
    assert isinstance(classify(status, body), ChatError | ContextOverflow)


def test_a_body_that_nests_too_deep_is_no_crash():
    assert isinstance(classify(500, "[" * 100_000), ChatError)

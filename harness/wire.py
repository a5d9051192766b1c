"""The wire form of OpenAI's chat API: what a message looks like when it is sent, and what is believed of an answer."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from harness.chat import AnswerTokens, ChatAnswer, ChatError, classify
from harness.tool_formats.repair import repair_object
from trajectories.trajectory import Message, ToolCall, Usage, mended_arguments


def to_wire(message: Message) -> dict[str, Any]:
    """A message as it is sent. Arguments that are no JSON object go out mended: servers refuse or choke on a history with broken ones."""
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _sent(call)}} for call in message.tool_calls
        ]
    return wire


def _none_where_wrong(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """What is beside the answer, and not as it should be, is as if it had not been said."""
    try:
        return validate(value)
    except ValidationError:
        return None


def _text_of_parts(value: object) -> object:
    """Some servers send content as a list of parts, as it may be sent to them."""
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        return "".join(part["text"] for part in value)
    return value


T = TypeVar("T")
_Lenient = Annotated[T | None, WrapValidator(_none_where_wrong)]
_Count = Annotated[int, Field(ge=0, le=10**12)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _WireFunction(_Wire):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _WireCall(_Wire):
    model_config = ConfigDict(extra="allow")

    id: str | None = None
    function: _WireFunction


class _WireMessage(_Wire):
    model_config = ConfigDict(extra="allow")

    content: Annotated[str | None, BeforeValidator(_text_of_parts)] = None
    reasoning: _Lenient[str] = None
    reasoning_content: _Lenient[str] = None
    tool_calls: list[_WireCall] | None = None


class _WireLogprob(_Wire):
    logprob: float = Field(allow_inf_nan=False)


class _WireLogprobs(_Wire):
    content: list[_WireLogprob] | None = None


class _WireChoice(_Wire):
    message: _WireMessage
    finish_reason: str | None = None
    logprobs: _Lenient[_WireLogprobs] = None
    token_ids: _Lenient[list[int]] = None


class _WireDetails(_Wire):
    cached_tokens: _Lenient[_Count] = None
    reasoning_tokens: _Lenient[_Count] = None


class _WireUsage(_Wire):
    prompt_tokens: _Lenient[_Count] = None
    completion_tokens: _Lenient[_Count] = None
    prompt_tokens_details: _Lenient[_WireDetails] = None
    completion_tokens_details: _Lenient[_WireDetails] = None


class _WireAnswer(_Wire):
    choices: list[_WireChoice] = Field(min_length=1)
    usage: _Lenient[_WireUsage] = None
    id: _Lenient[str] = None
    model: _Lenient[str] = None
    prompt_token_ids: _Lenient[list[int]] = None


def parse_answer(body: str, latency_seconds: float, requests: int) -> ChatAnswer:
    """The answer in a 200's body. ChatError of kind `protocol` when it is none, or of its own kind when it is an error in disguise."""
    try:
        answer = _WireAnswer.model_validate_json(body)
    except ValidationError as problem:
        raise _in_disguise(body) or ChatError("protocol", f"not a chat completion: {_complaint(problem)}") from problem
    choice = answer.choices[0]
    calls = _with_own_ids([_call(call, index) for index, call in enumerate(choice.message.tool_calls or ())])
    return ChatAnswer(
        message=Message(
            role="assistant",
            content=choice.message.content or "",
            reasoning=choice.message.reasoning or choice.message.reasoning_content,
            tool_calls=calls,
        ),
        finish_reason=choice.finish_reason or "",
        usage=_usage(answer.usage),
        latency_seconds=latency_seconds,
        requests=requests,
        tokens=_tokens(answer, choice),
        received=json.loads(body)["choices"][0]["message"] if _says_more(choice.message) else None,
        response_id=answer.id,
        served_model=answer.model,
        reasoning_field="reasoning" if choice.message.reasoning else "reasoning_content" if choice.message.reasoning_content else None,
    )


def told_logprobs(body: str) -> tuple[float, ...]:
    """Of the tokens of an answer that `parse_answer` has taken; empty where they are not told."""
    told = _WireAnswer.model_validate_json(body).choices[0].logprobs
    return tuple(token.logprob for token in (told.content if told is not None else None) or ())


class _WireModel(_Wire):
    id: str = Field(min_length=1)
    parent: _Lenient[str] = None


class _WireModels(_Wire):
    data: list[_WireModel]


def parse_models(body: bytes) -> dict[str, str | None]:
    """Every model that a server lists, with the one that it is an adapter of. ChatError as of `parse_answer`."""
    try:
        return {model.id: model.parent for model in _WireModels.model_validate_json(body).data}
    except ValidationError as problem:
        raise _in_disguise(body.decode("utf-8", "replace")) or ChatError("protocol", _complaint(problem)) from problem


def _in_disguise(body: str) -> ChatError | None:
    """The error that a 200's body is, where it is one."""
    if '"error"' not in body[:2000]:
        return None
    meaning = classify(500, body)
    return meaning if isinstance(meaning, ChatError) else ChatError("protocol", meaning.message)


def _complaint(problem: ValidationError) -> str:
    complaint = problem.errors()[0]
    place = ".".join(str(part) for part in complaint["loc"]) or "the body"
    return f"{place}: {complaint['msg'].lower()}"


_SAID_ELSEWHERE = ("role", "type", "index")


def _call(call: _WireCall, index: int) -> ToolCall:
    arguments = _text(call.function.arguments)
    return ToolCall(
        id=call.id or f"call_{index}", name=call.function.name or "", arguments=arguments, sent_arguments=sent_in_place_of(arguments)
    )


def sent_in_place_of(arguments: str) -> str | None:
    """What goes back to the server where these arguments are no JSON object: what they can only mean, or `{}`."""
    mended = mended_arguments(arguments)  # first: a history's arguments are nearly all whole, and are looked at with every request
    return mended and (repair_object(arguments) or mended)


def _with_own_ids(calls: list[ToolCall]) -> tuple[ToolCall, ...]:
    """The calls, each with an id that no other has: results are told apart by them."""
    seen: set[str] = set()
    made = []
    for index, call in enumerate(calls):
        identifier = call.id
        while identifier in seen:
            identifier = f"{identifier}_{index}"
        seen.add(identifier)
        made.append(call if identifier == call.id else call.model_copy(update={"id": identifier}))
    return tuple(made)


def _says_more(message: _WireMessage) -> bool:
    """Whether the record of the message leaves something of it out."""
    calls = message.tool_calls or []
    unknown = [message.model_extra or {}, *(call.model_extra or {} for call in calls)]
    return (
        any(value not in (None, "", [], {}) for fields in unknown for name, value in fields.items() if name not in _SAID_ELSEWHERE)
        or any(not call.id or not call.function.name or not isinstance(call.function.arguments, str) for call in calls)
        or len({call.id for call in calls}) < len(calls)
        or bool(message.reasoning and message.reasoning_content and message.reasoning != message.reasoning_content)
    )


def _tokens(answer: _WireAnswer, choice: _WireChoice) -> AnswerTokens | None:
    if answer.prompt_token_ids is None or choice.token_ids is None:
        return None
    told = choice.logprobs.content if choice.logprobs else None
    logprobs = tuple(token.logprob for token in told) if told is not None and len(told) == len(choice.token_ids) else None
    return AnswerTokens(tuple(answer.prompt_token_ids), tuple(choice.token_ids), logprobs)


def _usage(wire: _WireUsage | None) -> Usage:
    if wire is None:
        return Usage()
    cached = wire.prompt_tokens_details.cached_tokens if wire.prompt_tokens_details else None
    return Usage(
        input_tokens=wire.prompt_tokens,
        cached_input_tokens=cached if cached is None or wire.prompt_tokens is None else min(cached, wire.prompt_tokens),
        output_tokens=wire.completion_tokens,
        reasoning_tokens=wire.completion_tokens_details.reasoning_tokens if wire.completion_tokens_details else None,
    )


def _text(arguments: str | dict[str, Any] | None) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {})


def _sent(call: ToolCall) -> str:
    return call.sent_arguments or sent_in_place_of(call.arguments) or call.arguments

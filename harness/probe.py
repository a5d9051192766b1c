"""What an endpoint can do, found out with some two dozen small requests. Nothing is believed that was not seen."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from harness.chat import ChatAnswer, ChatError, classify, context_limit
from harness.config import ModelSettings, ToolFormatName
from harness.dialect import Dialect
from harness.endpoint import authorization
from harness.profile import Heard, Profile, Rate
from harness.server_words import ask_server
from harness.tool_formats import FORMATS, read_all
from harness.wire import parse_answer
from training.recipe import Recipe, find_recipe, recipe_for
from trajectories.trajectory import Message

_SECONDS: Final = 120.0
"""For one request: a server may load its model with the first."""
_LONGEST_PROBE_SECONDS: Final = 60.0
"""For one step of the concurrency, after which no further one is taken."""
_KNEE: Final = 1.15
"""Twice as many at once that bring less than this much more are past the knee."""
_HUGE_PROMPT: Final = 1_000_000
_BUDGETS: Final = ("thinking_token_budget", "thinking_budget", "chat_template_kwargs.thinking_budget")
_LONG_THOUGHT: Final = 24
"""Tokens: below it a thought is too short to tell whether a budget held it."""

TOOL: Final[dict[str, Any]] = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two whole numbers.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]},
    },
}
ASK_FOR_A_CALL: Final = "Call the tool `add` with a=2 and b=3. Do not compute it yourself."


@dataclass(frozen=True, slots=True)
class Check:
    subject: str
    good: bool
    words: str


@dataclass(slots=True)
class _Seen:
    """One request's outcome: an answer, or why there is none."""

    status: int
    body: str
    answer: ChatAnswer | None = None
    error: str = ""
    seconds: float = 0.0
    content_type: str = ""

    @property
    def words(self) -> str:
        return self.error[:160]


async def probe(settings: ModelSettings, say: Callable[[str], None], *, at_once: int = 32) -> tuple[list[Check], Profile | None]:
    """All that was found of the endpoint that serves `settings.name`; no profile of one that answers nothing. It raises for nothing that the
    server does."""
    assert settings.base_url is not None
    headers = authorization(settings)
    words = await ask_server(settings.base_url, headers, settings.name)
    recipe = find_recipe(settings.recipe) if settings.recipe not in (None, "none") else recipe_for(settings.name)
    async with httpx.AsyncClient(headers={**headers, "Accept-Encoding": "identity"}, timeout=_SECONDS) as client:
        examination = _Examination(client, settings, recipe)
        examination.profile |= {"software": words.software, "version": words.version}
        examination.add("server", words.short() or "does not say what it is", good=words.short() is not None)
        steps = (
            examination.tools, examination.forced, examination.history, examination.streaming, examination.thinking,
            examination.fields, examination.seeds, examination.tokens,
        )  # fmt: skip
        say("endpoint: an answer")
        await examination.plain()
        if examination.thought is None:
            return examination.checks, None
        for step in steps:
            say(f"endpoint: {step.__name__.replace('_', ' ')}")
            await step()
        await examination.context(words.context_tokens)
        say("endpoint: concurrency")
        await examination.concurrency(at_once)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return examination.checks, Profile(written_at=now, base_url=settings.base_url, model=settings.name, **examination.profile)


@dataclass
class _Examination:
    client: httpx.AsyncClient
    settings: ModelSettings
    recipe: Recipe | None
    profile: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    prompt_tokens: int | None = None
    thought: _Seen | None = None

    def add(self, subject: str, words: str, *, good: bool) -> None:
        self.checks.append(Check(subject, good, " ".join(words.split())))

    async def plain(self) -> None:
        """An answer, its usage, and how long answers may be called."""
        seen = await self.ask("Say hello.", max_tokens=64)
        if seen.answer is None and "max_completion_tokens" in seen.error:
            self.profile["length_field"] = "max_completion_tokens"
            seen = await self.ask("Say hello.", max_tokens=64)
        if seen.answer is None:
            self.add("answer", seen.words, good=False)
            return
        usage = seen.answer.usage
        self.prompt_tokens = usage.input_tokens
        counted = usage.input_tokens is not None and usage.output_tokens is not None
        self.profile["usage"] = counted
        self.add("answer", f"{seen.seconds:.2f} s; finish_reason {seen.answer.finish_reason or 'missing'}", good=True)
        details = [
            name for name, value in (("cached", usage.cached_input_tokens), ("reasoning", usage.reasoning_tokens)) if value is not None
        ]
        self.add(
            "usage", f"tokens are counted{' (also ' + ', '.join(details) + ')' if details else ''}" if counted else "not told", good=counted
        )
        self.thought = seen

    async def tools(self) -> None:
        """A call, its result, and two calls at once; else a format of ours in which the model calls."""
        seen = await self.ask(ASK_FOR_A_CALL, tools=[TOOL], max_tokens=512)
        calls = seen.answer.message.tool_calls if seen.answer else ()
        if calls and calls[0].name == "add":
            self.profile |= {"tool_format": "native", "tool_calls_seen": True}
            call = {"id": calls[0].id, "type": "function", "function": {"name": "add", "arguments": calls[0].arguments}}
            history: list[dict[str, Any]] = [
                {"role": "user", "content": ASK_FOR_A_CALL},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": calls[0].id, "content": "5"},
            ]
            after = await self.ask(history, tools=[TOOL], max_tokens=256)
            self.add(
                "tool calls", "parsed, and the result is taken" if after.answer else f"result: {after.words}", good=after.answer is not None
            )
            both = await self.ask("Call `add` twice in one answer: 1 and 2, and 3 and 4.", tools=[TOOL], max_tokens=512)
            number = len(both.answer.message.tool_calls) if both.answer else 0
            self.profile["parallel_calls"] = number > 1
            self.add("parallel calls", f"{number} of 2 asked for", good=number > 1)
            return
        found = await self._format_of_ours(seen)
        self.profile |= {"tool_format": found or "native", "tool_calls_seen": found is not None}
        why = seen.words if seen.answer is None else "the server parses none of what the model wrote"
        words = f"{why}; read here as {found}" if found else f"{why}; none was seen in a format of ours either"
        self.add("tool calls", words, good=found is not None)

    async def forced(self) -> None:
        """Whether a named tool is called when it must be."""
        choice = {"type": "function", "function": {"name": "add"}}
        seen = await self.ask("Say hello.", tools=[TOOL], tool_choice=choice, max_tokens=256)
        heard: Heard = "refused"
        if seen.answer is not None:
            calls = seen.answer.message.tool_calls
            heard = "heard" if calls and calls[0].name == "add" and _is_object(calls[0].arguments) else "ignored"
        self.profile["forced_choice"] = heard
        self.add("forced choice", {"heard": "held", "ignored": "ignored"}.get(heard, seen.words), good=heard == "heard")

    async def history(self) -> None:
        """A history with arguments that are no JSON, as models write them."""
        call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b"'}}
        history: list[dict[str, Any]] = [
            {"role": "user", "content": ASK_FOR_A_CALL},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "The arguments cannot be read."},
        ]
        seen = await self.ask(history, tools=[TOOL], max_tokens=16)
        self.profile["malformed_history"] = "taken" if seen.answer else "refused"
        self.add("malformed history", "taken" if seen.answer else f"refused, so mended first: {seen.words}", good=seen.answer is not None)

    async def streaming(self) -> None:
        body = self._body("Say hello.", max_tokens=32) | {"stream": True, "stream_options": {"include_usage": True}}
        seen = await self._post(body)
        if seen.status != 200:  # some know no such options
            seen = await self._post({name: value for name, value in body.items() if name != "stream_options"})
        lines = [line[5:].strip() for line in seen.body.splitlines() if line.startswith("data:")]
        chunks = [chunk for chunk in map(_object, lines) if chunk.get("choices") is not None]
        ends = any(choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"] if isinstance(choice, dict))
        usage = any(chunk.get("usage") for chunk in chunks)
        self.profile |= {"streaming": bool(chunks) and ends, "streamed_usage": usage}
        done = "ends with [DONE]" if "[DONE]" in lines else "has no [DONE]"
        words = f"{len(chunks)} chunks, {done}, {'with' if usage else 'without'} usage" if chunks else seen.words or "no events"
        self.add("streaming", words, good=bool(chunks) and ends)

    async def thinking(self) -> None:
        """Where thinking stands, whether it is read in the history, and who can hold a budget of it."""
        seen = await self.ask("What is 17 times 23? Think about it first.", max_tokens=256)
        if seen.answer is None:
            return
        message = seen.answer.message
        close = self.recipe.thinking.close if self.recipe and self.recipe.thinking else "</think>"
        in_text = message.reasoning is None and close in message.content
        self.profile |= {"reasoning_field": seen.answer.reasoning_field, "reasoning_in_text": in_text}
        where = (
            f"in {seen.answer.reasoning_field}" if seen.answer.reasoning_field else "in the text, between tags" if in_text else "none seen"
        )
        self.add("thinking", where, good=bool(seen.answer.reasoning_field))
        await self._continuation()
        if seen.answer.reasoning_field is None:
            return
        await self._thinking_in_history(seen.answer.reasoning_field)
        length = seen.answer.usage.output_tokens or 0
        if length < _LONG_THOUGHT:
            return
        for name in _BUDGETS:
            place, _, inner = name.rpartition(".")
            held = await self.ask(
                "What is 17 times 23? Think about it first.", max_tokens=256, more={place: {inner: 8}} if place else {inner: 8}
            )
            thought = (held.answer.message.reasoning or "") if held.answer else None
            if thought is not None and len(thought) < 0.5 * len(message.reasoning or ""):
                self.profile["budget_field"] = name
                self.add("thinking budget", f"held by the server: {name}", good=True)
                return
        goes_on = bool(self.profile.get("continues_turn"))
        self.add(
            "thinking budget", "held from here, in two requests" if goes_on else "can be held neither there nor from here", good=goes_on
        )

    async def fields(self) -> None:
        """Fields that are not OpenAI's: heard, ignored or refused."""
        switch = self.recipe.thinking.switch if self.recipe and self.recipe.thinking else None
        seen = await self.ask("Say hello.", max_tokens=16, more={"chat_template_kwargs": {switch or "enable_thinking": False}})
        heard: Heard = "refused"
        if seen.answer is not None:
            known = self.prompt_tokens is not None and seen.answer.usage.input_tokens is not None
            heard = "unknown" if not known else "heard" if seen.answer.usage.input_tokens != self.prompt_tokens else "ignored"
        self.profile["template_kwargs"] = heard
        words = {"heard": "they change the prompt", "ignored": "they change nothing here", "unknown": "taken"}
        self.add("chat_template_kwargs", words.get(heard, seen.words), good=heard != "refused")
        more = await self.ask("Say hello.", max_tokens=4, more={"top_k": 20})
        self.profile["more_sampling"] = "unknown" if more.answer else "refused"
        self.add("top_k", "taken" if more.answer else more.words, good=more.answer is not None)

    async def seeds(self) -> None:
        sampled = [
            await self.ask("Write a few random words.", max_tokens=24, more={"temperature": 1.0, "seed": seed}) for seed in (1, 1, 2)
        ]
        greedy = [await self.ask("Write a few random words.", max_tokens=24, more={"temperature": 0.0}) for _ in range(2)]
        one, again, other = (_text(seen) for seen in sampled)
        alike = one == again == other  # so sure a model tells nothing of its server's seeds
        self.profile["seeds"] = None if None in (one, again, other) or alike else one == again
        first, second = (_text(seen) for seen in greedy)
        self.profile["deterministic"] = None if None in (first, second) else first == second
        seeded = self.profile["seeds"]
        words = "the same text for all" if alike else {None: "not known", True: "the same seed, the same text", False: "not held"}[seeded]
        self.add("seeds", words, good=bool(seeded))
        self.add(
            "determinism",
            {None: "not known", True: "greedy answers are equal", False: "greedy answers differ"}[self.profile["deterministic"]],
            good=bool(self.profile["deterministic"]),
        )

    async def tokens(self) -> None:
        probed = {"logprobs": True, "return_token_ids": True}
        seen = await self.ask("Say hello.", max_tokens=8, more=probed)
        if seen.answer is None:
            seen = await self.ask("Say hello.", max_tokens=8, more={"logprobs": True})
        choice = (_object(seen.body).get("choices") or [{}])[0]
        told = choice.get("logprobs") if isinstance(choice, dict) else None
        self.profile["logprobs"] = bool(isinstance(told, dict) and told.get("content"))
        self.profile["token_ids"] = seen.answer is not None and seen.answer.tokens is not None
        self.add("logprobs", "told" if self.profile["logprobs"] else seen.words or "not told", good=self.profile["logprobs"])
        self.add("token ids", "told" if self.profile["token_ids"] else "not told", good=self.profile["token_ids"])

    async def context(self, listed: int | None) -> None:
        """The context's length, from the server's own words: its list of models, or what it says of too much."""
        limit, source = listed, "its list of models"
        if limit is None:
            seen = await self.ask("Say hello.", max_tokens=100_000_000)
            limit, source = context_limit(seen.error), "what it says of too long an answer"
        if limit is None and self.profile.get("software") not in (None, "transformers"):  # that one would try it
            seen = await self.ask("word " * (_HUGE_PROMPT // 5), max_tokens=1)
            limit, source = context_limit(seen.error), "what it says of too long a prompt"
        self.profile["context_tokens"] = limit
        self.add("context", f"{limit} tokens, by {source}" if limit else "not told", good=limit is not None)

    async def concurrency(self, most: int) -> None:
        """Twice as many at once, again and again, as long as it brings more tokens a second."""
        rates: list[Rate] = []
        number = 1
        while number <= most:
            rate = await self._rate(number)
            rates.append(rate)
            before = rates[-2] if len(rates) > 1 else None
            if (
                rate.failed
                or (before and rate.tokens_per_second < _KNEE * before.tokens_per_second)
                or rate.median_seconds > _LONGEST_PROBE_SECONDS
            ):
                break
            number *= 2
        good = [rate for rate in rates if not rate.failed]
        best = max(good, key=lambda rate: rate.tokens_per_second, default=None)
        knee = best is not None and best is not rates[-1]
        self.profile |= {"rates": tuple(rates), "safe_concurrency": best.at_once if best is not None and knee else None}
        told = ", ".join(f"{rate.tokens_per_second:.0f} at {rate.at_once}" for rate in rates)
        failed = sum(rate.failed for rate in rates)
        self.add("concurrency", f"tokens a second: {told}" + (f"; {failed} requests failed" if failed else ""), good=best is not None)

    async def ask(
        self,
        said: str | Sequence[dict[str, Any]],
        *,
        max_tokens: int,
        tools: Sequence[dict[str, Any]] = (),
        tool_choice: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
    ) -> _Seen:
        body = self._body(said, max_tokens=max_tokens) | (more or {})
        if tools:
            body["tools"] = list(tools)
        if tool_choice is not None:
            body["tool_choice"] = tool_choice
        seen = await self._post(body)
        if seen.status == 200:
            try:
                seen.answer = parse_answer(seen.body, seen.seconds, 1)
            except ChatError as error:
                seen.error = str(error)
        return seen

    def _body(self, said: str | Sequence[dict[str, Any]], *, max_tokens: int) -> dict[str, Any]:
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else list(said)
        return {"model": self.settings.name, "messages": messages, self.profile.get("length_field", "max_tokens"): max_tokens}

    async def _post(self, body: dict[str, Any]) -> _Seen:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(_SECONDS):
                response = await self.client.post(f"{self.settings.base_url}/chat/completions", json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            return _Seen(0, "", error=f"no answer: {error or type(error).__name__}", seconds=clock() - started)
        seen = _Seen(response.status_code, response.text, seconds=clock() - started, content_type=response.headers.get("content-type", ""))
        if response.status_code != 200:
            meaning = classify(response.status_code, response.text)
            seen.error = str(meaning) if isinstance(meaning, ChatError) else f"{response.status_code}: {meaning.message}"
        return seen

    async def _format_of_ours(self, seen: _Seen) -> ToolFormatName | None:
        """The format in which the model was seen to call `add`: in the answer that it gave already, or when it is told of one."""
        wanted = self.recipe.serve.tool_format if self.recipe is not None else None
        first = [name for name in FORMATS if name == wanted]
        for name in dict.fromkeys([*first, *FORMATS]):
            if seen.answer is not None and _calls_add(name, seen.answer.message.content):
                return _format_name(name)
        for name in dict.fromkeys([*first, "fenced"]):
            dialect = Dialect(self.settings.model_copy(update={"tool_format": name}))
            asked = [Message(role="system", content="You use tools."), Message(role="user", content=ASK_FOR_A_CALL)]
            told = await self.ask(dialect.body(asked, [TOOL])["messages"], max_tokens=512)
            if told.answer is not None and _calls_add(name, told.answer.message.content):
                return _format_name(name)
        return None

    async def _continuation(self) -> None:
        """Whether an assistant's turn can be gone on with: then it takes fewer tokens of prompt than one more turn does."""
        begun = [{"role": "user", "content": "Count to ten."}, {"role": "assistant", "content": "1 2 3 4"}]
        goes_on = await self.ask(begun, max_tokens=8, more={"continue_final_message": True, "add_generation_prompt": False})
        anew = await self.ask(begun, max_tokens=1)
        there, here = _input(goes_on), _input(anew)
        held = there is not None and here is not None and there < here
        self.profile["continues_turn"] = held
        self.add("goes on with a turn", "held" if held else goes_on.words or "ignored", good=held)

    async def _thinking_in_history(self, name: str) -> None:
        def history(thinking: dict[str, str]) -> list[dict[str, Any]]:
            call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}
            turn = {"role": "assistant", "content": "", "tool_calls": [call], **thinking}
            return [{"role": "user", "content": ASK_FOR_A_CALL}, turn, {"role": "tool", "tool_call_id": "call_1", "content": "5"}]

        with_it = await self.ask(history({name: "I was asked to add two and three, so I call the tool."}), tools=[TOOL], max_tokens=1)
        without = await self.ask(history({}), tools=[TOOL], max_tokens=1)
        heard: Heard = "refused"
        if with_it.answer is not None:
            told, bare = _input(with_it), _input(without)
            heard = "unknown" if told is None or bare is None else "heard" if told > bare else "ignored"
        self.profile["reasoning_history"] = heard
        self.add("thinking in the history", {"heard": "read"}.get(heard, heard), good=heard in ("heard", "unknown"))

    async def _rate(self, number: int) -> Rate:
        clock = asyncio.get_running_loop().time
        started = clock()
        seen = await asyncio.gather(*(self.ask(f"Count from {each} as far as you can, in words.", max_tokens=64) for each in range(number)))
        taken = clock() - started
        tokens = sum((each.answer.usage.output_tokens or 64) for each in seen if each.answer is not None)
        failed = sum(each.answer is None for each in seen)
        seconds = statistics.median(each.seconds for each in seen)
        return Rate(at_once=number, tokens_per_second=round(tokens / max(taken, 1e-6), 1), median_seconds=round(seconds, 3), failed=failed)


def _calls_add(name: str, content: str) -> bool:
    _, calls = read_all(FORMATS[name], content, [TOOL])
    return any(call.name == "add" and call.readable for call in calls)


def _format_name(name: str) -> ToolFormatName:
    return next(each for each in ("hermes", "qwen3_coder", "llama_json", "mistral", "fenced") if each == name)


def _is_object(text: str) -> bool:
    return text.strip().startswith("{") and bool(_object(text) or text.strip() == "{}")


def _object(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(seen: _Seen) -> str | None:
    return None if seen.answer is None else f"{seen.answer.message.reasoning or ''}\0{seen.answer.message.content}"


def _input(seen: _Seen) -> int | None:
    return seen.answer.usage.input_tokens if seen.answer is not None else None

"""What an endpoint can do, found out with some two dozen small requests. Nothing is believed that was not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from harness.chat import context_limit
from harness.config import ModelSettings, ToolFormatName
from harness.continuation import goes_on
from harness.dialect import Dialect
from harness.endpoint import authorization
from harness.knee import find_knee
from harness.profile import Heard, Profile
from harness.questions import LONGEST_REQUEST_SECONDS, Questions, Seen, ServerGoneError, read_object
from harness.server_words import ask_server
from harness.tool_formats import FORMATS, read_all
from harness.transport import bound
from harness.wire import to_wire
from tasks.integrity import printable
from training.recipe import Recipe, find_recipe, recipe_for
from trajectories.trajectory import Message

_HUGE_PROMPT: Final = 1_000_000
_LONGEST_WORDS: Final = 300
_BARE: Final = "llama_json"
"""Has no marks of its own, so that it is seen in what others have marked as well: looked for last."""
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


async def probe(settings: ModelSettings, say: Callable[[str], None], *, at_once: int = 32) -> tuple[list[Check], Profile | None]:
    """All that was found of the endpoint that serves `settings.name`; no profile of one that answers nothing, or not to the end. It raises for
    nothing that the server does."""
    assert settings.base_url is not None
    headers = authorization(settings)
    words = await ask_server(settings.base_url, headers, settings.name)
    recipe = find_recipe(settings.recipe) if settings.recipe not in (None, "none") else recipe_for(settings.name)
    seconds = min(LONGEST_REQUEST_SECONDS, settings.request_timeout_seconds)
    limits = httpx.Limits(max_connections=None)  # else no more than a hundred would be under way at once
    async with httpx.AsyncClient(
        headers={**headers, "Accept-Encoding": "identity"}, timeout=seconds, limits=limits, event_hooks={"response": [bound]}
    ) as client:
        examination = _Examination(Questions(client, settings.base_url, settings.name, seconds), settings, recipe)
        examination.profile |= {"software": words.software, "version": words.version}
        examination.add("server", words.short() or "does not say what it is", good=words.short() is not None)
        steps = (
            examination.tools, examination.forced, examination.history, examination.streaming, examination.thinking,
            examination.fields, examination.seeds, examination.tokens,
        )  # fmt: skip
        doing = "an answer"
        say(f"endpoint: {doing}")
        if not await examination.plain():
            return examination.checks, None
        try:
            for step in steps:
                doing = step.__name__
                say(f"endpoint: {doing}")
                await step()
            doing = "the context's length"
            await examination.context(words.context_tokens)
            doing = "concurrency"
            say(f"endpoint: {doing}")
            await examination.concurrency(at_once)
        except ServerGoneError as error:
            told = f"it answers no more since it was asked about {doing} ({error}); what follows is not known: ask again when it is back"
            examination.add("server", told, good=False)
            return examination.checks, None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return examination.checks, Profile(written_at=now, base_url=settings.base_url, model=settings.name, **examination.profile)


@dataclass
class _Examination:
    questions: Questions
    settings: ModelSettings
    recipe: Recipe | None
    profile: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    prompt_tokens: int | None = None

    def add(self, subject: str, words: str, *, good: bool) -> None:
        self.checks.append(Check(subject, good, printable(" ".join(words.split()))[:_LONGEST_WORDS]))

    async def plain(self) -> bool:
        """Whether there is an answer; its usage, and what the longest answer is called."""
        seen = await self.questions.once("Say hello.", max_tokens=64)
        if seen.answer is None and "max_completion_tokens" in seen.error:
            self.questions.length_field = self.profile["length_field"] = "max_completion_tokens"
            seen = await self.questions.once("Say hello.", max_tokens=64)
        if seen.answer is None:
            self.add("answer", seen.words, good=False)
            return False
        usage = seen.answer.usage
        self.prompt_tokens = usage.input_tokens
        counted = usage.input_tokens is not None and usage.output_tokens is not None
        self.profile["usage"] = counted
        self.add("answer", f"{seen.seconds:.2f} s; finish_reason {seen.answer.finish_reason or 'missing'}", good=True)
        parts = (("cached", usage.cached_input_tokens), ("reasoning", usage.reasoning_tokens))
        also = ", ".join(name for name, value in parts if value is not None)
        self.add("usage", f"tokens are counted{f' (also {also})' if also else ''}" if counted else "not told", good=counted)
        return True

    async def tools(self) -> None:
        """A call, its result, and two calls at once; else a format of ours in which the model calls."""
        seen = await self.questions.ask(ASK_FOR_A_CALL, tools=[TOOL], max_tokens=512)
        called = next((call for call in seen.answer.message.tool_calls if call.name == "add"), None) if seen.answer else None
        if called is not None:
            self.profile |= {"tool_format": "native", "tool_calls_seen": True}
            turn = to_wire(Message(role="assistant", content="", tool_calls=(called,)))  # broken arguments are mended, as in every run
            history = [{"role": "user", "content": ASK_FOR_A_CALL}, turn, {"role": "tool", "tool_call_id": called.id, "content": "5"}]
            after = await self.questions.ask(history, tools=[TOOL], max_tokens=256)
            self.add(
                "tool calls", "parsed, and the result is taken" if after.answer else f"result: {after.words}", good=after.answer is not None
            )
            both = await self.questions.ask("Call `add` twice in one answer: 1 and 2, and 3 and 4.", tools=[TOOL], max_tokens=512)
            number = len(both.answer.message.tool_calls) if both.answer else 0
            self.profile["parallel_calls"] = number > 1 if both.answer else None
            self.add("parallel calls", f"{number} of 2 asked for" if both.answer else both.words, good=number > 1)
            return
        found = await self._format_of_ours(seen)
        self.profile |= {"tool_format": found or "native", "tool_calls_seen": found is not None}
        why = seen.words if seen.answer is None else "the server parses none of what the model wrote"
        words = f"{why}; read here as {found}" if found else f"{why}; none was seen in a format of ours either"
        self.add("tool calls", words, good=found is not None)

    async def forced(self) -> None:
        """Whether a named tool is called when it must be."""
        choice = {"type": "function", "function": {"name": "add"}}
        seen = await self.questions.ask("Say hello.", tools=[TOOL], max_tokens=256, more={"tool_choice": choice})
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
        seen = await self.questions.ask(history, tools=[TOOL], max_tokens=16)
        self.profile["malformed_history"] = "taken" if seen.answer else "refused"
        self.add("malformed history", "taken" if seen.answer else f"refused, so mended first: {seen.words}", good=seen.answer is not None)

    async def streaming(self) -> None:
        body = self.questions.body("Say hello.", max_tokens=32) | {"stream": True, "stream_options": {"include_usage": True}}
        seen = await self.questions.post(body)
        if seen.status != 200:  # some know no such options
            await self.questions.must_answer()
            seen = await self.questions.post({name: value for name, value in body.items() if name != "stream_options"})
        lines = [line[5:].strip() for line in seen.body.splitlines() if line.startswith("data:")]
        events = [event for event in map(read_object, lines) if event]
        chunks = [event for event in events if isinstance(event.get("choices"), list)]
        ends = any(choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"] if isinstance(choice, dict))
        usage = any(event.get("usage") for event in events)
        error = next((event["error"] for event in events if event.get("error")), None)
        self.profile |= {"streaming": bool(chunks) and ends and error is None, "streamed_usage": usage}
        done = "ends with [DONE]" if "[DONE]" in lines else "has no [DONE]"
        words = f"{len(chunks)} chunks, {done}, {'with' if usage else 'without'} usage" if chunks else seen.words or "no events"
        if error is not None:
            words = f"an error in the stream: {error}"
        elif chunks and not ends:
            words += "; it never says that it ends"
        self.add("streaming", words, good=bool(self.profile["streaming"]))

    async def thinking(self) -> None:
        """Where thinking stands, whether it is read in the history, and who can hold a budget of it."""
        seen = await self.questions.ask("What is 17 times 23? Think about it first.", max_tokens=256)
        if seen.answer is None:
            self.add("thinking", seen.words, good=False)
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
            held = await self.questions.ask(
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
        seen = await self.questions.ask("Say hello.", max_tokens=16, more={"chat_template_kwargs": {switch or "enable_thinking": False}})
        heard: Heard = "refused"
        if seen.answer is not None:
            known = self.prompt_tokens is not None and seen.answer.usage.input_tokens is not None
            heard = "unknown" if not known else "heard" if seen.answer.usage.input_tokens != self.prompt_tokens else "ignored"
        self.profile["template_kwargs"] = heard
        words = {"heard": "they change the prompt", "ignored": "they change nothing here", "unknown": "taken"}
        self.add("chat_template_kwargs", words.get(heard, seen.words), good=heard != "refused")
        more = await self.questions.ask("Say hello.", max_tokens=4, more={"top_k": 20})
        self.profile["more_sampling"] = "unknown" if more.answer else "refused"
        self.add("top_k", "taken" if more.answer else more.words, good=more.answer is not None)

    async def seeds(self) -> None:
        sampled = [
            await self.questions.ask("Write a few random words.", max_tokens=24, more={"temperature": 1.0, "seed": seed})
            for seed in (1, 1, 2)
        ]
        greedy = [await self.questions.ask("Write a few random words.", max_tokens=24, more={"temperature": 0.0}) for _ in range(2)]
        one, again, other = (seen.text for seen in sampled)
        alike = one is not None and one == again == other  # so sure a model tells nothing of its server's seeds
        self.profile["seeds"] = None if None in (one, again, other) or alike else one == again
        first, second = (seen.text for seen in greedy)
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
        seen = await self.questions.ask("Say hello.", max_tokens=8, more=probed)
        if seen.answer is None:
            seen = await self.questions.ask("Say hello.", max_tokens=8, more={"logprobs": True})
        choices = read_object(seen.body).get("choices") if seen.answer is not None else None
        told = choices[0].get("logprobs") if choices else None
        self.profile["logprobs"] = bool(isinstance(told, dict) and told.get("content"))
        self.profile["token_ids"] = seen.answer is not None and seen.answer.tokens is not None
        self.add("logprobs", "told" if self.profile["logprobs"] else seen.words or "not told", good=self.profile["logprobs"])
        self.add("token ids", "told" if self.profile["token_ids"] else "not told", good=self.profile["token_ids"])

    async def context(self, listed: int | None) -> None:
        """The context's length, from the server's own words: its list of models, or what it says of too much."""
        limit, source = listed, "its list of models"
        if limit is None:
            seen = await self.questions.once("Say hello.", max_tokens=100_000_000)
            limit, source = context_limit(seen.error), "what it says of too long an answer"
        if limit is None and self.profile.get("software") not in (None, "transformers"):  # that one would try it
            seen = await self.questions.once("word " * (_HUGE_PROMPT // 5), max_tokens=1)
            limit, source = context_limit(seen.error), "what it says of too long a prompt"
        await self.questions.must_answer()  # after so much
        self.profile["context_tokens"] = limit or None
        self.add("context", f"{limit} tokens, by {source}" if limit else "not told", good=bool(limit))

    async def concurrency(self, most: int) -> None:
        knee = await find_knee(self.questions, most)
        if knee.failed:
            await self.questions.must_answer()
        self.profile |= {"rates": knee.rates, "safe_concurrency": knee.safe}
        told = ", ".join(f"{rate.tokens_per_second:.0f} at {rate.at_once}" for rate in knee.rates)
        safe = f"; no more than {knee.safe} at once" if knee.safe is not None else ""
        failed = f"; {knee.failed} requests failed" if knee.failed else ""
        self.add("concurrency", f"tokens a second: {told}{failed}{safe}", good=any(not rate.failed for rate in knee.rates))

    async def _format_of_ours(self, seen: Seen) -> ToolFormatName | None:
        """The format in which the model was seen to call `add`: in the answer that it gave already, or when it is told of one."""
        wanted = self.recipe.serve.tool_format if self.recipe is not None else None
        first = [name for name in FORMATS if name == wanted]
        for name in dict.fromkeys([*first, *sorted(FORMATS, key=_BARE.__eq__)]):
            if seen.answer is not None and _calls_add(name, seen.answer.message.content):
                return _format_name(name)
        for name in dict.fromkeys([*first, "fenced"]):
            dialect = Dialect(self.settings.model_copy(update={"tool_format": name}))
            asked = [Message(role="system", content="You use tools."), Message(role="user", content=ASK_FOR_A_CALL)]
            told = await self.questions.ask(dialect.body(asked, [TOOL])["messages"], max_tokens=512)
            if told.answer is not None and _calls_add(name, told.answer.message.content):
                return _format_name(name)
        return None

    async def _continuation(self) -> None:
        held, seen = await goes_on(self.questions)
        self.profile["continues_turn"] = bool(held)
        self.add("goes on with a turn", "held" if held else seen.words or "ignored", good=bool(held))

    async def _thinking_in_history(self, name: str) -> None:
        def history(thinking: dict[str, str]) -> list[dict[str, Any]]:
            call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}
            turn = {"role": "assistant", "content": "", "tool_calls": [call], **thinking}
            return [{"role": "user", "content": ASK_FOR_A_CALL}, turn, {"role": "tool", "tool_call_id": "call_1", "content": "5"}]

        with_it = await self.questions.ask(
            history({name: "I was asked to add two and three, so I call the tool."}), tools=[TOOL], max_tokens=1
        )
        without = await self.questions.ask(history({}), tools=[TOOL], max_tokens=1)
        heard: Heard = "refused"
        if with_it.answer is not None:
            told, bare = with_it.input_tokens, without.input_tokens
            heard = "unknown" if told is None or bare is None else "heard" if told > bare else "ignored"
        self.profile["reasoning_history"] = heard
        self.add("thinking in the history", {"heard": "read"}.get(heard, heard), good=heard in ("heard", "unknown"))


def _calls_add(name: str, content: str) -> bool:
    _, calls = read_all(FORMATS[name], content, [TOOL])
    return any(call.name == "add" and call.readable for call in calls)


def _format_name(name: str) -> ToolFormatName:
    return next(each for each in ("hermes", "qwen3_coder", "llama_json", "mistral", "fenced") if each == name)


def _is_object(text: str) -> bool:
    return text.strip().startswith("{") and bool(read_object(text) or text.strip() == "{}")

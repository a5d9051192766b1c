"""The OpenAI-compatible client: one request an answer, tried again only where it can pass, and every answer checked before it is believed.

What the messages look like on the wire is in `wire` and `dialect`, how many requests there are at once in `traffic`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx
import tenacity

from harness.chat import EXCHANGE, ChatAnswer, ChatError, ContextOverflow, classify, fitting_length, waiting
from harness.config import ModelSettings
from harness.dialect import Dialect
from harness.traffic import Pauses, Traffic
from harness.transport import bound
from harness.wire import parse_answer, to_wire
from trajectories.trajectory import Message

if TYPE_CHECKING:
    import openai

__all__ = ["OpenAIChatModel", "authorization", "parse_answer", "to_wire"]

_LONGEST_WAIT_SECONDS = 60.0
_PROBE_SECONDS = 30.0
_LEAST_ANSWER_TOKENS = 256
"""What is left for the answer when a request is made to fit: with less, the context has overflowed."""


class OpenAIChatModel:
    """A model behind `base_url`; close it when the run is over.

    Each request under way has a client of its own, and with it a connection of its own. The pool below one shared client looks at every
    connection twice a request, with a system call each: at 32 requests at once that is two thirds of a request's CPU time.
    """

    def __init__(
        self,
        settings: ModelSettings,
        *,
        at_once: int | None = None,
        say: Callable[[str], None] = lambda line: None,
        pauses: Pauses | None = None,
        alone: bool = True,
    ) -> None:
        """At most `at_once` requests are under way; as many as there are callers when it is None. One that is not `alone` fails at once when
        its server is away, as there is another."""
        self._alone = alone
        self.name = settings.name
        self._settings = settings
        self._dialect = Dialect(settings)
        self._certificates = httpx.create_ssl_context()  # 17 ms and a megabyte: once
        self._clients: list[openai.AsyncOpenAI] = []
        self._idle: list[openai.AsyncOpenAI] = []
        self._length_field = "max_tokens"
        self.traffic = Traffic(at_once, settings.outage_seconds if settings.retry_seconds else 0.0, self._probe, say, pauses, patient=alone)

    @property
    def settings(self) -> ModelSettings:
        return self._settings

    @property
    def reasoning_sent(self) -> bool:
        return self._dialect.keep != "none"

    def sampling(self, seed: int | None) -> dict[str, Any]:
        wanted = self._settings.sampling
        optional = {"temperature": wanted.temperature, "top_p": wanted.top_p, "seed": seed}
        longest = wanted.max_tokens if self._settings.context_tokens is None else min(wanted.max_tokens, self._settings.context_tokens)
        body: dict[str, Any] = {self._length_field: longest} | {name: value for name, value in optional.items() if value is not None}
        if wanted.chat_template_kwargs:
            body["chat_template_kwargs"] = wanted.chat_template_kwargs
        return body | self._dialect.fields() | wanted.extra_body

    async def complete(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], *, seed: int | None = None
    ) -> ChatAnswer | ContextOverflow:
        requests = 0
        patience = _Patience(self.traffic, self._settings.retry_seconds, alone=self._alone)
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, ChatError) and error.can_pass),
            wait=_wait,
            stop=patience.is_over,
            sleep=patience.sleep,
            reraise=True,
        )
        async for attempt in attempts:
            with attempt:
                patience.began_at = None
                async with self.traffic.admitted() as patience.began_at:
                    requests += 1
                    try:
                        answer = await self._once(messages, tools, seed, requests)
                    except ChatError as error:
                        self.traffic.failed(error, patience.began_at)
                        raise
                    if isinstance(answer, ChatAnswer):
                        self.traffic.answered(answer.latency_seconds, answer.usage.output_tokens)
                return answer
        raise AssertionError("tenacity reraises")

    def allow(self, at_once: int) -> None:
        """At most so many requests are under way from now on."""
        self.traffic.allow(at_once)

    async def close(self) -> None:
        await self.traffic.close()
        for client in self._clients:
            await client.close()

    async def _once(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], seed: int | None, requests: int
    ) -> ChatAnswer | ContextOverflow:
        """One answer: a request, or as many as it takes to find out what the server wants of one."""
        body: dict[str, Any] = {"model": self.name, **self._dialect.body(messages, tools), **self.sampling(seed)}
        exchange = EXCHANGE.get()
        changed = exchange is not None and not exchange.note(body["messages"])
        budget = self._dialect.budget_tokens
        longest = body.get(self._length_field)
        if budget is not None and isinstance(longest, int):
            body[self._length_field] = min(budget, longest)
        answer = await self._ask(body, requests)
        if isinstance(answer, ChatAnswer) and budget is not None and isinstance(longest, int):
            more = self._dialect.after_budget(body, answer, longest)
            if more is not None:
                self._rename_length(more)
                rest = await self._ask(more, answer.requests + 1)
                answer = self._dialect.join(answer, rest) if isinstance(rest, ChatAnswer) else rest
        if isinstance(answer, ContextOverflow):
            return answer
        return dataclasses.replace(self._dialect.read(answer, tools), history_changed=changed)

    async def _ask(self, body: dict[str, Any], requests: int) -> ChatAnswer | ContextOverflow:
        """The answer to one body. A server that wants the length under another name, or less of it, gets that."""
        import openai

        length_field = next((name for name in ("max_tokens", "max_completion_tokens") if name in body), "")
        started = time.monotonic()
        try:
            response = await self._post(body)
        except openai.APIStatusError as error:
            headers = error.response.headers
            meaning = classify(error.status_code, error.response.text, retry_after_seconds=_retry_after(headers))
            said = meaning.message if isinstance(meaning, ContextOverflow) else str(meaning)
            if length_field == "max_tokens" and error.status_code == 400 and "max_completion_tokens" in said:
                self._length_field = "max_completion_tokens"  # what the newer of OpenAI's own models ask for
                self._rename_length(body)
                return await self._ask(body, requests + 1)
            fits = fitting_length(said) if error.status_code in (400, 422) else None
            if fits is not None and fits >= _LEAST_ANSWER_TOKENS and fits < body.get(length_field, 0):
                return await self._ask({**body, length_field: fits}, requests + 1)
            if isinstance(meaning, ContextOverflow):
                return meaning
            raise meaning from error
        except (openai.APITimeoutError, TimeoutError) as error:
            seconds = self._settings.request_timeout_seconds
            raise ChatError("connection", f"no answer within {seconds:.0f} s", timed_out=True) from error
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, ChatError):
                raise error.__cause__ from error
            if isinstance(error.__cause__, httpx.TooManyRedirects):
                raise ChatError("protocol", "it redirects without end") from error
            raise ChatError("connection", f"{error.__cause__ or error}") from error
        return parse_answer(response.text, time.monotonic() - started, requests)

    def _rename_length(self, body: dict[str, Any]) -> None:
        if self._length_field not in body and "max_tokens" in body:
            body[self._length_field] = body.pop("max_tokens")

    async def _post(self, body: dict[str, Any]) -> httpx.Response:
        if not self._idle:
            self._clients.append(_client(self._settings, self._settings.request_timeout_seconds, self._certificates))
            self._idle.append(self._clients[-1])
        client = self._idle.pop()  # the last one that was used: its connection is the likeliest to be open still
        try:
            # The client's own limit is on each portion of the answer: one that comes a byte at a time would never end.
            async with asyncio.timeout(self._settings.request_timeout_seconds):
                return await client.post("/chat/completions", body=body, cast_to=httpx.Response)
        finally:
            self._idle.append(client)

    async def _probe(self) -> ChatError | None:
        """What a request of one token says of the server: the error, where it is down."""
        body = {"model": self.name, "messages": [{"role": "user", "content": "Hi"}], self._length_field: 1}
        try:
            async with asyncio.timeout(min(_PROBE_SECONDS, self._settings.request_timeout_seconds)):
                await self._ask(body, 1)
        except TimeoutError:
            return ChatError("connection", "no answer to a request of one token")
        except ChatError as error:
            return error if error.is_down else None
        return None


def authorization(settings: ModelSettings) -> dict[str, str]:
    """The headers with the key, where there is one."""
    key = os.environ.get(settings.api_key_variable)
    return {"Authorization": f"Bearer {key}"} if key else {}


def key_for_client(settings: ModelSettings) -> str:
    """Local servers want none, OpenAI's client wants some."""
    return os.environ.get(settings.api_key_variable) or "none"


class _Patience:
    """How long one answer is tried for."""

    def __init__(self, traffic: Traffic, retry_seconds: float, *, alone: bool) -> None:
        self.began_at: float | None = None
        """When the request under way was sent, on the loop's clock; None: it was not."""
        self._traffic = traffic
        self._retry_seconds = retry_seconds
        self._alone = alone
        self._once_more = 0
        self._spent = 0.0
        self._error: ChatError | None = None

    def is_over(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome is not None else None
        if self.began_at is None or not isinstance(error, ChatError):
            return True
        self._once_more += error.rule == "retry_once"
        self._spent += asyncio.get_running_loop().time() - self.began_at
        if self._once_more > 1 or (self._traffic.away and not self._alone):
            return True
        self._spent += state.upcoming_sleep
        self._error = error
        return not self._traffic.away and self._spent > self._retry_seconds

    async def sleep(self, seconds: float) -> None:
        """ChatError when the server stays away too long, or was there all the time and only this request is not answered."""
        with waiting():
            if self._traffic.away:
                if await self._traffic.until_back():
                    self._spent = 0.0  # the server was away: that is no fault of the request's
                    return
                if self._error is not None and self._spent > self._retry_seconds:
                    raise self._error
            await asyncio.sleep(seconds)


def _wait(state: tenacity.RetryCallState) -> float:
    """Seconds before the next try: what the server says, within reason; else at random, up to twice as long each time."""
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, ChatError) and error.retry_after_seconds is not None:
        return min(error.retry_after_seconds, _LONGEST_WAIT_SECONDS)
    return float(tenacity.wait_random_exponential(multiplier=1, max=_LONGEST_WAIT_SECONDS / 2)(state))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds by a Retry-After header, which holds a number or a date: one of the server's own clock, where it tells the time."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        now = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _client(settings: ModelSettings, timeout_seconds: float, certificates: ssl.SSLContext | None = None) -> openai.AsyncOpenAI:
    import openai  # its types take a second to load: whoever asks no model does without

    http = openai.DefaultAsyncHttpxClient(
        verify=certificates or httpx.create_ssl_context(), headers={"Accept-Encoding": "identity"}, event_hooks={"response": [bound]}
    )
    return openai.AsyncOpenAI(
        base_url=settings.base_url, api_key=key_for_client(settings), timeout=timeout_seconds, max_retries=0, http_client=http
    )

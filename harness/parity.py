"""Whether a server serves what was trained: what it thinks of the trainer's own continuations is compared with what the trainer thinks of them.

The first way is by log-probabilities: prompt and continuation are sent as token ids to /v1/completions with `echo` and `logprobs` (vLLM; SGLang in versions that
compute them), and a server that has loaded nothing is seen by its showing none of what the adapter changes. vLLM computes the logits of echoed tokens without an adapter on
`lm_head`: one that has such a part looks too far here.

The second, where a server echoes no log-probabilities, compares greedy answers as text. It is weaker: rounding may turn a near tie and all words after it, and a
small difference of adapters shows in no word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from harness.config import ConfigError, ModelSettings
from harness.endpoint import authorization
from harness.request import SECONDS, accepted, answer_of, send
from training.base_settings import Precision
from training.expectation import Continuation, Expectation

Verdict = Literal["served", "cannot_be_told", "not_loaded", "too_far"]

TOLERANCES: Final[Mapping[Precision, float]] = {"fp32": 0.05, "bf16": 0.1, "nf4": 0.4, "fp4": 0.4}
"""To begin with, by the precision that was trained in; for a server that has the base in bf16."""
_SAME: Final = 1e-4
"""Nats a token: nearer than that, adapter and base are the same."""
_TELLING: Final = 0.15
"""The standard error of the share of the adapter, up to which all of it and none of it are told apart: three of them and more lie between each and the half."""
_LEAST_AGREEMENT: Final = 0.5
"""Of texts."""
_IMPOSSIBLE: Final = -9999.0
"""What stands for a log-probability that is no number."""


class Parity(BaseModel):
    """What was found. Distances are means of absolute differences of log-probabilities, nats a token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    model: str
    """As the server calls it."""
    prompts: int
    tokens: int
    """Of all continuations."""
    how: Literal["logprobs", "text"]
    tolerance: float
    distance: float | None
    """From what was trained. None when the server tells no log-probabilities, as the five that follow."""
    largest: float | None
    """Of a single token."""
    base_distance: float | None
    """From the bare base."""
    apart: float | None
    """Between what was trained and the base, by the trainer."""
    share: float | None
    """Of what the adapter changes, as far as the server shows it: 1 where it is loaded, 0 where it is not. None where nothing is changed."""
    share_error: float | None
    """Its standard error."""
    agreement: float | None
    """The share of the trained model's text that the server's begins with, mean of the prompts. None when log-probabilities were compared."""
    base_agreement: float | None
    """The same with the base's text."""
    verdict: Verdict
    holds: bool
    """Whether a round may go on."""
    words: str
    """One sentence."""


async def check_parity(expected: Expectation, settings: ModelSettings, *, tolerance: float) -> Parity:
    """Ask the server at `settings.base_url` for `settings.name`. `tolerance`: nats a token. ConfigError when it cannot be asked."""
    server = _Server(settings)
    told: list[Sequence[float]] = []
    for each in expected.continuations:
        logprobs = await server.logprobs(each)
        if logprobs is None:
            texts = [await server.text(one, expected) for one in expected.continuations]
            return _by_text(expected, settings.name, texts, tolerance)
        told.append(logprobs)
    return _by_logprobs(expected, settings.name, told, tolerance)


class _Server:
    def __init__(self, settings: ModelSettings) -> None:
        if settings.base_url is None:
            raise ConfigError(f"{settings.name} has no base_url: there is no server to compare with")
        self._name = settings.name
        self._url = settings.base_url.rstrip("/")
        self._headers = authorization(settings)
        self._seconds = min(SECONDS, settings.request_timeout_seconds)

    async def logprobs(self, wanted: Continuation) -> Sequence[float] | None:
        """Of the continuation's tokens. None when the server does not tell them in this way."""
        ids = [*wanted.prompt_ids, *wanted.ids]
        body = {"model": self._name, "prompt": ids, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}
        response = await send("POST", f"{self._url}/completions", body, headers=self._headers, seconds=self._seconds)
        if response.status_code in (401, 403):
            accepted(response)
        if response.status_code >= 400:
            return None  # some fail at the question; what is wrong with the server itself shows in the next one
        try:
            every = response.json()["choices"][0]["logprobs"]["token_logprobs"]
            if len(every) - len(ids) not in (0, 1):  # the last is of what was generated
                return None
            return [_number(each) for each in every[len(wanted.prompt_ids) : len(ids)]]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            return None

    async def text(self, wanted: Continuation, expected: Expectation) -> str:
        """Greedy, thinking and all."""
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [{"role": "user", "content": wanted.prompt}],
            "max_tokens": expected.tokens,
            "temperature": 0.0,
        }
        if expected.template_kwargs:
            body["chat_template_kwargs"] = expected.template_kwargs
        url = f"{self._url}/chat/completions"
        message = answer_of(await send("POST", url, body, headers=self._headers, seconds=self._seconds)).message
        return _plain(" ".join(part for part in (message.reasoning, message.content) if part), expected)


def _number(told: object) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise TypeError
    return float(told) if math.isfinite(told) else _IMPOSSIBLE


def _plain(text: str, expected: Expectation) -> str:
    """Without the marks of thinking, and with single spaces: servers differ in what they leave of both."""
    for mark in expected.thinking_marks:
        text = text.replace(mark, " ")
    return " ".join(text.split())


def _by_logprobs(expected: Expectation, model: str, told: Sequence[Sequence[float]], tolerance: float) -> Parity:
    server = [each for one in told for each in one]
    trained = [each for one in expected.continuations for each in one.logprobs]
    base = [each for one in expected.continuations for each in one.base_logprobs]
    distance, base_distance, apart = _distance(server, trained), _distance(server, base), _distance(trained, base)
    largest = max((abs(one - other) for one, other in zip(server, trained, strict=True)), default=0.0)
    nearest = min(distance, base_distance) if expected.changed else distance
    share, error = _share(server, trained, base)
    told_apart = apart > _SAME and error <= _TELLING
    far = f"{distance:.3g} nats a token from what was trained (largest {largest:.3g}, over {len(trained)} tokens)"
    verdict: Verdict
    if not nearest <= tolerance:
        verdict = "too_far"
        where = f", {base_distance:.3g} from the bare base," if expected.changed else ""
        words = f"{model} is {far}{where} and {tolerance:g} is allowed: another adapter or base is served, or in too coarse numbers"
    elif not expected.changed:
        verdict, words = "served", f"{model} is the base: {far}"
    elif told_apart and share < 0.5:
        verdict = "not_loaded"
        words = f"{model} answers as the bare base does ({base_distance:.3g} nats a token from it, {far}): the adapter is not loaded, or an older one is"
    elif not distance <= tolerance:
        verdict, words = "too_far", f"{model} is {far}, and {tolerance:g} is allowed; the bare base is nearer, {base_distance:.3g}"
    elif told_apart:
        verdict, words = "served", f"{model} is what was trained: {far}, {base_distance:.3g} from the bare base"
    else:
        verdict = "cannot_be_told"
        words = f"{model} is {far}, but adapter and bare base are only {apart:.3g} apart: whether the adapter is loaded cannot be told"
    return Parity(
        model=model,
        prompts=len(expected.continuations),
        tokens=len(trained),
        how="logprobs",
        tolerance=tolerance,
        distance=distance,
        largest=largest,
        base_distance=base_distance,
        apart=apart,
        share=share if math.isfinite(error) else None,
        share_error=error if math.isfinite(error) else None,
        agreement=None,
        base_agreement=None,
        verdict=verdict,
        holds=verdict in ("served", "cannot_be_told"),
        words=words,
    )


def _share(server: Sequence[float], trained: Sequence[float], base: Sequence[float]) -> tuple[float, float]:
    """How much of what the adapter changes the server shows, by least squares through the origin, and the standard error of that (infinite when nothing is changed).

    Rounding points anywhere, the adapter's change one way: over some tens of tokens the two are told apart where rounding is the larger.
    """
    changes = [mine - other for mine, other in zip(trained, base, strict=True)]
    seen = [told - other for told, other in zip(server, base, strict=True)]
    square = sum(each * each for each in changes)
    if len(changes) < 2 or not square:
        return 0.0, math.inf
    share = sum(one * other for one, other in zip(seen, changes, strict=True)) / square
    left = sum((one - share * other) ** 2 for one, other in zip(seen, changes, strict=True))
    return share, math.sqrt(left / (len(changes) - 1) / square)


def _by_text(expected: Expectation, model: str, texts: Sequence[str], tolerance: float) -> Parity:
    pairs = [(_plain(each.text, expected), _plain(each.base_text, expected)) for each in expected.continuations]
    agreement = _mean([_shared(text, trained) for text, (trained, _) in zip(texts, pairs, strict=True)])
    base_agreement = _mean([_shared(text, base) for text, (_, base) in zip(texts, pairs, strict=True)])
    weak = "by text alone, as the server tells no log-probabilities of a prompt"
    share = f"{agreement:.0%} of the trained model's text" + (f", {base_agreement:.0%} of the bare base's" if expected.changed else "")
    verdict: Verdict
    if expected.changed and base_agreement > max(agreement, _LEAST_AGREEMENT):
        verdict, words = "not_loaded", f"{model} answers as the bare base does ({share}; {weak}): the adapter is not loaded"
    elif agreement < _LEAST_AGREEMENT:
        verdict, words = "too_far", f"{model} says {share} ({weak}): another adapter or base is served, or in too coarse numbers"
    elif expected.changed and agreement == base_agreement:
        verdict, words = "cannot_be_told", f"{model} says {share} ({weak}): whether the adapter is loaded cannot be told"
    else:
        verdict, words = "served", f"{model} is {'what was trained' if expected.changed else 'the base'}: {share} ({weak})"
    return Parity(
        model=model,
        prompts=len(expected.continuations),
        tokens=sum(len(each.ids) for each in expected.continuations),
        how="text",
        tolerance=tolerance,
        distance=None,
        largest=None,
        base_distance=None,
        apart=None,
        share=None,
        share_error=None,
        agreement=agreement,
        base_agreement=base_agreement,
        verdict=verdict,
        holds=verdict in ("served", "cannot_be_told"),
        words=words,
    )


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    return _mean([abs(first - second) for first, second in zip(one, other, strict=True)])


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _shared(text: str, wanted: str) -> float:
    """The share of what is wanted that the text begins with."""
    if not wanted:
        return float(not text)
    same = next((place for place, (one, other) in enumerate(zip(text, wanted, strict=False)) if one != other), min(len(text), len(wanted)))
    return same / len(wanted)

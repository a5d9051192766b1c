"""How many requests at once an endpoint is the better for: twice as many, again and again, as long as they bring more tokens a second."""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass
from typing import Final

from harness.profile import Rate
from harness.questions import Questions

_LONGEST_SECONDS: Final = 60.0
"""Of one request's median, after which no more at once are tried."""
_KNEE: Final = 1.15
"""Twice as many at once that bring less than this much more are past the knee."""
_TOKENS: Final = 64


@dataclass(frozen=True, slots=True)
class Knee:
    rates: tuple[Rate, ...]
    safe: int | None
    """The most at once before the knee or the first failure; None when neither was met, or when one request alone failed."""

    @property
    def failed(self) -> int:
        return sum(rate.failed for rate in self.rates)


async def find_knee(questions: Questions, most: int) -> Knee:
    rates: list[Rate] = []
    number = 1
    while number <= most:
        rate = await _rate(questions, number)
        before = rates[-1] if rates else None
        rates.append(rate)
        if rate.failed or (before is not None and rate.tokens_per_second < _KNEE * before.tokens_per_second):
            return Knee(tuple(rates), before.at_once if before is not None else None)
        if rate.median_seconds > _LONGEST_SECONDS:
            break
        number *= 2
    return Knee(tuple(rates), None)


async def _rate(questions: Questions, number: int) -> Rate:
    clock = asyncio.get_running_loop().time
    started = clock()
    asked = [questions.once(f"Count from {each} as far as you can, in words.", max_tokens=_TOKENS) for each in range(number)]
    seen = await asyncio.gather(*asked)
    taken = clock() - started
    tokens = sum((each.answer.usage.output_tokens or _TOKENS) for each in seen if each.answer is not None)
    failed = sum(each.answer is None for each in seen)
    seconds = statistics.median(each.seconds for each in seen)
    return Rate(at_once=number, tokens_per_second=round(tokens / max(taken, 1e-6), 1), median_seconds=round(seconds, 3), failed=failed)

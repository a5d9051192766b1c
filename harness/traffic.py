"""How many requests one endpoint gets at once, and whether it gets any: what all requests to it have in common.

After several requests in a row that fail because the server is down, no more are sent. One small request after the other asks whether it is
back; then all go on where they stood. A server that refuses for its load gets half as many at once, and one more after each full round of
answers; so does one that answers fewer tokens a second than it did with as many at once or less.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from harness.chat import ChatError, waiting

_DOWN_AFTER = 4
"""Failures in a row. Fewer are tried again without more ado."""
_COLLAPSED = 0.5
"""Of the best rate that was measured: a server that thrashes falls further than the length of prompts explains."""
_SLOWER = 2.0


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between two looks at a server that is away: the first, and the longest."""

    first: float = 1.0
    longest: float = 30.0


@dataclass(slots=True)
class _Window:
    """As many answers as may be under way at once."""

    began_at: float
    limit: int
    answers: int = 0
    tokens: int = 0
    seconds: float = 0.0
    full: int = 0
    """Answers that came while no more could be under way."""


class Traffic:
    def __init__(
        self,
        most: int | None,
        outage_seconds: float,
        probe: Callable[[], Awaitable[ChatError | None]],
        say: Callable[[str], None] = lambda line: None,
        pauses: Pauses | None = None,
        *,
        patient: bool = True,
    ) -> None:
        """`probe` asks the server for next to nothing: None when it is there, whatever it says to that."""
        self._patient = patient
        """Whether requests wait for a server that is away: not where there is another."""
        self._most = math.inf if most is None else most
        self._limit = self._most
        self._outage_seconds = outage_seconds
        self._probe = probe
        self._say = say
        self._pauses = pauses or Pauses()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._under_way = 0
        self._down_in_a_row = 0
        self._shrunk_at = -math.inf
        self._away: asyncio.Task[bool | ChatError] | None = None
        self._window: _Window | None = None
        self._best_rate = 0.0
        self._best_pace = math.inf
        self.lowest: float = self._most
        self.outages = 0
        self.away_seconds = 0.0
        """In which the server was found to be away."""

    @property
    def load(self) -> int:
        """Requests under way and waiting."""
        return self._under_way + len(self._waiting)

    @property
    def away(self) -> bool:
        return self._away is not None

    @property
    def limit(self) -> float:
        return self._limit

    def allow(self, most: int) -> None:
        """So many at once from now on; no more than before where the server was found to want fewer."""
        self._limit = most if self._limit >= self._most else min(self._limit, most)
        self._most = most
        self.lowest = min(self.lowest, self._limit)
        self._window = None
        self._admit()

    @contextlib.asynccontextmanager
    async def admitted(self) -> AsyncIterator[float]:
        """Held while a request is under way; gives when it began, on the loop's clock. ChatError when the server stays away too long."""
        if self._away is not None and not self._patient:
            raise ChatError("connection", "the server is away")
        if self._away is not None or self._under_way >= self._limit or self._waiting:
            with waiting():
                await self._queue()
        else:
            self._under_way += 1
        try:
            yield asyncio.get_running_loop().time()
        finally:
            self._under_way -= 1
            self._admit()

    def answered(self, seconds: float, tokens: int | None) -> None:
        self._down_in_a_row = 0
        if self._limit < self._most:
            self._limit = min(self._most, self._limit + 1 / self._limit)
        if tokens and math.isfinite(self._most) and self._most > 1:
            self._measure(seconds, tokens)

    def failed(self, error: ChatError, began_at: float) -> None:
        if error.kind == "rate_limit" and began_at >= self._shrunk_at:  # what was sent before it was last heeded says nothing new
            self._shrink(0.5)
        if not error.is_down:
            self._down_in_a_row = 0
            return
        self._down_in_a_row += 1
        if self._away is None and self._outage_seconds and (error.timed_out or self._down_in_a_row >= _DOWN_AFTER):
            first = 0.0 if error.timed_out else self._pauses.first
            self._away = asyncio.create_task(self._until_back(error, first), name="wait for the server")
            if not self._patient:
                self._dismiss(error)

    async def until_back(self) -> bool:
        """Wait until it is known how the server is: whether it was away. ChatError when it stays away too long."""
        if self._away is None:
            return False
        outcome = await asyncio.shield(self._away)
        if isinstance(outcome, ChatError):
            raise outcome
        return outcome

    async def close(self) -> None:
        if self._away is not None:
            self._away.cancel()
            await asyncio.wait([self._away])
            self._away = None

    async def _queue(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except BaseException:
            if place in self._waiting:
                self._waiting.remove(place)
            elif not place.cancelled() and place.exception() is None:  # admitted and cancelled in the same moment
                self._under_way -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self._away is None and self._under_way < self._limit:
            place = self._waiting.popleft()
            if not place.done():
                self._under_way += 1
                place.set_result(None)

    async def _until_back(self, error: ChatError, pause: float) -> bool | ChatError:
        """True: it was away and is back. False: it was there, and the requests failed for another reason. Or that it was given up."""
        clock = asyncio.get_running_loop().time
        started = clock()
        still: ChatError | None = error
        looks = 0
        while still is not None and clock() - started < self._outage_seconds:
            await asyncio.sleep(min(pause, max(0.0, started + self._outage_seconds - clock())))
            pause = min(max(2 * pause, self._pauses.first), self._pauses.longest)
            still = await self._probe()
            looks += 1
            if looks == 1 and still is not None:
                self._say(f"the server is away ({still}): waiting for it")
        self._away = None
        self._down_in_a_row = 0
        if still is None and looks == 1:
            self._admit()
            return False
        away = clock() - started
        self.outages += 1
        self.away_seconds += away
        if still is None:
            self._say(f"the server is back after {away:.0f} s")
            self._admit()
            return True
        self._say(f"the server has been away for {away:.0f} s: given up")
        end = ChatError(still.kind, f"the server has been away for {away:.0f} s; its last word: {still}", status=still.status)
        self._dismiss(end)
        return end

    def _dismiss(self, error: ChatError) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(error)

    def _shrink(self, share: float) -> None:
        self._shrunk_at = asyncio.get_running_loop().time()
        base = min(self._limit, max(self._under_way, 1))
        self._limit = max(1.0, float(int(base * share)))
        self.lowest = min(self.lowest, self._limit)
        self._window = None

    def _measure(self, seconds: float, tokens: int) -> None:
        """Tokens a second over as many answers as there are at once, and seconds a token: worse in both, it is too many."""
        now = asyncio.get_running_loop().time()
        window = self._window
        if window is None:
            self._window = _Window(now, int(self._limit))
            return
        window.answers += 1
        window.tokens += tokens
        window.seconds += seconds
        window.full += self._under_way >= int(self._limit)
        if window.answers < max(8, window.limit):
            return
        rate = window.tokens / max(now - window.began_at, 1e-6)
        pace = window.seconds / window.tokens
        if window.full >= 0.8 * window.answers and rate < _COLLAPSED * self._best_rate and pace > _SLOWER * self._best_pace:
            self._shrink(0.75)
            self._best_rate *= 0.9  # longer prompts make every server slower: what it once did is not held against it for ever
            return
        if rate > self._best_rate:
            self._best_rate, self._best_pace = rate, pace
        self._window = _Window(now, int(self._limit))

"""An end to every answer: one that is longer than any is, or that unpacks to more than it says, is an error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx

from harness.chat import ChatError

LONGEST_ANSWER_BYTES: Final = 64 * 1024 * 1024


async def bound(response: httpx.Response) -> None:
    """A response hook of httpx, called before the body is read."""
    packed = response.headers.get("content-encoding", "identity").lower()
    if packed not in ("identity", ""):
        raise ChatError("protocol", f"the answer is packed ({packed[:40]}), which was not asked for")
    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = _Bounded(response.stream)


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LONGEST_ANSWER_BYTES
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise ChatError("protocol", f"the answer is longer than {LONGEST_ANSWER_BYTES // 2**20} MiB")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()

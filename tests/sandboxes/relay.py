"""A way to the Docker daemon that a test can cut: to whoever takes it, the daemon is then killed, with every stream that it served."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from docker.utils import parse_host

from harness.background import BackgroundLoop


class Relay:
    """Listens on a socket of its own, in a thread of its own, since those who use it may block theirs."""

    def __init__(self, place: Path) -> None:
        host = str(parse_host(os.environ.get("DOCKER_HOST")))
        assert host.startswith("http+unix://"), "the relay is for a daemon behind a Unix socket"
        self._daemon = host.removeprefix("http+unix://")
        self._socket = place
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = BackgroundLoop()

    @property
    def address(self) -> str:
        return f"unix://{self._socket}"

    def __enter__(self) -> Relay:
        self._loop.__enter__()
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.__exit__(None, None, None)

    def mend(self) -> None:
        self._socket.unlink(missing_ok=True)

        async def listen() -> None:
            self._server = await asyncio.start_unix_server(self._pass_on, self._socket)

        self._loop.run(listen())

    def cut(self) -> None:
        """Close every stream; who comes now is refused."""

        async def close() -> None:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()

        self._loop.run(close())

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        further_reader, further_writer = await asyncio.open_unix_connection(self._daemon)
        self._open |= {writer, further_writer}
        try:
            await asyncio.gather(_copy(reader, further_writer), _copy(further_reader, writer))
        finally:
            self._open -= {writer, further_writer}
            for each in (writer, further_writer):
                each.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(2**16):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()

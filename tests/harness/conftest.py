"""Fixtures of the harness's tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.harness.fakes import ScriptServer


@pytest.fixture
def server() -> Iterator[ScriptServer]:
    started = ScriptServer()
    yield started
    started.close()


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

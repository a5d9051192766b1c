"""Fixtures of the harness's tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from tests.harness.fakes import ScriptServer


@pytest.fixture(scope="session", autouse=True)
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All servers of these tests are on loopback, without TLS: reading every authority there is takes each client 20 ms or more."""
    end = "-----END CERTIFICATE-----\n"
    file = tmp_path_factory.mktemp("certificates") / "one.pem"
    file.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


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

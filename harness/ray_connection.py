"""The driver's connection to Ray, which changes the process that it is in: a token is found for it, and the process's signals are taken back."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

from harness.config import ConfigError
from harness.extras import needs_extra

_KNOCK_SECONDS = 10.0
_IF_REFUSED = (
    "a cluster that wants a token, as Ray's own default is, takes the one of the machine where it was started: "
    "its ~/.ray/auth_token, copied to the same place here, or in RAY_AUTH_TOKEN"
)


def take_token(address: str | None) -> None:
    """Speak with a token where one is there, as Ray does with a cluster that it finds by itself, but not with one at a given address.

    Ray reads the mode once, when it is imported. A cluster that wants no token does not mind one.
    """
    if "RAY_AUTH_MODE" in os.environ or not (address or os.environ.get("RAY_ADDRESS")):
        return
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    if os.environ.get("RAY_AUTH_TOKEN") or file.is_file():
        os.environ["RAY_AUTH_MODE"] = "token"


async def join(address: str | None) -> None:
    """Become a driver of the cluster. ConfigError when it cannot be reached."""
    ray = ray_installed()
    await _knock(address or os.environ.get("RAY_ADDRESS") or "")
    try:
        await asyncio.to_thread(ray.init, address=address, logging_level="ERROR", log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        said = str(error).partition("\n")[0]
        raise ConfigError(f"the Ray cluster {address or ''} cannot be reached: {said}; {_IF_REFUSED}") from error
    finally:
        _take_signals_back()


async def _knock(address: str) -> None:
    """Ray itself looks for a cluster that is not there for more than a minute."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if not host or not port.isdecimal():
        return  # `auto`, or a form that Ray judges by itself
    try:
        async with asyncio.timeout(_KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError, OverflowError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or f"no answer in {_KNOCK_SECONDS:.0f} s"
        raise ConfigError(f"the Ray cluster {address} cannot be reached: {said}") from error
    writer.close()


def _take_signals_back() -> None:
    """Ray's native part puts its own in the place of the process's: they print a stack and abort, where a run is to end in order."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        if (ours := signal.getsignal(number)) is not None:
            signal.signal(number, ours)
            signal.siginterrupt(number, False)  # noqa: FBT003


def ray_installed() -> Any:  # noqa: ANN401 - its own types know no actor made at run time
    """Ray. ConfigError when it is not installed."""
    with needs_extra("ray"):
        importlib.import_module("ray.util.scheduling_strategies")
        return importlib.import_module("ray")


def losses() -> tuple[type[Exception], ...]:
    """What a call ends with whose node is gone: before it was done, or with its outcome."""
    errors = ray_installed().exceptions
    return (errors.RayActorError, errors.NodeDiedError, errors.ObjectLostError)

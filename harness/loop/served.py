"""The model where it answers: a server that the loop starts and stops, or an endpoint that is there; with an adapter, or as the base.

With a server of the loop's own the GPU is shared in turns: `rest` before training, and the next `use` wakes or starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import httpx

from harness.adapters import AdapterApi, versioned
from harness.checkpoint import read_checkpoint
from harness.config import ConfigError, ModelSettings
from harness.endpoint import authorization
from harness.loop.child import run_child
from harness.loop.config import Endpoint, LoopConfig, Started
from harness.loop.errors import LoopStoppedError
from harness.loop.training import training_configs
from harness.machine import this_machine
from harness.server_command import Choice, ServerCommand, server_command
from harness.serving import Server, ServingError, port_taken
from training.recipe import Recipe, find_recipe, recipe_for

T = TypeVar("T")

Say = Callable[[str], None]
_FREE_SECONDS: Final = 120.0
_NOTICE_SECONDS: Final = 1.0
_PORT_SECONDS: Final = 10.0
_SLACK_MIB: Final = 1024
"""Of a GPU's memory: what a driver keeps for itself a while."""
_ASLEEP_MIB: Final = 4096
"""The same of a server that sleeps."""


class Served(Protocol):
    @property
    def merged(self) -> bool:
        """Whether it takes whole checkpoints, and no adapters."""

    async def use(self, exported: Path | None, name: str) -> ModelSettings:
        """Where the model answers, with what `harness export` made of an adapter, or as the base. LoopStoppedError when it does not get there."""

    async def watched(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's value; LoopStoppedError, with the end of its log, when the server ends before it."""

    async def rest(self) -> None:
        """Make room for training. LoopStoppedError when the memory does not become free."""


@contextlib.asynccontextmanager
async def serving(config: LoopConfig, directory: Path, mark: str, say: Say) -> AsyncIterator[Served]:
    """What the configuration says; a server is stopped at the end, whatever happens."""
    settings = config.serve
    if isinstance(settings, Endpoint):
        yield ServedThere(settings, config, directory)
        return
    here = ServedHere(settings, config, directory, mark, say)
    try:
        yield here
    finally:
        await asyncio.shield(here.close())


class ServedThere:
    """An endpoint that others run."""

    def __init__(self, settings: Endpoint, config: LoopConfig, directory: Path) -> None:
        self._settings = settings
        self._config = config
        self._adapters = directory / "adapters"
        self._log = directory / "serve.log"

    @property
    def merged(self) -> bool:
        return False

    async def use(self, exported: Path | None, name: str) -> ModelSettings:
        base = self._model(self._settings.name)
        if exported is None:
            return base
        version, place = versioned(name, exported, self._adapters)
        if self._settings.command:
            argv = [word.replace("{adapter}", str(place)).replace("{name}", version) for word in self._settings.command]
            await run_child(argv, self._log, None, what="the command that serves an adapter")  # a server that it starts outlives the loop
            return self._model(version)
        await _load(AdapterApi(self._settings.base_url, authorization(base)), version, place)
        return self._model(version)

    async def watched(self, work: Coroutine[Any, Any, T]) -> T:
        return await work  # whether an endpoint is away is its client's to see

    async def rest(self) -> None:
        return

    def _model(self, name: str) -> ModelSettings:
        return model_settings(self._config, name, self._settings.base_url, self._settings.api_key_variable)


class ServedHere:
    """A server of the loop's own."""

    def __init__(self, settings: Started, config: LoopConfig, directory: Path, mark: str, say: Say) -> None:
        self._settings = settings
        self._config = config
        self._adapters = directory / "adapters"
        self._log = directory / "serve.log"
        self._mark = f"{mark}-server"
        self._say = say
        self._server: Server | None = None
        self._model: str | None = None
        self._asleep = False
        self._free_mib: list[int] | None = None
        """Of the GPUs, before the first start."""

    @property
    def merged(self) -> bool:
        return self._settings.engine == "transformers"

    async def use(self, exported: Path | None, name: str) -> ModelSettings:
        if self.merged:
            server = await self._running(str(exported) if exported is not None else self._config.base.model)
            return model_settings(self._config, server.command.served_name, server.command.base_url)
        server = await self._running(self._config.base.model)
        served = server.command.served_name
        if exported is not None:
            served, place = versioned(name, exported, self._adapters)
            await _load(AdapterApi(server.command.base_url), served, place)
        return model_settings(self._config, served, server.command.base_url)

    async def watched(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._server is not None
        doing = asyncio.ensure_future(work)
        ended = asyncio.ensure_future(self._server.ended())
        try:
            await asyncio.wait([doing, ended], return_when=asyncio.FIRST_COMPLETED)
            if doing.done() and doing.exception() is not None:  # most likely of the same: the log says more than a refused connection
                await asyncio.wait([ended], timeout=_NOTICE_SECONDS)
            if ended.done() and (not doing.done() or doing.exception() is not None):
                doing.cancel()
                await asyncio.wait([doing])
                raise LoopStoppedError(self._server.why_it_ended(ended.result()))
            return doing.result()
        finally:
            ended.cancel()
            if not doing.done():
                doing.cancel()
                await asyncio.wait([doing])

    async def rest(self) -> None:
        if self._server is None or self._settings.turns == "together":
            return
        if self._settings.turns == "sleep" and self._server.lives:
            if not self._asleep:
                awake = _free_mib()
                await self._sleep(self._server, "sleep?level=1")
                self._asleep = True
                await self._until_free(awake)
            return
        await self.close()
        await self._until_free()

    async def close(self) -> None:
        server, self._server, self._model, self._asleep = self._server, None, None, False
        if server is not None:
            await server.stop()

    async def _running(self, model: str) -> Server:
        if self._server is not None and self._model == model and self._server.lives:
            if self._asleep:
                await self._sleep(self._server, "wake_up")
                self._asleep = False
            return self._server
        await self.close()
        if self._free_mib is None:
            self._free_mib = _free_mib()
        await _port_free(self._settings.port)
        command, recipe = self._command(model)
        server = Server(command, self._log, recipe=recipe, say=self._say, mark=self._mark)
        self._say(f"serving {model} with {command.engine}; log: {self._log}")
        self._server, self._model = server, model
        try:
            await server.start()
            await server.ready(self._settings.ready_seconds, needs_call=False)
        except ServingError as error:
            await self.close()
            raise LoopStoppedError(str(error)) from error
        return server

    def _command(self, model: str) -> tuple[ServerCommand, Recipe | None]:
        settings, base = self._settings, self._config.base
        checkpoint = read_checkpoint(model)
        recipe = find_recipe(base.recipe) if base.recipe is not None else recipe_for(base.model, checkpoint.model_type)
        more = settings.more + (("--enable-sleep-mode",) if settings.turns == "sleep" else ())
        choice = Choice(
            engine=settings.engine,
            port=settings.port,
            dtype=settings.dtype,
            context=settings.context,
            max_rank=None if self.merged else _rank(self._config),
            environment=settings.environment,
            more=more,
        )
        command = server_command(read_checkpoint(model, recipe), recipe, this_machine(), choice)
        if settings.turns == "sleep":
            command.env["VLLM_SERVER_DEV_MODE"] = "1"  # sleeping and waking are asked for by requests that only this mode has
        return command, recipe

    async def _sleep(self, server: Server, action: str) -> None:
        url = f"{server.command.base_url.removesuffix('/v1')}/{action}"
        try:
            async with httpx.AsyncClient(timeout=300.0) as client:
                response = await client.post(url)
        except httpx.HTTPError as error:
            raise LoopStoppedError(f"{url}: {str(error) or type(error).__name__}") from error
        if response.status_code >= 400:
            raise LoopStoppedError(f'{url}: {response.status_code}: the server cannot sleep: set serve.turns to "stop"')

    async def _until_free(self, awake: Sequence[int] | None = None) -> None:
        """Until the GPUs have as much free memory as before the server was started. One that sleeps, and left so much when it was `awake`,
        may keep a part: it does not let go of its kernels and graphs."""
        if not self._free_mib:
            return
        wanted = [before - _SLACK_MIB for before in self._free_mib]
        if awake is not None and len(awake) == len(wanted):
            wanted = [before - max(_ASLEEP_MIB, (before - left) // 4) for before, left in zip(self._free_mib, awake, strict=True)]
        deadline = time.monotonic() + _FREE_SECONDS
        while True:
            free = _free_mib()
            if len(free) == len(wanted) and all(now >= least for now, least in zip(free, wanted, strict=True)):
                return
            if time.monotonic() > deadline:
                state = "stopped" if awake is None else "asleep"
                raise LoopStoppedError(
                    f"the server is {state}, and {_FREE_SECONDS:.0f} s later {_listed(free)} MiB of the GPU's memory are free, not the "
                    f"{_listed(self._free_mib)} of before: see with nvidia-smi what else is on it"
                )
            await asyncio.sleep(1.0)


def _free_mib() -> list[int]:
    """Of every GPU; empty where there is none, or its driver does not answer."""
    return [gpu.free_mib for gpu in this_machine().gpus]


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers)) or "an unknown number of"


async def _load(api: AdapterApi, name: str, place: Path) -> None:
    """Unless it is there: a name has the version in it."""
    try:
        if name not in await api.names():
            await api.load(name, place)
    except ConfigError as error:
        raise LoopStoppedError(f"the adapter is not served: {error}") from error


def model_settings(config: LoopConfig, name: str, base_url: str, key: str = "OPENAI_API_KEY") -> ModelSettings:
    return ModelSettings(
        name=name,
        base_url=base_url,
        api_key_variable=key,
        recipe=config.base.recipe or _known(config),
        request_timeout_seconds=config.rollouts.request_timeout_seconds,
        prices=config.rollouts.prices,
    )


def _known(config: LoopConfig) -> str:
    """The recipe of the base, since an adapter's name tells nothing."""
    model_type = read_checkpoint(config.base.model).model_type if Path(config.base.model).is_dir() else None
    recipe = recipe_for(config.base.model, model_type)
    return recipe.name if recipe is not None else "none"


def _rank(config: LoopConfig) -> int:
    """The largest that the training configurations make: a server that is started before anything is trained has to be told."""
    settings = [each.adapters for each in training_configs(config)]
    return max(rank for each in settings for rank in (each.rank, *each.ranks.values()))


async def _port_free(port: int) -> None:
    """Wait a while: what is being ended with all its threads holds its port a little longer than it seems to live."""
    deadline = time.monotonic() + _PORT_SECONDS
    while (reason := port_taken("127.0.0.1", port)) is not None:
        if time.monotonic() > deadline:
            raise LoopStoppedError(f"port {port} is taken ({reason}): give another serve.port")
        await asyncio.sleep(0.1)

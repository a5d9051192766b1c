"""The docker backend: one hardened container a box, served through its attached stdin and stdout.

The container has no network, a read-only root, and no capability but those that its executor needs to run commands as the agent's uid.
The daemon is asked to make and remove containers only; what happens in between does not pass through its API.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import struct

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Ulimit

from sandboxes.executor import ARGV, ENVIRONMENT, Executor, ExecutorSandbox, LastWords
from sandboxes.images.docker_image import ensure_image
from sandboxes.images.recipe import ImageRecipe, Say
from sandboxes.owner import is_alive, this_process
from sandboxes.sandbox import HARNESS_DIRECTORY, MIB, REPOSITORY, VITE_SCRATCH, Limits, SandboxError

OWNER_LABEL = "typescript-agent-harness.owner"
_CREATIONS_AT_ONCE = 4  # more only queue up in the daemon: 32 unbounded took 9.2 s, four at a time 5.5 s
_START_SECONDS = 60.0
_STREAM_HEADER = struct.Struct(">BxxxI")


class DockerEngine:
    """Boxes are containers of the recipe's image on the daemon that the environment names (DOCKER_HOST, …)."""

    name = "docker"

    def __init__(self, recipe: ImageRecipe, say: Say) -> None:
        self._recipe = recipe
        self._say = say
        self._client: docker.DockerClient | None = None
        self._creating = asyncio.Semaphore(_CREATIONS_AT_ONCE)
        self._open: set[str] = set()
        self.image = ""

    async def start(self) -> None:
        self._client = await asyncio.to_thread(connect)
        self.image = await asyncio.to_thread(ensure_image, self._client, self._recipe, self._say)
        await self.sweep()

    async def open(self, limits: Limits) -> ExecutorSandbox:
        async with self._creating:
            creation = asyncio.create_task(asyncio.to_thread(self._create, limits))
            try:
                container, stream = await asyncio.shield(creation)
            except asyncio.CancelledError:
                # The thread cannot be stopped: what it makes is removed before the cancellation goes on.
                with contextlib.suppress(SandboxError):
                    container, stream = await creation
                    stream.close()
                    await self._remove(container)
                raise
        try:
            reader, last_words, demultiplexing, writer = await _attach(stream)
        except OSError as error:
            await self._remove(container)
            raise SandboxError(f"the container's stream could not be attached: {error}") from error
        executor = Executor(reader, writer, last_words)

        async def remove() -> None:
            demultiplexing.cancel()
            await self._remove(container)

        sandbox = ExecutorSandbox(str(container.name), executor, remove, can_reset=True)
        try:
            await executor.start(_START_SECONDS)
        except BaseException:
            await sandbox.close()
            raise
        return sandbox

    async def sweep(self) -> list[str]:
        return await asyncio.to_thread(sweep_containers)

    def shortfalls(self) -> list[str]:
        return []

    async def close(self) -> None:
        if self._client is None:
            return
        for name in list(self._open):
            with contextlib.suppress(NotFound):
                await self._remove(await asyncio.to_thread(self._client.containers.get, name))
        self._client.close()
        self._client = None

    def _create(self, limits: Limits) -> tuple[Container, socket.socket]:
        assert self._client is not None, "start() comes first"
        name = f"harness-{secrets.token_hex(6)}"
        size = f"size={limits.disk_bytes}"
        try:
            container = self._client.containers.create(
                self.image,
                list(ARGV),
                name=name,
                labels={OWNER_LABEL: this_process()},
                stdin_open=True,
                init=True,  # reaps what commands leave behind; the executor knows its own children only
                user="0:0",
                working_dir="/",
                environment={"PATH": ENVIRONMENT["PATH"]},
                network_mode="none",
                read_only=True,
                tmpfs={
                    REPOSITORY: f"rw,exec,nosuid,nodev,mode=1777,{size}",
                    VITE_SCRATCH: f"rw,nosuid,nodev,mode=1777,size={16 * MIB}",
                    "/tmp": f"rw,exec,nosuid,nodev,mode=1777,{size}",
                    HARNESS_DIRECTORY: f"rw,noexec,nosuid,nodev,mode=755,size={64 * MIB}",
                },
                cap_drop=["ALL"],
                cap_add=["SETUID", "SETGID", "KILL"],
                security_opt=["no-new-privileges"],
                mem_limit=limits.memory_bytes,
                memswap_limit=limits.memory_bytes,
                nano_cpus=round(min(limits.cpus, os.cpu_count() or 1) * 1e9),
                pids_limit=limits.processes,
                ulimits=[
                    Ulimit(name="nofile", soft=limits.open_files, hard=limits.open_files),
                    Ulimit(name="core", soft=0, hard=0),
                    Ulimit(name="fsize", soft=limits.disk_bytes, hard=limits.disk_bytes),
                ],
                log_config=LogConfig(type="none"),
            )
        except DockerException as error:
            raise SandboxError(f"a container could not be made: {_reason(error)}") from error
        self._open.add(name)
        try:
            parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            attached = self._client.api.attach_socket(str(container.id), params=parameters)
            stream = getattr(attached, "_sock", attached)
            if not isinstance(stream, socket.socket):
                raise SandboxError("this Docker connection gives no plain stream (ssh:// and TLS hosts are not supported)")
            # The SDK's response object would close the socket when it is collected: the stream gets a descriptor of its own.
            stream = socket.socket(fileno=os.dup(stream.fileno()))
            attached.close()
            container.start()
            return container, stream
        except (DockerException, SandboxError) as error:
            self._remove_now(container)
            raise (
                error if isinstance(error, SandboxError) else SandboxError(f"a container could not be started: {_reason(error)}")
            ) from error

    async def _remove(self, container: Container) -> None:
        await asyncio.to_thread(self._remove_now, container)

    def _remove_now(self, container: Container) -> None:
        _remove(container)
        self._open.discard(str(container.name))


def sweep_containers() -> list[str]:
    """Remove the containers of dead harness processes; their names."""
    client = connect()
    swept = []
    try:
        for container in client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True):
            if not is_alive(container.labels[OWNER_LABEL]):
                _remove(container)
                swept.append(str(container.name))
    except DockerException as error:
        raise SandboxError(f"the containers of dead runs could not be swept: {_reason(error)}") from error
    finally:
        client.close()
    return swept


def _remove(container: Container) -> None:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        pass
    except DockerException as error:
        if not (isinstance(error, APIError) and error.status_code == 409):  # 409: its removal is already under way
            raise SandboxError(f"container {container.name} could not be removed: {_reason(error)}") from error


def connect() -> docker.DockerClient:
    """A client of a daemon that answers. SandboxError says that none does."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (DockerException, OSError) as error:
        raise SandboxError(f"no Docker daemon answers: {_reason(error)}") from error
    return client


def _reason(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip().splitlines()[0][:300]


async def _attach(
    stream: socket.socket,
) -> tuple[asyncio.StreamReader, LastWords, asyncio.Task[None], asyncio.StreamWriter]:
    """Split Docker's multiplexed stream: stdout to the returned reader, the end of stderr to the last words."""
    stream.setblocking(False)  # noqa: FBT003
    connect_to = asyncio.open_unix_connection if stream.family == socket.AF_UNIX else asyncio.open_connection
    multiplexed, writer = await connect_to(sock=stream)
    stdout = asyncio.StreamReader()
    last_words = LastWords()

    async def demultiplex() -> None:
        try:
            while True:
                kind, length = _STREAM_HEADER.unpack(await multiplexed.readexactly(_STREAM_HEADER.size))
                chunk = await multiplexed.readexactly(length)
                if kind == 1:
                    stdout.feed_data(chunk)
                else:
                    last_words.add(chunk)
        except (OSError, asyncio.IncompleteReadError):
            stdout.feed_eof()

    return stdout, last_words, asyncio.create_task(demultiplex(), name="demultiplex"), writer

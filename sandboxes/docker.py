"""The docker backend: one hardened container a box, served through its attached stdin and stdout.

The container has no network, a read-only root, and no capability but those that its executor needs to run commands as the agent's uid.
The daemon is asked to make and remove containers only; what happens in between does not pass through its API. One that is gone when a container
is to be removed is asked again when it makes the next one, when the engine sweeps or closes, and by the sweep of a later run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import struct
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Ulimit
from docker.utils import parse_host

import docker
from sandboxes.executor import ARGV, ENVIRONMENT, Executor, ExecutorSandbox, LastWords
from sandboxes.images.docker_image import ensure_image
from sandboxes.images.recipe import ImageRecipe, Say
from sandboxes.owner import is_alive, this_process
from sandboxes.sandbox import DIFF_SCRATCH, HARNESS_DIRECTORY, MIB, REPOSITORY, SLACK_SECONDS, VITE_SCRATCH, Limits, SandboxError

OWNER_LABEL = "typescript-agent-harness.owner"
_CREATIONS_AT_ONCE = 4  # more only queue up in the daemon: 32 unbounded took 9.2 s, four at a time 5.5 s
_START_SECONDS = 60.0
_BYTES_PER_INODE = 4096  # an empty file takes none of a tmpfs's size, but a kilobyte of the box's memory
_NO_SYSTEM_V = {"kernel.shmmni": "0", "kernel.msgmni": "0", "kernel.sem": "1 0 1 0", "fs.mqueue.queues_max": "0"}
"""No shared memory, queues and semaphores that would outlive the processes of a command."""
_STREAM_HEADER = struct.Struct(">BxxxI")


class DockerEngine:
    """Boxes are containers of the recipe's image on the daemon that the environment names (DOCKER_HOST, …)."""

    name = "docker"

    def __init__(self, recipe: ImageRecipe, say: Say, *, slack_seconds: float = SLACK_SECONDS) -> None:
        self._recipe = recipe
        self._say = say
        self._slack_seconds = slack_seconds
        self._client: docker.DockerClient | None = None
        self._creating = asyncio.Semaphore(_CREATIONS_AT_ONCE)
        self._creations: set[asyncio.Task[Any]] = set()
        self._open: dict[str, ExecutorSandbox] = {}
        self._not_removed: dict[str, Container] = {}
        self.image = ""

    async def start(self) -> None:
        self._client = await asyncio.to_thread(connect)
        self.image = await asyncio.to_thread(ensure_image, self._client, self._recipe, self._say)
        await self.sweep()

    async def open(self, limits: Limits) -> ExecutorSandbox:
        async with self._creating:
            client = self._client
            if client is None:
                raise SandboxError("the engine is closed")
            creation = asyncio.create_task(asyncio.to_thread(self._create, client, limits), name="create a container")
            self._under_way(creation)
            try:
                container, stream = await asyncio.shield(creation)
            except asyncio.CancelledError:
                # The thread cannot be stopped: what it makes is removed, even if another cancellation comes in the meantime.
                discarding = asyncio.create_task(self._discard(creation), name="discard a container")
                self._under_way(discarding)
                await asyncio.shield(discarding)
                raise
        if self._not_removed:  # the daemon is there again
            self._under_way(asyncio.create_task(asyncio.to_thread(self._remove_the_rest), name="remove containers"))
        try:
            reader, last_words, demultiplexing, writer = await _attach(stream)
        except BaseException as error:
            stream.close()
            await asyncio.shield(asyncio.to_thread(self._remove, container))
            if isinstance(error, OSError):
                raise SandboxError(f"the container's stream could not be attached: {error}") from error
            raise
        executor = Executor(reader, writer, last_words)
        name = str(container.name)

        async def remove() -> None:
            demultiplexing.cancel()
            try:
                await asyncio.to_thread(self._remove, container)
            finally:
                self._open.pop(name, None)

        sandbox = ExecutorSandbox(name, executor, remove, slack_seconds=self._slack_seconds, can_reset=True)
        self._open[name] = sandbox
        try:
            await executor.start(_START_SECONDS)
            if self._client is None:
                raise SandboxError("the engine is closed")
        except BaseException:
            await sandbox.close()
            raise
        return sandbox

    async def sweep(self) -> list[str]:
        return await asyncio.to_thread(self._remove_the_rest) + await asyncio.to_thread(sweep_containers)

    def shortfalls(self) -> list[str]:
        return []

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        if self._creations:
            await asyncio.wait(self._creations)
        await asyncio.gather(*(sandbox.close() for sandbox in self._open.values()), return_exceptions=True)
        await asyncio.to_thread(self._remove_the_rest)
        if self._not_removed:
            self._say(
                f"the Docker daemon does not answer: {len(self._not_removed)} boxes are left there; `harness gc` removes them when it is back"
            )
        client.close()

    def _under_way(self, task: asyncio.Task[Any]) -> None:
        self._creations.add(task)
        task.add_done_callback(self._creations.discard)

    def _create(self, client: docker.DockerClient, limits: Limits) -> tuple[Container, socket.socket]:
        name = f"harness-{secrets.token_hex(6)}"
        size = _size(limits.tmpfs_bytes)
        try:
            container = client.containers.create(
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
                    VITE_SCRATCH: f"rw,nosuid,nodev,mode=1777,{_size(16 * MIB)}",
                    DIFF_SCRATCH: f"rw,noexec,nosuid,nodev,mode=1777,{_size(64 * MIB)}",
                    "/dev/shm": f"rw,noexec,nosuid,nodev,mode=1777,{_size(64 * MIB)}",
                    "/tmp": f"rw,exec,nosuid,nodev,mode=1777,{size}",
                    HARNESS_DIRECTORY: f"rw,noexec,nosuid,nodev,mode=755,size={64 * MIB}",
                },
                sysctls=_NO_SYSTEM_V,
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
        except (DockerException, OSError) as error:
            raise SandboxError(f"a container could not be made: {_reason(error)}") from error
        try:
            parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            attached = client.api.attach_socket(str(container.id), params=parameters)
            stream = getattr(attached, "_sock", attached)
            if not isinstance(stream, socket.socket):
                raise SandboxError("this Docker connection gives no plain stream (ssh:// and TLS hosts are not supported)")
            # The SDK's response object would close the socket when it is collected: the stream gets a descriptor of its own.
            stream = socket.socket(fileno=os.dup(stream.fileno()))
            _let_go(attached)
            container.start()
            return container, stream
        except (DockerException, OSError, SandboxError) as error:
            self._remove(container)
            raise (
                error if isinstance(error, SandboxError) else SandboxError(f"a container could not be started: {_reason(error)}")
            ) from error

    def _remove(self, container: Container) -> None:
        """What cannot be removed now is nobody's failure: whoever had the box is done with it."""
        try:
            _remove(container)
        except SandboxError:
            self._not_removed[str(container.name)] = container

    def _remove_the_rest(self) -> list[str]:
        """Of those that could not be removed before; their names."""
        removed = []
        with contextlib.suppress(SandboxError):  # the first that fails again tells of the others
            for name, container in list(self._not_removed.items()):
                _remove(container)
                self._not_removed.pop(name, None)
                removed.append(name)
        return removed

    async def _discard(self, creation: asyncio.Task[tuple[Container, socket.socket]]) -> None:
        """Remove the container of an opening that was given up."""
        with contextlib.suppress(SandboxError):
            container, stream = await creation
            stream.close()
            await asyncio.to_thread(self._remove, container)


def _let_go(attached: Any) -> None:  # noqa: ANN401 - whatever stream the SDK's transport gives
    """Close the SDK's own side of an attached stream. The response that it hangs on a Unix socket's would stay, and a socket with it, until a
    garbage collection finds the ring that they make."""
    response = getattr(attached, "_response", None)
    if response is not None:
        response.close()
    attached.close()


def sweep_containers() -> list[str]:
    """Remove the containers of dead harness processes; their names."""
    client = connect()
    swept = []
    try:
        for container in client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True):
            if not is_alive(container.labels[OWNER_LABEL]):
                _remove(container)
                swept.append(str(container.name))
    except (DockerException, OSError) as error:
        raise SandboxError(f"the containers of dead runs could not be swept: {_reason(error)}") from error
    finally:
        client.close()
    return swept


def _remove(container: Container) -> None:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        pass
    except (DockerException, OSError) as error:  # of requests, when there is no daemon
        if not (isinstance(error, APIError) and error.status_code == 409):  # 409: its removal is already under way
            raise SandboxError(f"container {container.name} could not be removed: {_reason(error)}") from error


def _size(size_bytes: int) -> str:
    return f"size={size_bytes},nr_inodes={size_bytes // _BYTES_PER_INODE}"


def connect() -> docker.DockerClient:
    """A client of a daemon that answers. SandboxError says that none does."""
    try:
        place = str(parse_host(os.environ.get("DOCKER_HOST")))
        if place.startswith("http+unix://"):
            _knock(place.removeprefix("http+unix://"))
        return docker.from_env(timeout=120)  # asks the daemon for its version
    except (DockerException, OSError) as error:
        raise SandboxError(f"no Docker daemon answers: {_reason(error)}") from error


def _knock(socket_file: str) -> None:
    """OSError when nobody is behind the socket. The SDK, told so itself, would leave its own socket open."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(10)
        try:
            probe.connect(socket_file)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), socket_file) from error


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

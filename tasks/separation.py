"""Tests in one process and the source that they judge in another, of another user: what that takes in a grading box.

The tests' process is the grader's, the source's is the agent's. Neither can read the other's memory or signal it; the source cannot read the
hidden tests, and nothing that a patch wrote can be read, so run, by the grader. What the tests import of the source comes to them over named
pipes by the programs in `tasks/bridge`, as data and stubs. In a box with one user only the two processes are left of all that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sandboxes.sandbox import HARNESS_DIRECTORY, REPOSITORY, ExecResult, Sandbox, SandboxError
from tasks.programs import bring, must

PLACE: Final = f"{HARNESS_DIRECTORY}/bridge"
"""Where the programs and the pipes are."""

STRIP: Final = (Path(__file__).parent / "bridge" / "strip.mjs").read_bytes()
"""A program for the grader, before the source runs; see there."""

_PROGRAMS: Final = Path(__file__).parent / "bridge"
_TESTS: Final = f"{PLACE}/claims/tests.json"
_ENDING_SECONDS = 5.0

_PIPES = f"""
set -e
cd {PLACE}
mkdir -m 1777 claims
pipes=(control)
for ((place = 0; place < $1; place++)); do
    for name in there there-bell back back-bell; do pipes+=("$place.$name"); done
done
mkfifo -m 0666 "${{pipes[@]}}"
"""

# The grader owns every file, and gives the agent's group those of the source, which it cannot read itself.
_SEAL = f"""
set -e
chmod 0400 {_TESTS}
find . -mindepth 1 -path ./.git -prune -o -type d -exec chmod 0750 {{}} + -o -type f -exec chmod 0040 {{}} +
xargs -0 -r chmod 0440 --
[ $# = 0 ] || chmod 0400 -- "$@"
"""

_LAUNCH = f"""
while read -r place && [ "$place" != end ]; do
    node "$@" --no-warnings {PLACE}/source.mjs "{PLACE}/$place" &
done <> {PLACE}/control
"""


class Separation:
    """One box's set-up. `places` processes of tests can each have a process of the source."""

    def __init__(
        self,
        sandbox: Sandbox,
        trusted: Sequence[str],
        hidden: Sequence[str],
        *,
        places: int,
        configuration: str | None,
        stripped: Mapping[str, Any] | None = None,
    ) -> None:
        """`trusted` are the files that no patch can change, `hidden` those of them that the agent has never seen; `stripped` is what `STRIP`
        printed. In a box with one user it is left out: the source could change it as it runs.
        """
        self._sandbox = sandbox
        self._trusted = trusted
        self._hidden = hidden
        self._places = places
        self._configuration = configuration
        self._stripped = stripped or {}

    async def prepare(self) -> None:
        """Bring the programs and share out the files; no process of the source may have run before."""
        plan: dict[str, Any] = {
            "directory": PLACE,
            "places": self._places,
            "repository": REPOSITORY,
            "trusted": list(self._trusted),
            "config": self._configuration,
        }
        trusted = set(self._trusted)
        tests = {path: made for path, made in self._stripped.items() if path in trusted}
        source = {path: made for path, made in self._stripped.items() if path not in tests}
        more = {"plan.json": json.dumps(plan).encode(), "source.json": json.dumps(source).encode()}
        await bring(self._sandbox, _PROGRAMS, PLACE, more)
        await must(self._sandbox, ["bash", "-c", _PIPES, "bash", str(self._places)], user="root")
        if not self._sandbox.one_user:
            await self._sandbox.write(_TESTS, json.dumps(tests).encode(), user="grader")
            shared = "\0".join(sorted({*self._trusted} - {*self._hidden})).encode()
            await must(self._sandbox, ["bash", "-c", _SEAL, "bash", *self._hidden], user="grader", stdin=shared)

    @asynccontextmanager
    async def launcher(self, flags: Sequence[str], *, timeout_seconds: float) -> AsyncIterator[list[ExecResult]]:
        """While it is open the tests' processes are answered by processes of the source; then what these printed is in the list."""
        results: list[ExecResult] = []
        argv = ["bash", "-c", _LAUNCH, "bash", *flags]
        running = asyncio.create_task(self._sandbox.exec(argv, timeout_seconds=timeout_seconds), name="source under test")
        try:
            yield results
            end = ["bash", "-c", f"echo end 1<> {PLACE}/control"]
            await self._sandbox.exec(end, timeout_seconds=_ENDING_SECONDS, cwd="/", user="root")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ENDING_SECONDS):
                    results.append(await asyncio.shield(running))
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError, SandboxError):
                await running

"""Tests and source in one process, made as hard to fool as that allows: what it takes in a grading box. For node:test alone.

The programs in `tasks/hardened` come before the source: they keep the texts of the hidden tests in memory, sign what is reported, freeze what
tests and source share, and decide what the source may load. The process is the agent's and has Node's permissions: it reads the repository
and writes in /tmp. The files of the repository are the grader's, and the hidden tests lie there no longer. In a box with one user only
Node's permissions keep the source from files and processes.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandboxes.sandbox import HARNESS_DIRECTORY, REPOSITORY, Sandbox
from tasks.programs import bring, must
from tasks.reports import Seal

_PLACE: Final = f"{HARNESS_DIRECTORY}/hardened"
_PROGRAMS: Final = Path(__file__).parent / "hardened"
_SHADOWS: Final = (Path(__file__).parent / "bridge" / "shadows.mjs").read_bytes()
_MODULE = re.compile(r"\.[cm]?[jt]sx?$")

_OPTIONS: Final = (
    "--permission",
    "--allow-fs-read=/workspace/",
    "--allow-fs-read=/tmp/",
    f"--allow-fs-read={_PLACE}/",
    "--allow-fs-write=/tmp/",
    "--zero-fill-buffers",  # no memory of before is ever seen in a new buffer
    "--no-warnings",
    f"--import={_PLACE}/preload.mjs",
    f"--test-reporter={_PLACE}/reporter.mjs",
    "--test-reporter-destination=stdout",
)

# All files are the grader's; what is hidden goes before anybody else can look.
_SEAL = """
set -e
[ $# = 0 ] || rm -f -- "$@"
find . -mindepth 1 -path ./.git -prune -o -type d -exec chmod 0755 {} + -o -type f -exec chmod go-w,a+r {} +
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What one test process is given, and how its report is known."""

    argv: list[str]
    stdin: bytes
    seal: Seal


class Hardening:
    """One box's set-up."""

    def __init__(self, sandbox: Sandbox, trusted: Sequence[str], hidden: Sequence[str]) -> None:
        """`trusted` are the files that no patch can change, `hidden` those of them that the agent has never seen."""
        self._sandbox = sandbox
        self._trusted = trusted
        self._hidden = [path for path in hidden if _MODULE.search(path)]  # others are read by the tests, in the same process
        self._texts: dict[str, str] = {}

    async def prepare(self, files: Sequence[str]) -> None:
        """Bring the programs, take the texts of the hidden tests and of `files`, close the repository. No source may have run before."""
        for path in {*files, *self._hidden}:
            try:
                content = await self._sandbox.read(f"{REPOSITORY}/{path}", user="grader")
            except FileNotFoundError:
                continue  # the hidden tests take it away
            self._texts[path] = content.decode("utf-8", "replace")
        await bring(self._sandbox, _PROGRAMS, _PLACE, {"shadows.mjs": _SHADOWS})
        await must(self._sandbox, ["bash", "-c", _SEAL, "bash", *self._hidden], user="grader")

    def job(self, file: str) -> Job:
        """For a process that runs `file`, one of those that were prepared."""
        seal = Seal(key=secrets.token_hex(32), canary=f"c{secrets.token_hex(16)}", value=secrets.token_hex(16))
        about = {
            "key": seal.key,
            "canary": {"name": seal.canary, "value": seal.value},
            "repository": REPOSITORY,
            "main": file,
            "trusted": list(self._trusted),
            "texts": {path: text for path, text in self._texts.items() if path == file or path in self._hidden},
        }
        return Job(["node", *_OPTIONS, file], json.dumps(about).encode(), seal)

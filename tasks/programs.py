"""Programs of ours in a grading box: brought there before any source has run, and commands there that must not fail."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sandboxes.sandbox import REPOSITORY, Sandbox, SandboxError, User

_SECONDS = 60.0

# The repository's own directory is root's, and closed from here on: nothing that a test runner would find there by its name can be put there.
_BRING: Final = f"""
set -e
umask 022
mkdir "$1"
tar --extract --no-same-owner --directory="$1" --file=-
chmod 0755 {REPOSITORY}
"""


async def bring(sandbox: Sandbox, directory: Path, place: str, more: Mapping[str, bytes] | None = None) -> None:
    """Put the programs in `directory`, and the files of `more` beside them, into a new directory of root's, and close the repository."""
    await must(sandbox, ["bash", "-c", _BRING, "bash", place], user="root", stdin=_archive(directory, dict(more or {})))


async def must(sandbox: Sandbox, argv: Sequence[str], *, user: User, stdin: bytes = b"", cwd: str = REPOSITORY) -> None:
    """Run a command that only fails where the box does. SandboxError when it fails."""
    result = await sandbox.exec(argv, timeout_seconds=_SECONDS, cwd=cwd, user=user, stdin=stdin)
    if not result.ok:
        said = result.stderr.text().strip()[-300:]
        raise SandboxError(f"the box could not be made ready for the tests ({result.how_it_ended()}): {said}")


def _archive(directory: Path, more: dict[str, bytes]) -> bytes:
    files = {file.name: file.read_bytes() for file in sorted(directory.glob("*.mjs"))} | more
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()

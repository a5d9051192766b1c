"""A disk of its own for a test to fill: ext4 on a loop file, or a tmpfs where there are no loop devices. Only root can mount either."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(directory: Path, size_mib: int) -> Iterator[Path]:
    """Where it is mounted; skips the test where it cannot be."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk to fill")
    place = directory / "disk"
    place.mkdir()
    image = directory / "disk.img"
    with open(image, "wb") as stream:
        stream.truncate(size_mib * 2**20)
    if _works("mkfs.ext4", "-q", "-F", "-m", "0", str(image)) and _works("mount", "-o", "loop", str(image), str(place)):
        pass
    elif not _works("mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(place)):
        pytest.skip("nothing can be mounted here")
    try:
        yield place
    finally:
        if not _works("umount", str(place)):
            subprocess.run(["umount", "--lazy", str(place)], check=True)
        image.unlink()


def fill(place: Path) -> Path:
    """Take all that is free on the disk; the file to remove to give it back."""
    ballast = place / "ballast"
    with open(ballast, "ab", buffering=0) as stream:
        piece = 64 * 2**20
        while piece:
            try:
                os.posix_fallocate(stream.fileno(), stream.tell(), piece)
                stream.seek(0, os.SEEK_END)
            except OSError:
                piece //= 2
        with contextlib.suppress(OSError):
            while True:
                stream.write(b"x" * 4096)
    return ballast


def _works(*argv: str) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False

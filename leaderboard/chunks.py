"""Records as files that a page opened from disk can load: trajectory.json, gzipped, in scripts that call back with base64.

A page from file:// may not fetch, but it may load a script. The record is carried byte for byte, and its name is the beginning of its
sha256, which the page checks. Large records are split. A chunk that is there already is not made again.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path
from typing import Final

from trajectories.disk import replace_file

NAME_CHARACTERS: Final = 32
"""Of the digest, in hex: 128 bits."""
CHUNK_NAME: Final = re.compile(r"([0-9a-f]{32})(?:\.\d+)?\.js")

_LEVEL = 7  # 9 takes twice the time for 0.3%
_LARGEST_PART = 1_000_000  # bytes of gzip: a page takes 10 ms for 50 kB, and stays responsive between parts


def chunk_name(record_sha256: str) -> str:
    return record_sha256[:NAME_CHARACTERS]


def write_chunk(directory: Path, record: Path, record_sha256: str) -> bool:
    """Write the parts of a record, the first one last; whether anything was written.

    Nothing is written when the record has changed since its digest was taken: the run goes on, and the next report has it.
    """
    name = chunk_name(record_sha256)
    first = directory / f"{name}.js"
    if first.exists():
        return False
    try:
        content = record.read_bytes()
    except OSError:
        return False
    if hashlib.sha256(content).hexdigest() != record_sha256:
        return False
    packed = gzip.compress(content, compresslevel=_LEVEL, mtime=0)
    parts = [packed[start : start + _LARGEST_PART] for start in range(0, len(packed), _LARGEST_PART)]
    for number in range(len(parts), 0, -1):
        file = first if number == 1 else directory / f"{name}.{number}.js"
        replace_file(
            file,
            f'harnessRecord("{name}",{number},{len(parts)},"{base64.b64encode(parts[number - 1]).decode("ascii")}")\n'.encode(),
            lasting=False,
        )
    return True

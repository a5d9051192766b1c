"""Digests by which a loop tells whether what it has is what it had."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel


def digest_of(content: object) -> str:
    """sha256 in hex over JSON of the content; paths and models as their text."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def digest_of_files(*files: Path) -> str:
    """sha256 in hex over names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with open(file, "rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)

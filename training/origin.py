"""Which base an adapter was made on: `base.json` beside it has the digest of the checkpoint, since a path says nothing on another machine or tomorrow.

No torch in here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from training.errors import TrainingError
from training.shards import files_of

ORIGIN: Final = "base.json"
_STRETCH: Final = 4096
"""Bytes that are read of each tensor."""


class Origin(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    """Of its directory."""
    sha256: str


def checkpoint_digest(directory: Path) -> str:
    """SHA-256 over config.json, the headers of the safetensors (names, types, shapes, places) and a stretch from the middle of every tensor: cheap for 60 GB, and
    another for another model, if only its attention was trained. TrainingError when it is no checkpoint."""
    try:
        whole = hashlib.sha256((directory / "config.json").read_bytes())
        for file in files_of(directory):
            with file.open("rb") as stream:
                length = stream.read(8)
                header = stream.read(int.from_bytes(length, "little"))
                whole.update(length + header)
                entries = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
                for begin, end in sorted(entry["data_offsets"] for entry in entries.values()):
                    stream.seek(8 + len(header) + begin + max(0, end - begin - _STRETCH) // 2)
                    whole.update(stream.read(min(_STRETCH, end - begin)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{directory}: not a checkpoint whose tensors can be read: {error}") from error
    return whole.hexdigest()


def write_origin(adapter: Path, base: Path) -> None:
    origin = Origin(name=base.resolve().name, sha256=checkpoint_digest(base))
    (adapter / ORIGIN).write_text(origin.model_dump_json(indent=1) + "\n", encoding="utf-8")


def copy_origin(adapter: Path, directory: Path) -> None:
    """Beside the same adapter in another layout."""
    if (adapter / ORIGIN).is_file():
        shutil.copyfile(adapter / ORIGIN, directory / ORIGIN)


def read_origin(adapter: Path) -> Origin | None:
    """None when the adapter does not say. TrainingError when what it says cannot be read."""
    try:
        return Origin.model_validate_json((adapter / ORIGIN).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise TrainingError(f"{adapter / ORIGIN}: cannot be read: {str(error).splitlines()[0]}") from error


def check_origin(adapter: Path, base: Path) -> bool:
    """Whether the adapter says that it was made on this base; False when it says nothing. TrainingError when it was made on another."""
    origin = read_origin(adapter)
    if origin is None:
        return False
    found = checkpoint_digest(base)
    if origin.sha256 != found:
        raise TrainingError(
            f"{adapter}: the adapter is of another base ({origin.name}, SHA-256 {origin.sha256[:12]}…) than {base} ({found[:12]}…): give the one that it was trained on"
        )
    return True

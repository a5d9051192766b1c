"""What has been done of a long piece of work: JSON lines, appended, so that a run that was stopped goes on where it was.

The first line says what the work is; work with other settings does not go on in it. A last line that was cut off is dropped.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.errors import TaskError


class Ledger:
    """`entries` by key, in the order in which they were written."""

    def __init__(self, file: Path, about: Mapping[str, Any]) -> None:
        """TaskError when the file is of other work."""
        self.entries: dict[str, dict[str, Any]] = {}
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = (file.parent / "lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise TaskError(f"{file.parent.parent}: another process works on it; wait for it or give another --output") from error
        try:
            kept = self._read(json.loads(json.dumps(about)))
        except TaskError:
            self._lock.close()
            raise
        temporary = file.with_suffix(".new")
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        temporary.replace(file)
        self._stream = file.open("a", encoding="utf-8")

    def add(self, key: str, entry: Mapping[str, Any]) -> None:
        """On the disk when this returns."""
        self.entries[key] = dict(entry)
        self._stream.write(json.dumps({"key": key, **entry}, ensure_ascii=False) + "\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()
        self._lock.close()

    def _read(self, about: dict[str, Any]) -> list[str]:
        first = json.dumps({"about": about}, ensure_ascii=False)
        if not self._file.exists():
            return [first]
        kept = []
        for number, line in enumerate(self._file.read_text(encoding="utf-8").splitlines()):
            try:
                content = json.loads(line)
            except ValueError:
                break
            if number == 0:
                if content.get("about") != about:
                    changed = sorted(
                        key for key in {*about, *content.get("about", {})} if content.get("about", {}).get(key) != about.get(key)
                    )
                    raise TaskError(
                        f"{self._file.parent.parent}: it was made with other settings ({', '.join(changed)}); give another --output"
                    )
            else:
                self.entries[content.pop("key")] = content
            kept.append(line)
        return kept or [first]

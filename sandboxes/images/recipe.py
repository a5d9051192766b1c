"""Image recipes: a directory of small files, and the digest that names what is built from them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]
"""Takes one line of progress."""

_RECIPES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """One image: `directory` holds image.toml, Dockerfile, package.json, package-lock.json and etc/."""

    name: str
    directory: Path
    base: str
    node_version: str
    debian_packages: tuple[str, ...]
    digest: str
    """sha256 in hex over the recipe's files, the build from packages and the machine's architecture."""

    @property
    def tag(self) -> str:
        return f"{self.name}-{self.digest[:12]}"


def image_names() -> list[str]:
    return sorted(entry.parent.name for entry in _RECIPES.glob("*/image.toml"))


def load_recipe(name: str = "node24") -> ImageRecipe:
    """KeyError when there is no recipe of that name."""
    directory = _RECIPES / name
    if name not in image_names():
        raise KeyError(name)
    fields = tomllib.loads((directory / "image.toml").read_text(encoding="utf-8"))
    digest = hashlib.sha256(platform.machine().encode() + (_RECIPES / "rootfs.py").read_bytes())
    for file in sorted(entry for entry in directory.rglob("*") if entry.is_file()):
        content = file.read_bytes()
        digest.update(f"\0{file.relative_to(directory).as_posix()}\0{len(content)}\0".encode() + content)
    return ImageRecipe(
        name=name,
        directory=directory,
        base=fields["base"],
        node_version=fields["node_version"],
        debian_packages=tuple(fields["debian_packages"]),
        digest=digest.hexdigest(),
    )


@contextlib.contextmanager
def building(name: str) -> Iterator[None]:
    """One build of that name at a time on this machine; the others wait and find it built."""
    place = cache_directory() / "images"
    place.mkdir(parents=True, exist_ok=True)
    with open(place / f".{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cache_directory() -> Path:
    """Where what can be built again is kept: $HARNESS_CACHE, else the user's cache directory."""
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "typescript-agent-harness"

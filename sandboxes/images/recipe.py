"""Image recipes: a directory of small files, and the digest that names what is built from them.

A recipe with a `parent` is the parent's box with other packages in `/workspace/node_modules`: a package.json, a package-lock.json and an
image.toml that names the parent. Such recipes come with a suite as well, as the environment of one of its repositories; they are kept in
the cache under a name that is made of their content, so that the same name means the same packages everywhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandboxes.sandbox import SandboxError

Say = Callable[[str], None]
"""Takes one line of progress."""

_RECIPES = Path(__file__).parent
_ENVIRONMENT = re.compile(r"env-[0-9a-f]{16}")


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
    parent: ImageRecipe | None = None
    """The recipe of the box that this one is, but for its packages."""

    @property
    def tag(self) -> str:
        return f"{self.name}-{self.digest[:12]}"


def image_names() -> list[str]:
    return sorted(entry.parent.name for entry in _RECIPES.glob("*/image.toml"))


def load_recipe(name: str = "node24") -> ImageRecipe:
    """KeyError when there is no recipe of that name."""
    directory = _RECIPES / name if name in image_names() else _environments() / name
    if name not in image_names() and not (_ENVIRONMENT.fullmatch(name) and (directory / "image.toml").is_file()):
        raise KeyError(name)
    fields = tomllib.loads((directory / "image.toml").read_text(encoding="utf-8"))
    parent = load_recipe(fields["parent"]) if "parent" in fields else None
    digest = hashlib.sha256(platform.machine().encode() + (_RECIPES / "rootfs.py").read_bytes())
    if parent is not None:
        digest.update(parent.digest.encode())
    for file in sorted(entry for entry in directory.rglob("*") if entry.is_file()):
        content = file.read_bytes()
        digest.update(f"\0{file.relative_to(directory).as_posix()}\0{len(content)}\0".encode() + content)
    return ImageRecipe(
        name=name,
        directory=directory,
        base=parent.base if parent else fields["base"],
        node_version=parent.node_version if parent else fields["node_version"],
        debian_packages=parent.debian_packages if parent else tuple(fields["debian_packages"]),
        digest=digest.hexdigest(),
        parent=parent,
    )


def keep_environment(package: bytes, lock: bytes, *, parent: str = "node24") -> str:
    """Keep a recipe for the parent's box with these packages; its name, `env-` and sixteen digits of the content's digest."""
    content = hashlib.sha256(f"{parent}\0{len(package)}\0".encode() + package + lock).hexdigest()
    name = f"env-{content[:16]}"
    target = _environments() / name
    with _naming("the packages of a box cannot be kept"):
        if not (target / "image.toml").is_file():
            _environments().mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=_environments()))
            (staging / "image.toml").write_text(f'name = "{name}"\nparent = "{parent}"\n', encoding="utf-8")
            (staging / "package.json").write_bytes(package)
            (staging / "package-lock.json").write_bytes(lock)
            try:
                staging.rename(target)
            except OSError:  # another process was first, with the same content
                shutil.rmtree(staging)
    return name


def _environments() -> Path:
    return cache_directory() / "environments"


@contextlib.contextmanager
def building(name: str) -> Iterator[None]:
    """One build of that name at a time on this machine; the others wait and find it built. SandboxError for what the system refuses in it."""
    place = cache_directory() / "images"
    with _naming("the box cannot be built"):
        place.mkdir(parents=True, exist_ok=True)
        with open(place / f".{name}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _naming(what: str) -> Iterator[None]:
    """A disk that is full, or may not be written to, in one line."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower().splitlines()[0]
        raise SandboxError(f"{what}: {error.filename or cache_directory()}: {reason}") from error


def cache_directory() -> Path:
    """Where what can be built again is kept: $HARNESS_CACHE, else the user's cache directory."""
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "typescript-agent-harness"

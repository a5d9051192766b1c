"""A built image as one archive, for a machine that lacks it: what it is built as names it there as here, whatever that machine would have built."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docker.errors import DockerException

from sandboxes.docker import connect
from sandboxes.images.docker_image import find_image, image_name
from sandboxes.images.recipe import ImageRecipe, building
from sandboxes.images.rootfs import pack_rootfs, read_manifest, rootfs_directory
from sandboxes.sandbox import SandboxError


@dataclass(frozen=True, slots=True)
class Shipping:
    """How the images of one backend are named, and moved. What fails is a SandboxError."""

    built: Callable[[ImageRecipe], str | None]
    """What the recipe's image is on this machine, as its engine calls it; None where it is not built."""
    pack: Callable[[ImageRecipe, Path], None]
    """Write the built image into a file."""
    unpack: Callable[[ImageRecipe, Path], None]
    """Have the image that the file holds."""
    replaces: bool
    """Whether that may be done where there is another build of the recipe: not where boxes that are opened later would be of the new one."""


def _docker_built(recipe: ImageRecipe) -> str | None:
    client = connect()
    try:
        return find_image(client, recipe)
    finally:
        client.close()


def _docker_pack(recipe: ImageRecipe, archive: Path) -> None:
    client = connect()
    try:
        with open(archive, "wb") as file:
            file.writelines(client.images.get(image_name(recipe)).save(named=image_name(recipe)))
    except DockerException as error:
        raise SandboxError(f"the image cannot be packed: {error}") from error
    finally:
        client.close()


def _docker_unpack(recipe: ImageRecipe, archive: Path) -> None:
    """The daemon checks each layer against its digest. Containers of another build go on with that one, which loses its name."""
    client = connect()
    try:
        with building(f"docker-{recipe.tag}"), open(archive, "rb") as file:
            client.images.load(file)
    except DockerException as error:
        raise SandboxError(f"the image cannot be unpacked: {error}") from error
    finally:
        client.close()


def _rootfs_built(recipe: ImageRecipe) -> str | None:
    manifest = read_manifest(recipe)
    return f"{recipe.name}@sha256:{manifest['digest']}" if manifest else None


def _rootfs_pack(recipe: ImageRecipe, archive: Path) -> None:
    pack_rootfs(rootfs_directory(recipe).parent, archive)


def _rootfs_unpack(recipe: ImageRecipe, archive: Path) -> None:
    target = rootfs_directory(recipe).parent
    target.parent.mkdir(parents=True, exist_ok=True)
    with building(recipe.tag):
        staging = Path(tempfile.mkdtemp(prefix=f".{recipe.tag}.", dir=target.parent))
        try:
            unpack = ["tar", "--extract", f"--file={archive}", f"--directory={staging}", "--no-same-owner", "--same-permissions"]
            done = subprocess.run(unpack, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SandboxError(f"the image cannot be unpacked: {(done.stderr.strip().splitlines() or ['tar failed'])[-1]}")
            if not target.exists():  # else another run was first
                staging.chmod(0o755)
                staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


SHIPPING: dict[str, Shipping] = {
    "docker": Shipping(_docker_built, _docker_pack, _docker_unpack, replaces=True),
    "bubblewrap": Shipping(_rootfs_built, _rootfs_pack, _rootfs_unpack, replaces=False),
}

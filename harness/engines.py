"""Which sandbox a run gets: Docker where a daemon answers, else bubblewrap."""

from __future__ import annotations

import asyncio
from typing import Literal

from sandboxes.bubblewrap import BubblewrapEngine
from sandboxes.cgroups import sweep_groups
from sandboxes.docker import DockerEngine, connect, sweep_containers
from sandboxes.images.docker_image import find_image
from sandboxes.images.recipe import Say, image_names, load_recipe
from sandboxes.images.rootfs import read_manifest
from sandboxes.pool import WarmEngine
from sandboxes.sandbox import SandboxEngine, SandboxError

Backend = Literal["auto", "docker", "bubblewrap"]


def choose_engine(backend: Backend, image: str, say: Say, *, concurrency: int = 1) -> SandboxEngine:
    """An engine with boxes kept ready for that many rollouts at once, not yet started. KeyError when no recipe has the image's name."""
    return WarmEngine(bare_engine(backend, image, say), spare=min(2, concurrency), keep=2 * concurrency)


def bare_engine(backend: Backend, image: str, say: Say) -> DockerEngine | BubblewrapEngine:
    """The engine itself: each box is new."""
    recipe = load_recipe(image)
    if backend == "auto":
        try:
            connect().close()
            backend = "docker"
        except SandboxError:
            backend = "bubblewrap"
    return DockerEngine(recipe, say) if backend == "docker" else BubblewrapEngine(recipe, say)


def built_images() -> list[tuple[str, str, str, str]]:
    """Every image recipe and where it is built: name, recipe's digest, backend, identity."""
    rows = []
    for name in image_names():
        recipe = load_recipe(name)
        manifest = read_manifest(recipe)
        rows.append((name, recipe.digest[:12], "bubblewrap", f"sha256:{manifest['digest']}" if manifest else "not built"))
        try:
            client = connect()
        except SandboxError as error:
            rows.append((name, recipe.digest[:12], "docker", str(error)))
            continue
        rows.append((name, recipe.digest[:12], "docker", find_image(client, recipe) or "not built"))
        client.close()
    return rows


async def sweep_all(say: Say) -> list[str]:
    """Remove what dead harness processes left in every backend that is here."""
    swept = await asyncio.to_thread(sweep_groups)
    try:
        swept += await asyncio.to_thread(sweep_containers)
    except SandboxError as error:
        say(str(error))
    return swept

"""The image of a recipe in a Docker daemon: built from the Dockerfile where a registry answers, else imported from the package build."""

from __future__ import annotations

import tempfile
from pathlib import Path

from docker.errors import APIError, BuildError, DockerException, ImageNotFound

import docker
from sandboxes.images.recipe import ImageRecipe, Say, building
from sandboxes.images.rootfs import build_rootfs, pack_rootfs
from sandboxes.sandbox import SandboxError

REPOSITORY_NAME = "typescript-agent-harness"
RECIPE_LABEL = "typescript-agent-harness.recipe"


def image_name(recipe: ImageRecipe) -> str:
    return f"{REPOSITORY_NAME}:{recipe.tag}"


def ensure_image(client: docker.DockerClient, recipe: ImageRecipe, say: Say) -> str:
    """The id (`sha256:…`) of the recipe's image, built when the daemon does not have it. SandboxError when neither way works."""
    with building(f"docker-{recipe.tag}"):
        if built := find_image(client, recipe):
            return built
        refusal = None if recipe.parent else _pull_base(client, recipe, say)
        try:
            if recipe.parent is not None:
                _import(client, recipe, say)
            elif refusal is None:
                _build(client, recipe, say)
            else:
                say(f"no registry answers ({refusal}): building the box from packages instead")
                _import(client, recipe, say)
            return str(client.images.get(image_name(recipe)).id)
        except DockerException as error:
            raise SandboxError(f"building the image failed: {error}") from error


def find_image(client: docker.DockerClient, recipe: ImageRecipe) -> str | None:
    """The id of the recipe's image, or None when the daemon does not have it."""
    try:
        return str(client.images.get(image_name(recipe)).id)
    except ImageNotFound:
        return None
    except (DockerException, OSError) as error:
        raise SandboxError(f"the Docker daemon does not answer: {error}") from error


def _pull_base(client: docker.DockerClient, recipe: ImageRecipe, say: Say) -> str | None:
    """None when the base image is there; else why not."""
    try:
        client.images.get(recipe.base)
        return None
    except ImageNotFound:
        pass
    say(f"pulling {recipe.base}")
    try:
        client.images.pull(recipe.base)
        return None
    except (APIError, ImageNotFound) as error:
        return str(error.explanation or error).splitlines()[0][:120]


def _build(client: docker.DockerClient, recipe: ImageRecipe, say: Say) -> None:
    say(f"building {image_name(recipe)} on {recipe.base}")
    arguments = {"BASE": recipe.base, "DEBIAN_PACKAGES": " ".join(recipe.debian_packages)}
    try:
        client.images.build(
            path=str(recipe.directory),
            tag=image_name(recipe),
            buildargs=arguments,
            labels={RECIPE_LABEL: recipe.digest},
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        raise SandboxError(f"building the image failed: {error.msg}") from error


def _import(client: docker.DockerClient, recipe: ImageRecipe, say: Say) -> None:
    root = build_rootfs(recipe, say)
    say(f"importing it as {image_name(recipe)}")
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "rootfs.tar")
        pack_rootfs(root, archive)
        answer = client.api.import_image_from_file(
            str(archive), repository=REPOSITORY_NAME, tag=recipe.tag, changes=[f"LABEL {RECIPE_LABEL}={recipe.digest}"]
        )
    if '"error"' in answer:
        raise SandboxError(f"importing the image failed: {answer.strip()[-300:]}")

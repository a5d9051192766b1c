"""Recipes and the names that follow from their content."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sandboxes.images.recipe import building, cache_directory, image_names, keep_environment, load_recipe


def test_the_node_image_is_there_and_names_node_24():
    assert image_names() == ["node24", "synthesis"]
    assert load_recipe("node24").node_version.startswith("24.")


def test_the_digest_is_the_same_each_time():
    assert load_recipe().digest == load_recipe().digest
    assert load_recipe().tag == f"node24-{load_recipe().digest[:12]}"


def test_the_recipe_names_no_registry():
    lock = (load_recipe().directory / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker command")
@pytest.mark.docker
def test_the_dockerfile_names_what_the_package_build_installs():
    dockerfile = (load_recipe().directory / "Dockerfile").read_text(encoding="utf-8")
    assert "${DEBIAN_PACKAGES}" in dockerfile
    assert subprocess.run(["docker", "--version"], capture_output=True, check=False).returncode == 0


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "here"))
    assert cache_directory() == tmp_path / "here"
    with building("x"):
        assert (tmp_path / "here/images/.x.lock").exists()
    monkeypatch.setenv("HARNESS_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "typescript-agent-harness"


def test_a_recipe_with_a_parent_is_the_parent_s_box_with_packages_of_its_own():
    recipe, parent = load_recipe("synthesis"), load_recipe("node24")
    assert recipe.parent == parent
    assert (recipe.node_version, recipe.debian_packages) == (parent.node_version, parent.debian_packages)
    assert recipe.digest != parent.digest


def test_an_environment_is_kept_under_a_name_of_its_content(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    name = keep_environment(b'{"dependencies": {}}', b"{}")
    assert keep_environment(b'{"dependencies": {}}', b"{}") == name
    assert keep_environment(b'{"dependencies": {"a": "1"}}', b"{}") != name
    recipe = load_recipe(name)
    assert (recipe.name, recipe.parent) == (name, load_recipe("node24"))
    with pytest.raises(KeyError):
        load_recipe("env-../../etc")

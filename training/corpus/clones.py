"""A repository's source at one commit: a clone without history, of which only the files that a corpus is made of are fetched.

Nothing of a repository is run: no hooks, no filters, no submodules; only protocols that are allowed, and no questions for passwords.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from training.corpus.collect_settings import CloneSettings

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_.-]{1,100}")
_COMMIT: Final = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")


class CloneError(Exception):
    """One line: why there is no clone."""


def directory_of(repository: str) -> str:
    """`owner+name`. CloneError for what is no name of a repository."""
    if not _NAME.fullmatch(repository) or repository.endswith(("/.", "/..")):
        raise CloneError(f"{repository!r} is no name of a repository")
    return repository.replace("/", "+")


def clone(url: str, commit: str, target: Path, settings: CloneSettings) -> None:
    """Whole or not at all, over what was there. CloneError when git cannot."""
    if url.partition("://")[0] not in settings.protocols:
        raise CloneError(f"{url!r}: only {', '.join(settings.protocols)} may be used")
    if not _COMMIT.match(commit):
        raise CloneError(f"{commit!r} is no commit")
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _git(temporary, settings, "init", "--quiet", "--template=")
        _git(temporary, settings, "remote", "add", "origin", url)
        _git(temporary, settings, "config", "remote.origin.promisor", "true")
        _git(temporary, settings, "config", "remote.origin.partialclonefilter", "blob:none")
        _git(temporary, settings, "sparse-checkout", "set", "--no-cone", *settings.patterns)
        _git(temporary, settings, "fetch", "--quiet", "--depth=1", "--no-tags", "--filter=blob:none", "origin", commit)
        _git(temporary, settings, "checkout", "--quiet", "--detach", commit)
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _git(directory: Path, settings: CloneSettings, *arguments: str) -> None:
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": ":".join(settings.protocols),
        "GIT_LFS_SKIP_SMUDGE": "1",
        **{name: os.environ[name] for name in ("https_proxy", "HTTPS_PROXY", "SSL_CERT_FILE") if name in os.environ},
    }
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false", "-C", str(directory)]
    try:
        done = subprocess.run(
            [*command, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=settings.timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CloneError(f"git {arguments[0]} took longer than {settings.timeout_seconds:.0f} s") from error
    except OSError as error:
        raise CloneError(f"git cannot be started: {error.strerror}") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CloneError(f"git {arguments[0]}: {words[-1] if words else f'exit code {done.returncode}'}")

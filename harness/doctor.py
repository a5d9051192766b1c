"""What this machine and an endpoint are ready for, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.config import ConfigError, ModelSettings
from harness.discovery import discover
from harness.engines import choose_engine
from harness.evaluate import free_space
from harness.machine import Machine, this_machine
from harness.probe import probe
from harness.profile import Profile
from sandboxes.images.recipe import Say, cache_directory, load_recipe
from sandboxes.sandbox import Limits, SandboxError
from training.low_precision import words_on

State = Literal["ok", "note", "missing"]

_WANTED_FREE_BYTES = 2 * 1024**3


class Finding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    state: State
    words: str


async def examine(model: ModelSettings | None, say: Say, *, at_once: int = 32) -> tuple[list[Finding], Profile | None]:
    """All findings, and what the endpoint can do. A machine is fit for a run when one sandbox is `ok` and nothing else is `missing`."""
    findings = [_python(), _git(), *_space(), *of_training(this_machine())]
    findings += await _sandboxes(say)
    if model is None:
        return findings, None
    found = await _endpoint(model)
    if isinstance(found, Finding):
        return [*findings, found], None
    findings.append(Finding(subject="endpoint", state="ok", words=f"{found.base_url} serves {found.name}"))
    checks, profile = await probe(found, say, at_once=at_once)
    findings += [Finding(subject=f"endpoint: {check.subject}", state="ok" if check.good else "note", words=check.words) for check in checks]
    if profile is None:  # what was found last is why
        findings[-1] = findings[-1].model_copy(update={"state": "missing"})
    return findings, profile


def is_fit(findings: list[Finding]) -> bool:
    sandboxes = [finding for finding in findings if finding.subject.startswith("sandbox")]
    others = [finding for finding in findings if not finding.subject.startswith("sandbox")]
    return any(finding.state != "missing" for finding in sandboxes) and all(finding.state != "missing" for finding in others)


def of_training(machine: Machine) -> list[Finding]:
    """What `harness train` has to work with. A run needs none of it, so nothing here is `missing`."""
    absent = [name for name in ("torch", "transformers", "peft") if name not in machine.versions]
    words = "; ".join(f"{name} {version}" for name, version in machine.versions.items() if name in ("torch", "transformers", "peft"))
    how = f"{', '.join(absent)} not installed: pip install 'typescript-agent-harness[train]'"
    findings = [Finding(subject="training", state="note" if absent else "ok", words=how if absent else words)]
    cards = [f"{gpu.name}, {gpu.memory_mib / 1024:.0f} GiB, compute capability {gpu.capability or 'not told'}" for gpu in machine.gpus]
    findings.append(Finding(subject="gpu", state="ok" if cards else "note", words="; ".join(cards) or "no NVIDIA GPU is seen"))
    findings += [Finding(subject="gpu", state="note", words=line) for line in machine.mismatches]
    least = min((gpu.capability for gpu in machine.gpus if gpu.capability), key=_numbers, default=None)
    installed = importlib.util.find_spec("transformer_engine") is not None
    low = words_on(_numbers(least) if least else None, installed=installed)
    return [*findings, Finding(subject="mxfp8 and nvfp4", state="note", words=low)]


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(subject="python", state="ok" if sys.version_info >= (3, 11) else "missing", words=f"{version} (3.11 or later is needed)")


def _git() -> Finding:
    place = shutil.which("git")
    return Finding(subject="git", state="ok" if place else "missing", words=place or "install it with the system's package manager")


def _space() -> list[Finding]:
    findings = []
    for name, place in (("runs", Path.cwd()), ("cache", cache_directory())):
        existing, free = free_space(place)
        writable = os.access(existing, os.W_OK)
        state: State = "missing" if not writable else "ok" if free > _WANTED_FREE_BYTES else "note"
        words = f"{place}: {free / 2**30:.1f} GiB free" if writable else f"{place}: cannot be written to"
        findings.append(Finding(subject=f"disk for {name}", state=state, words=words))
    return findings


def _numbers(capability: str) -> tuple[int, int]:
    major, minor = capability.split(".")
    return int(major), int(minor)


async def _sandboxes(say: Say) -> list[Finding]:
    """Each backend is started, a box is opened in it, and Node is asked for its version."""
    findings = []
    for backend in ("docker", "bubblewrap"):
        engine = choose_engine("docker" if backend == "docker" else "bubblewrap", load_recipe().name, say)
        subject = f"sandbox {backend}"
        try:
            await engine.start()
            sandbox = await engine.open(Limits())
            try:
                version = await sandbox.exec(["node", "--version"], timeout_seconds=30)
            finally:
                await sandbox.close()
            words = f"Node {version.stdout.text().strip()} in {engine.image}"
            findings.append(Finding(subject=subject, state="ok", words=words))
            findings += [Finding(subject=subject, state="note", words=f"does not hold: {line}") for line in engine.shortfalls()]
        except SandboxError as error:
            findings.append(Finding(subject=subject, state="missing", words=str(error)))
        finally:
            await engine.close()
    return findings


async def _endpoint(model: ModelSettings) -> ModelSettings | Finding:
    try:
        return await discover(model)
    except ConfigError as error:
        return Finding(subject="endpoint", state="missing", words=str(error))

"""Adapters on a server that runs: loaded, listed, unloaded, and proven to be active.

Every version of an adapter gets a name and a path of its own, made from its weights: servers keep what they computed for a name and a path, and
would answer for a new version with what the old one saw.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from harness.checkpoint import read_adapter
from harness.config import ConfigError
from harness.discovery import listed
from harness.request import SECONDS, accepted, answer_of, send, text_of
from harness.wire import told_logprobs
from training.expectation import PROMPTS

_TOKENS: Final = 24


@dataclass(frozen=True, slots=True)
class Proof:
    """Of one adapter against its base, on fixed prompts, without sampling."""

    adapter: str
    base: str
    prompts: int
    different: int
    """Answers whose text, or the probabilities of whose tokens, are others than the base's."""

    @property
    def active(self) -> bool:
        return self.different > 0


def versioned(name: str, path: Path, into: Path) -> tuple[str, Path]:
    """The name and the place of this version of an adapter: a copy below `into` that what is trained next does not overwrite."""
    read_adapter(name, path)
    digest = hashlib.sha256()
    files = sorted(file for file in path.iterdir() if file.is_file())
    for file in files:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with open(file, "rb") as content:
            for portion in iter(lambda: content.read(2**20), b""):
                digest.update(portion)
    version = f"{name}-{digest.hexdigest()[:12]}"
    place = into / version
    if not place.exists():
        partial = into / f".{version}.{os.getpid()}"
        partial.mkdir(parents=True)
        for file in files:
            shutil.copy2(file, partial / file.name)
        partial.rename(place)
    return version, place.absolute()


class AdapterApi:
    """What vLLM and SGLang offer below one base URL."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None, *, seconds: float = SECONDS) -> None:
        """`seconds`: for one request."""
        self._base_url = base_url.rstrip("/")
        self._headers = headers or {}
        self._seconds = seconds

    async def names(self) -> dict[str, str | None]:
        """Every model that is served: of an adapter, the base that it belongs to; None for a base. ConfigError when that is not told."""
        return await listed(self._base_url, self._headers, seconds=self._seconds)

    async def load(self, name: str, path: Path) -> None:
        """ConfigError when the name is taken, or the server refuses; its words say why."""
        if name in await self.names():
            raise ConfigError(f"{self._base_url} serves a {name!r} already: a new version needs a new name")
        await self._change("load_lora_adapter", {"lora_name": name, "lora_path": str(path)})
        if name not in await self.names():
            raise ConfigError(f"{self._base_url} took {name!r}, and does not list it")

    async def unload(self, name: str) -> None:
        await self._change("unload_lora_adapter", {"lora_name": name})
        if name in await self.names():
            raise ConfigError(f"{self._base_url} still serves {name!r}")

    async def prove(self, name: str, base: str, prompts: Sequence[str] = PROMPTS) -> Proof:
        """Ask both the same, and compare what they answer."""
        different = 0
        for prompt in prompts:
            different += await self._answer(name, prompt) != await self._answer(base, prompt)
        return Proof(name, base, len(prompts), different)

    async def _answer(self, model: str, prompt: str) -> tuple[str, str | None, tuple[float, ...]]:
        """Text, thinking, and the probabilities of the tokens."""
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": _TOKENS,
            "temperature": 0.0,
            "logprobs": True,
        }
        response = await self._post(f"{self._base_url}/chat/completions", body)
        message = answer_of(response).message
        return message.content, message.reasoning, tuple(round(each, 2) for each in told_logprobs(text_of(response)))

    async def _change(self, action: str, body: dict[str, str]) -> None:
        """vLLM has it below /v1, SGLang at the root."""
        response = await self._post(f"{self._base_url}/{action}", body)
        if response.status_code in (404, 405):
            at_root = await self._post(f"{self._base_url.removesuffix('/v1')}/{action}", body)
            response = response if at_root.status_code in (404, 405) else at_root  # one that knows the path may not know the adapter
        accepted(response)

    async def _post(self, url: str, body: dict[str, Any]) -> httpx.Response:
        return await send("POST", url, body, headers=self._headers, seconds=self._seconds)

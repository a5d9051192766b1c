"""What a server says that it is: its software, version and models. For the record; nothing is decided by it but the record's words."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

_SECONDS = 5.0
_MOST_TOKENS = 10**12


class ServerWords(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    software: str | None = None
    version: str | None = None
    header: str | None = None
    """Its `server` header."""
    context_tokens: int | None = None

    def short(self) -> str | None:
        """`vllm 0.32.0`, or what there is of it."""
        return " ".join(part for part in (self.software, self.version) if part) or self.header


async def ask_server(base_url: str, headers: dict[str, str], model: str | None = None) -> ServerWords:
    """Never raises: a server that tells nothing is one without words."""
    root = re.sub(r"/v1/?$", "", base_url.rstrip("/"))
    async with httpx.AsyncClient(headers=headers, timeout=_SECONDS) as client:
        paths = (f"{base_url}/models", f"{root}/version", f"{root}/get_server_info", f"{root}/props", f"{root}/health")
        models, version, sglang, llama, health = await asyncio.gather(*(_get(client, path) for path in paths))
    software, number = None, None
    entries = models.content.get("data") if isinstance(models.content.get("data"), list) else []
    entry = next((each for each in entries or [] if isinstance(each, dict) and (model is None or each.get("id") == model)), {})
    meta = entry.get("meta") if isinstance(entry.get("meta"), dict) else {}
    owner = str(entry.get("owned_by") or "").lower()
    if isinstance(version.content.get("version"), str):
        software, number = owner if owner in ("vllm", "sglang") else "vllm", version.content["version"]
    elif isinstance(sglang.content.get("version"), str):
        software, number = "sglang", sglang.content["version"]
    elif isinstance(llama.content.get("build_info"), str):
        software, number = "llama.cpp", llama.content["build_info"]
    elif owner in ("vllm", "sglang", "llamacpp", "llama.cpp", "tensorrt_llm"):
        software = "llama.cpp" if owner == "llamacpp" else owner
    elif health.content == {"status": "ok"} and models.status == 200 and "uvicorn" in (models.header or ""):
        software = "transformers"  # the one that says no more than that
    limit = entry.get("max_model_len") or (meta or {}).get("n_ctx")
    header = next((each.header for each in (models, version, health) if each.header), None)
    told = type(limit) is int and 0 < limit < _MOST_TOKENS
    return ServerWords(software=software, version=_short(number), header=header, context_tokens=limit if told else None)


def _short(words: str | None) -> str | None:
    """As it may stand in a file: what half a surrogate is, UTF-8 cannot say."""
    return words.encode("utf-8", "replace").decode("utf-8")[:80] if words else None


class _Answer(BaseModel):
    status: int = 0
    header: str | None = None
    content: dict[str, Any] = {}


async def _get(client: httpx.AsyncClient, url: str) -> _Answer:
    try:
        async with asyncio.timeout(_SECONDS), client.stream("GET", url) as response:
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > 2**20:
                    break
        content = json.loads(body) if response.status_code == 200 else {}
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError):
        return _Answer()
    header = response.headers.get("server")
    told = content if isinstance(content, dict) else {}
    return _Answer(status=response.status_code, header=header[:80] if header else None, content=told)

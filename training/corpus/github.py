"""GitHub's REST API as far as collecting needs it: one request at a time, as its documentation asks, with its limits kept and its ETags used.

An answer that is still the same (304) costs nothing of the limit, so what was asked before is asked again cheaply after an interruption.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from training.corpus.collect_settings import GitHubSettings
from training.errors import TrainingError

_SECONDARY_SECONDS: Final = 60.0
"""GitHub asks for at least a minute after a secondary limit that comes without a time, and for more each time."""
_REDIRECTS: Final = 4


@dataclass(frozen=True, slots=True)
class Answer:
    content: Any
    next_page: str | None
    """Its URL."""


class GitHub:
    def __init__(
        self,
        settings: GitHubSettings,
        *,
        cache: Path,
        token: str | None,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`cache`: a directory for ETags with their answers."""
        self._settings = settings
        self._cache = cache
        self._say = say
        self._sleep = sleep
        self._now = now
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "typescript-agent-harness"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(headers=headers, timeout=settings.timeout_seconds, follow_redirects=False)
        cache.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> GitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Answer | None:
        """None when there is no such thing, or no longer. TrainingError when the server refuses, or its limit takes longer than may be waited."""
        url = urljoin(self._settings.api.rstrip("/") + "/", path.lstrip("/")) if not path.startswith("http") else path
        if query:
            url = str(httpx.URL(url, params=dict(query)))
        asked = url
        for _ in range(_REDIRECTS):
            earlier = self._cached(url)
            response = self._send(url, earlier)
            if response.status_code in (301, 302, 307, 308):
                url = self._target(url, response)
                continue
            if response.status_code == 304 and earlier is not None:
                return Answer(earlier["content"], earlier["next"])
            if response.status_code in (404, 410, 451):
                return None
            answer = Answer(_json(response), response.links.get("next", {}).get("url"))
            self._keep(url, response.headers.get("etag"), answer)
            return answer
        raise TrainingError(f"{asked}: redirected again and again")

    def _send(self, url: str, earlier: Mapping[str, Any] | None) -> httpx.Response:
        failed = limited = 0
        while True:
            try:
                response = self._client.get(url, headers={"If-None-Match": earlier["etag"]} if earlier else None)
            except httpx.HTTPError as error:
                failed = self._again_after(failed, f"{urlsplit(url).netloc}: {type(error).__name__}")
                continue
            status = response.status_code
            if status >= 500:
                failed = self._again_after(failed, f"{url}: HTTP {status}")
            elif status in (403, 429) and (wait := self._limit(response, limited)) is not None:
                limited += 1
                self._wait(wait)
            elif status == 401:
                raise TrainingError("GitHub refuses the token: check GITHUB_TOKEN")
            elif status >= 400 and status not in (404, 410, 451):
                raise TrainingError(f"{url}: HTTP {status}: {_message(response)}")
            else:
                return response

    def _again_after(self, failed: int, words: str) -> int:
        if failed + 1 >= self._settings.attempts:
            raise TrainingError(f"{words}, {self._settings.attempts} times: try again later, what is done is kept")
        self._sleep(min(60.0, 2.0**failed) * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
        return failed + 1

    def _limit(self, response: httpx.Response, limited: int) -> float | None:
        """Seconds to wait; None when it is no limit that is refused for."""
        headers = response.headers
        if (after := headers.get("retry-after")) is not None and after.strip().isdigit():
            return float(after)
        if headers.get("x-ratelimit-remaining") == "0" and (reset := headers.get("x-ratelimit-reset", "")).isdigit():
            return max(0.0, float(reset) - self._now()) + 1
        if response.status_code == 429 or "rate limit" in _message(response).lower():
            return _SECONDARY_SECONDS * float(2**limited)
        return None

    def _wait(self, seconds: float) -> None:
        if seconds > self._settings.longest_wait_seconds:
            raise TrainingError(
                f"GitHub's rate limit ends in {seconds / 60:.0f} minutes: go on then with the same command, or set GITHUB_TOKEN"
            )
        self._say(f"rate limit: waiting {seconds:.0f} s")
        self._sleep(seconds)

    def _target(self, url: str, response: httpx.Response) -> str:
        """Only on the same host: the token is for no other."""
        target: str = urljoin(url, response.headers.get("location", ""))
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            raise TrainingError(f"{url}: redirects to another host")
        return target

    def _cached(self, url: str) -> dict[str, Any] | None:
        try:
            content = json.loads(self._place(url).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) and content.get("url") == url else None

    def _keep(self, url: str, etag: str | None, answer: Answer) -> None:
        if etag:
            place = self._place(url)
            temporary = place.with_suffix(".tmp")
            content = {"url": url, "etag": etag, "next": answer.next_page, "content": answer.content}
            temporary.write_text(json.dumps(content), encoding="utf-8")
            temporary.replace(place)

    def _place(self, url: str) -> Path:
        return self._cache / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise TrainingError(f"{response.url}: the answer is not JSON") from error


def _message(response: httpx.Response) -> str:
    try:
        content = response.json()
    except ValueError:
        return ""
    message: str = str(content.get("message", ""))[:300] if isinstance(content, dict) else ""
    return message

"""A stand-in of GitHub's API on loopback: searches in pages, repositories, commits; limits, failures and renames as its documentation describes them."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Refusal:
    """Answered once in the place of what was asked."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""


@dataclass
class World:
    """What the stand-in knows. `refusals` are used up first, in their order."""

    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    most: int = 1_000
    token: str | None = None
    asked: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    url: str = ""

    def add(self, name: str, *, stars: int = 500, licence: str | None = "MIT", language: str = "TypeScript", clone_url: str = "", commit: str = "0" * 40, **more: Any) -> None:  # fmt: skip
        self.repositories[name] = {
            "id": len(self.repositories) + 1, "full_name": name, "stargazers_count": stars, "language": language, "default_branch": "main", "size": 10,
            "license": {"spdx_id": licence} if licence else None, "clone_url": clone_url, "pushed_at": "2026-05-01T00:00:00Z", "archived": False, "fork": False,
            **more,
        }  # fmt: skip
        self.commits[name] = commit


class _Handler(BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: otherwise each answer waits 40 ms for a delayed acknowledgement

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        world = self.world
        world.asked.append(self.path)
        if world.refusals:
            refusal = world.refusals.pop(0)
            if refusal.status == -1:  # the connection breaks
                self.close_connection = True
                self.connection.close()
                return
            self._answer(refusal.status, {"message": refusal.message}, refusal.headers)
        elif world.token is not None and self.headers.get("Authorization") != f"Bearer {world.token}":
            self._answer(401, {"message": "Bad credentials"})
        else:
            self._known()

    def _known(self) -> None:
        world, parts = self.world, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/search/repositories":
            self._search(query)
        elif (match := re.fullmatch(r"/repos/([^/]+/[^/]+)(/commits/[^/]+)?", parts.path)) is not None:
            name = match[1]
            if name in world.renamed:
                target = world.repositories[world.renamed[name]]["id"]
                self._answer(301, {"message": "Moved Permanently"}, {"Location": f"{world.url}/repositories/{target}{match[2] or ''}"})
            elif name not in world.repositories:
                self._answer(404, {"message": "Not Found"})
            else:
                self._repository(name, commit=match[2] is not None)
        elif (match := re.fullmatch(r"/repositories/(\d+)(/commits/[^/]+)?", parts.path)) is not None:
            name = next(name for name, each in world.repositories.items() if each["id"] == int(match[1]))
            self._repository(name, commit=match[2] is not None)
        else:
            self._answer(404, {"message": "Not Found"})

    def _repository(self, name: str, *, commit: bool) -> None:
        self._answer(200, {"sha": self.world.commits[name]} if commit else self.world.repositories[name])

    def _search(self, query: dict[str, str]) -> None:
        words = query["q"]
        language = re.search(r"language:(\S+)", words)
        low, high = 0, 1 << 40
        if (at_least := re.search(r"stars:>=(\d+)", words)) is not None:
            low = int(at_least[1])
        elif (between := re.search(r"stars:(\d+)\.\.(\d+)", words)) is not None:
            low, high = int(between[1]), int(between[2])
        assert language is not None
        found = [
            each for each in self.world.repositories.values() if each["language"] == language[1] and low <= each["stargazers_count"] <= high
        ]
        found.sort(key=lambda each: -each["stargazers_count"])
        page, size = int(query.get("page", 1)), int(query["per_page"])
        if page * size > self.world.most and (page - 1) * size >= self.world.most:
            self._answer(422, {"message": "Only the first 1000 search results are available"})
            return
        items = found[: self.world.most][(page - 1) * size : page * size]
        headers = {}
        if page * size < min(len(found), self.world.most):
            base = self.path.split("&page=")[0]
            headers["Link"] = f'<{self.world.url}{base}&page={page + 1}>; rel="next", <{self.world.url}{base}&page=9>; rel="last"'
        self._answer(200, {"total_count": len(found), "incomplete_results": False, "items": items}, headers)

    def _answer(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
        if status == 200 and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        self.world.answers[status] += 1
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status in (200, 304):
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serve(world: World) -> Iterator[str]:
    """Its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"world": world}))
    server.daemon_threads = True
    world.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield world.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

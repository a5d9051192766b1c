"""Adapters of a server that runs, by the command: against a stand-in that has vLLM's paths or SGLang's, and answers as an adapter makes it answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.adapters import versioned
from harness.cli import main
from harness.config import ConfigError
from tests.harness.answering import completion, error
from tests.loopback import LoopbackServer, Reply, Request, as_json

NOT_FOUND = Reply(404, '{"detail":"Not Found"}')
Effect = Literal["text", "thinking", "logprobs", "none"]


class AdapterServer(LoopbackServer):
    def __init__(self) -> None:
        super().__init__()
        self.root = "/v1"
        """Where adapters are loaded; SGLang has it at the root."""
        self.unknown = NOT_FOUND
        """What it says to a path that it does not have."""
        self.effect: Effect = "text"
        self.lists = True
        self.adapters: dict[str, str] = {}
        self.asked: list[str] = []
        self.keys: list[str | None] = []

    def reply_to(self, request: Request) -> Reply:
        if request.method == "GET":
            self.keys.append(request.headers.get("Authorization"))
            entries = [{"id": "tiny"}, *({"id": name, "parent": "tiny"} for name in self.adapters if self.lists)]
            return as_json({"object": "list", "data": entries}) if request.path == "/v1/models" else self.unknown
        body = request.json()
        self.asked.append(request.path)
        return self._chat(body) if request.path == "/v1/chat/completions" else self._change(request.path, body)

    def _chat(self, body: dict[str, Any]) -> Reply:
        if body["model"] not in ("tiny", *self.adapters):
            return error(404, f"The model `{body['model']}` does not exist.")
        adapted = self.effect if body["model"] in self.adapters else "none"
        message = {"content": "No." if adapted == "text" else "Yes.", "reasoning": "Hm!" if adapted == "thinking" else "Hm."}
        likely = {"logprobs": {"content": [{"token": "Yes", "logprob": -0.9 if adapted == "logprobs" else -0.1}]}}
        return completion(message, choice=likely)

    def _change(self, path: str, body: dict[str, Any]) -> Reply:
        name = body["lora_name"]
        if path == f"{self.root}/load_lora_adapter":
            if name in self.adapters:
                return error(400, f"The lora adapter '{name}' has already been loaded.")
            if not (Path(body["lora_path"]) / "adapter_config.json").exists():
                return error(404, f"No adapter found for '{body['lora_path']}'")
            self.adapters[name] = body["lora_path"]
            return Reply(200, f"Success: LoRA adapter '{name}' added successfully.", {"Content-Type": "text/plain"})
        if path == f"{self.root}/unload_lora_adapter":
            if name not in self.adapters:
                return error(404, f"The lora adapter '{name}' cannot be found.")
            del self.adapters[name]
            return Reply(200, "{}")
        return self.unknown


@pytest.fixture
def server() -> Iterator[AdapterServer]:
    started = AdapterServer()
    yield started
    started.close()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    place = tmp_path / "export"
    place.mkdir()
    (place / "adapter_config.json").write_text('{"r": 4, "target_modules": ["q_proj"]}', encoding="utf-8")
    (place / "adapter_model.safetensors").write_bytes(b"weights")
    return place


class Harness:
    def __init__(self, capsys: pytest.CaptureFixture[str], url: str, place: Path) -> None:
        self._capsys, self._url, self._place = capsys, url, place

    def __call__(self, action: str, *words: str, code: int = 0) -> str:
        into = ["--into", str(self._place / "kept")] if action == "load" else []
        assert main(["adapters", action, *words, "--base-url", self._url, *into]) == code
        told = self._capsys.readouterr()
        assert "Traceback" not in told.err
        if code == 2:
            assert told.err.startswith("error: ")
            assert told.err.count("\n") == 1
            return told.err.strip()
        return told.out.strip()


@pytest.fixture
def harness(capsys: pytest.CaptureFixture[str], server: AdapterServer, tmp_path: Path) -> Harness:
    return Harness(capsys, server.url, tmp_path)


@pytest.mark.parametrize(
    ("root", "unknown"),
    [
        ("/v1", NOT_FOUND),
        ("", NOT_FOUND),
        ("", Reply(404, "404 page not found", {"Content-Type": "text/plain"})),
        ("", Reply(405, '{"detail":"Method Not Allowed"}')),
        ("", Reply(404, "")),
    ],
    ids=["vllm", "sglang", "plain text", "405", "nothing said"],
)
def test_one_is_loaded_proven_listed_and_unloaded_wherever_the_server_has_that(
    server: AdapterServer, harness: Harness, adapter: Path, root: str, unknown: Reply
) -> None:
    server.root, server.unknown = root, unknown
    said = harness("load", f"mine={adapter}")
    (name,) = server.adapters
    assert said == f"{name} is active: 4 of 4 answers differ from those of tiny"
    assert name.startswith("mine-")
    kept = Path(server.adapters[name])
    assert kept.is_absolute()
    assert (kept / "adapter_model.safetensors").read_bytes() == b"weights"
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in harness("list").splitlines() if row.startswith("│")]
    assert rows == [["tiny", ""], [name, "tiny"]]
    assert harness("prove", name).startswith(f"{name} is active")
    assert harness("unload", name) == f"{name} is no longer served"
    assert server.adapters == {}


@pytest.mark.parametrize("effect", ["thinking", "logprobs"])
def test_an_adapter_is_active_by_what_is_thought_and_by_how_likely_it_was(
    server: AdapterServer, harness: Harness, adapter: Path, effect: Effect
) -> None:
    server.effect = effect
    assert " is active: 4 of 4 " in harness("load", f"mine={adapter}")


def test_one_that_changes_nothing_is_said_to_be_inactive(server: AdapterServer, harness: Harness, adapter: Path) -> None:
    server.effect = "none"
    assert " is NOT ACTIVE: 0 of 4 answers differ from those of tiny" in harness("load", f"mine={adapter}", code=1)
    (name,) = server.adapters
    assert "NOT ACTIVE" in harness("prove", name, "--base", "tiny", code=1)
    assert "NOT ACTIVE" in harness("prove", "tiny", code=1)


def test_a_name_that_is_taken_is_told_by_us_or_in_the_servers_words(server: AdapterServer, harness: Harness, adapter: Path) -> None:
    harness("load", f"mine={adapter}")
    (name,) = server.adapters
    asked = len(server.asked)
    assert f"serves a '{name}' already: a new version needs a new name" in harness("load", f"mine={adapter}", code=2)
    assert len(server.asked) == asked
    server.lists = False
    assert f"400: The lora adapter '{name}' has already been loaded." in harness("load", f"mine={adapter}", code=2)
    del server.adapters[name]
    assert f"took '{name}', and does not list it" in harness("load", f"mine={adapter}", code=2)


def test_what_is_not_there_is_told(server: AdapterServer, harness: Harness, adapter: Path, tmp_path: Path) -> None:
    assert "404: The lora adapter 'other' cannot be found." in harness("unload", "other", code=2)
    assert "404: The model `other` does not exist." in harness("prove", "other", code=2)
    assert "an adapter is given as NAME=PATH" in harness("load", "mine", code=2)
    assert "no adapter is there" in harness("load", f"mine={tmp_path}", code=2)
    server.root = "/nowhere"
    assert "/v1/load_lora_adapter: 404: Not Found" in harness("load", f"mine={adapter}", code=2)


def test_a_url_without_its_end_and_one_that_is_none_are_told(
    capsys: pytest.CaptureFixture[str], server: AdapterServer, tmp_path: Path
) -> None:
    root = server.url.removesuffix("/v1")
    assert f"did you mean {root}/v1?" in Harness(capsys, root, tmp_path)("list", code=2)
    assert "begins with http://" in Harness(capsys, "localhost:8000", tmp_path)("list", code=2)


def test_the_key_goes_with_every_request(server: AdapterServer, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    harness("list")
    assert server.keys == ["Bearer sesame"]


def test_a_version_is_named_by_its_files_and_kept_apart_from_them(adapter: Path, tmp_path: Path) -> None:
    first, place = versioned("mine", adapter, tmp_path / "kept")
    assert versioned("mine", adapter, tmp_path / "kept") == (first, place)
    (adapter / "adapter_model.safetensors").write_bytes(b"others!")
    second, elsewhere = versioned("mine", adapter, tmp_path / "kept")
    assert first != second
    assert (place / "adapter_model.safetensors").read_bytes() == b"weights"
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == sorted([place.name, elsewhere.name])
    with pytest.raises(ConfigError, match="no adapter is there"):
        versioned("mine", tmp_path, tmp_path / "kept")

"""The Dockerfiles and the compose file: what a linter would say of them, and that their commands are the command line's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from harness.options import build_parser

DOCKER = Path(__file__).parents[1] / "docker"
FILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))


def instructions(file: Path) -> list[tuple[str, str]]:
    """Each instruction with its words, lines joined, comments left out."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(" ", 1) for line in joined.splitlines()]
    return [(name, words) for name, words in pairs]


def of(file: Path, name: str) -> list[str]:
    return [words for each, words in instructions(file) if each == name]


def test_there_is_one_for_each_service():
    assert [file.name.removesuffix(".Dockerfile") for file in FILES] == ["eval", "serve", "train"]
    assert set(COMPOSE["services"]) == {"eval", "serve", "train"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_dockerfile_is_as_a_linter_wants_it(file: Path):
    known = {"ARG", "FROM", "ENV", "RUN", "COPY", "USER", "WORKDIR", "ENTRYPOINT", "CMD", "LABEL", "EXPOSE", "HEALTHCHECK"}
    names = [name for name, _ in instructions(file)]
    assert set(names) <= known
    assert names[:2] == ["ARG", "FROM"]
    assert of(file, "ARG")[0].startswith("CUDA_VERSION=")
    for base in of(file, "FROM"):
        assert re.search(r":(?!latest)[^:]+$", base), f"{base} is not pinned"
    for command in of(file, "RUN"):
        if "apt-get install" in command:
            assert "--no-install-recommends" in command
            assert "apt-get update" in command
            assert "rm -rf /var/lib/apt/lists/*" in command
        assert "sudo" not in command
        assert not re.search(r"curl [^|]*\| *(ba)?sh", command)
        assert all(re.search(r"==|/src", word) for word in re.findall(r'pip install "([^"]+)"', command)), "what is installed is pinned"
    assert of(file, "USER") == ["harness"], "nothing runs as root"
    assert all(json.loads(words) for name in ("ENTRYPOINT", "CMD") for words in of(file, name)), "as a list: signals reach the program"
    assert names.index("USER") < names.index("ENTRYPOINT")
    for word in re.findall(r"\$\{([A-Z_]+)[:}]", file.read_text(encoding="utf-8")):
        given = {each.split("=")[0] for kind in ("ARG", "ENV") for part in of(file, kind) for each in part.split()} | {"PATH"}
        assert word in given, f"{word} is set nowhere"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_command_of_an_image_is_one_of_the_command_line(file: Path):
    program, *words = [*json.loads(of(file, "ENTRYPOINT")[0]), *json.loads(of(file, "CMD")[0])]
    assert program == "harness"
    assert build_parser().parse_args(words).command


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_builds_its_file_and_has_a_command_of_the_command_line(name: str):
    service = COMPOSE["services"][name]
    file = DOCKER.parent / service["build"]["dockerfile"]
    assert file in FILES
    assert "CUDA_VERSION" in service["build"]["args"]
    _, *words = json.loads(of(file, "ENTRYPOINT")[0])
    assert build_parser().parse_args([*words, *service["command"]]).command
    named = {volume.split(":")[0] for volume in service.get("volumes", []) if re.match(r"\w+:", volume)}
    assert named <= set(COMPOSE["volumes"])


def test_only_services_that_need_one_ask_for_a_gpu():
    asks = {name for name, service in COMPOSE["services"].items() if "deploy" in service}
    assert asks == {"serve", "train"}


def test_ports_are_open_on_loopback_alone():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)

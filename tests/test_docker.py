"""The Dockerfiles and the compose file: what a linter would say of them, and that their commands are the command line's."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.options import build_parser

DOCKER = Path(__file__).parents[1] / "docker"
FILES = sorted(DOCKER.glob("*.Dockerfile"))
PROJECT = tomllib.loads((DOCKER.parent / "pyproject.toml").read_text(encoding="utf-8"))
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


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_what_a_service_writes_into_is_its_users_own(name: str):
    """A named volume has the owner of the directory that it is laid over, and is root's where there is none."""
    service = COMPOSE["services"][name]
    listed = instructions(DOCKER.parent / service["build"]["dockerfile"])
    user = [each for each, _ in listed].index("USER")
    made, owned = ([word for each, words in listed[:user] if each == "RUN" for command in words.split("&&") if command.split()[0] == tool
                    for word in command.split()[1:]] for tool in ("mkdir", "chown"))  # fmt: skip
    written = [place for volume, place, *mode in (each.split(":") for each in named_volumes(service)) if mode != ["ro"]]
    assert written
    for place in written:
        assert place in made
        assert place in owned
    assert "harness:harness" in owned
    output = dict(zip(service["command"], service["command"][1:], strict=False)).get("--output")
    assert output is None or output.rpartition("/")[0] in written


def named_volumes(service: dict[str, Any]) -> list[str]:
    return [volume for volume in service["volumes"] if re.match(r"\w+:", volume)]


def test_the_evaluation_may_do_what_its_boxes_need():
    """Namespaces of its own, and a /proc in each: of a container that is confined in any of these ways, bubblewrap says that it may not."""
    assert set(COMPOSE["services"]["eval"]["security_opt"]) == {"seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"}
    assert "security_opt" not in COMPOSE["services"]["serve"]
    assert "security_opt" not in COMPOSE["services"]["train"]


@pytest.mark.parametrize(
    ("name", "parts"), [("eval", {"leaderboard", "trajectories"}), ("serve", set()), ("train", {"train", "trajectories"})]
)
def test_what_an_image_is_for_is_installed_in_it(name: str, parts: set[str]):
    (source,) = re.findall(r"pip install \"?/src(?:\[([a-z,]+)\])?", (DOCKER / f"{name}.Dockerfile").read_text(encoding="utf-8"))
    assert set(filter(None, source.split(","))) == parts
    assert parts <= set(PROJECT["project"]["optional-dependencies"])

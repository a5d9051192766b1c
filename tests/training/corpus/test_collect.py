"""Collecting, against a stand-in of the API and git repositories on this disk."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.corpus.github_server import Refusal, World, serve
from tests.training.corpus.repositories import repository, source
from training.corpus.build import build
from training.corpus.clones import CloneError, clone, directory_of
from training.corpus.collect import Outcome, collect
from training.corpus.collect_settings import CloneSettings, CollectSettings
from training.corpus.settings import CorpusSettings
from training.errors import TrainingError


@pytest.fixture
def world() -> Iterator[World]:
    known = World()
    with serve(known):
        yield known


@pytest.fixture
def upstream(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Makes a repository with a commit; its URL and the commit."""

    def make(name: str, files: dict[str, str]) -> tuple[str, str]:
        directory = tmp_path / "upstream" / name
        repository(directory.parent, name, files)
        _git(directory, "init", "--quiet", "--initial-branch=main")
        _git(directory, "config", "uploadpack.allowFilter", "true")
        _git(directory, "config", "uploadpack.allowAnySHA1InWant", "true")
        _git(directory, "add", ".")
        _git(directory, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "-m", "x")
        return directory.as_uri(), _git(directory, "rev-parse", "HEAD").strip()

    return make


def _git(directory: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, text=True, check=True).stdout


def collected(
    world: World, output: Path, *, sleeps: list[float] | None = None, with_clone: bool = True, token: str | None = None, **settings: Any
) -> Outcome:
    chosen = CollectSettings.model_validate(
        {
            "languages": ["TypeScript"],
            "github": {"api": world.url, **settings.pop("github", {})},
            "clone": {"protocols": ["file"]},
            **settings,
        }
    )
    taken = sleeps if sleeps is not None else []
    return collect(chosen, output, token=token, say=lambda line: None, clone=with_clone, sleep=taken.append)


def listed(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "repositories.jsonl").read_text().splitlines()]


def test_what_fits_is_cloned_at_its_commit_and_can_be_built(world: World, upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    url, commit = upstream(
        "shop", {"src/a.ts": source("a"), "logo.png": "binary", "node_modules/x/index.ts": source("x"), "package.json": "{}"}
    )
    world.add("acme/shop", clone_url=url, commit=commit)
    world.add("acme/gpl", licence="GPL-3.0")
    world.add("acme/none", licence=None)
    world.add("acme/small", stars=3)
    world.add("acme/fork", fork=True)
    world.add("acme/huge", size=10**9)
    world.add("private/one")
    outcome = collected(world, tmp_path / "out", opt_out=["private/*"])
    assert (outcome.listed, outcome.cloned, outcome.left_out, outcome.failed) == (1, 1, 5, 0)
    assert listed(tmp_path / "out")[0] | {"url": ""} == {
        "repository": "acme/shop", "id": 1, "directory": "acme+shop", "url": "", "commit": commit, "licence": "MIT", "stars": 500, "language": "TypeScript",
        "pushed_at": "2026-05-01T00:00:00Z", "archived": False, "fork": False,
    }  # fmt: skip
    there = {
        file.relative_to(tmp_path / "out/acme+shop").as_posix()
        for file in (tmp_path / "out/acme+shop").rglob("*")
        if file.is_file() and ".git" not in file.parts
    }
    assert there == {"src/a.ts", "LICENSE", "package.json"}
    built = build([tmp_path / "out"], tmp_path / "corpus", CorpusSettings(), workers=1, say=lambda line: None)
    assert built.card.kept == {"TypeScript": 1}
    assert built.card.licences == {"MIT": 1}


def test_a_second_call_asks_cheaply_and_clones_nothing(world: World, upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    url, commit = upstream("shop", {"a.ts": source("a")})
    world.add("acme/shop", clone_url=url, commit=commit)
    collected(world, tmp_path / "out")
    world.answers.clear()
    outcome = collected(world, tmp_path / "out")
    assert (outcome.cloned, outcome.present) == (0, 1)
    assert set(world.answers) == {304}


def test_a_repository_that_moved_on_is_cloned_anew(world: World, upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    url, commit = upstream("shop", {"a.ts": "old"})
    world.add("acme/shop", clone_url=url, commit=commit)
    collected(world, tmp_path / "out")
    directory = tmp_path / "upstream/shop"
    (directory / "a.ts").write_text("new")
    _git(directory, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "-am", "y")
    world.commits["acme/shop"] = _git(directory, "rev-parse", "HEAD").strip()
    assert collected(world, tmp_path / "out").cloned == 1
    assert (tmp_path / "out/acme+shop/a.ts").read_text() == "new"
    assert listed(tmp_path / "out")[0]["commit"] == world.commits["acme/shop"]


def test_a_list_does_not_say_of_a_clone_what_it_is_not(world: World, upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    url, commit = upstream("shop", {"a.ts": "old"})
    world.add("acme/shop", clone_url=url, commit=commit)
    collected(world, tmp_path / "out")
    world.commits["acme/shop"] = "f" * 40
    collected(world, tmp_path / "out", with_clone=False)
    assert listed(tmp_path / "out")[0]["commit"] == commit


def test_a_renamed_repository_keeps_its_clone(world: World, upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    url, commit = upstream("shop", {"a.ts": source("a")})
    world.add("acme/shop", clone_url=url, commit=commit)
    collected(world, tmp_path / "out", limit=0, repositories=["acme/shop"])
    world.repositories["acme/store"] = {**world.repositories.pop("acme/shop"), "full_name": "acme/store"}
    world.commits["acme/store"] = world.commits.pop("acme/shop")
    world.renamed["acme/shop"] = "acme/store"
    outcome = collected(world, tmp_path / "out", limit=0, repositories=["acme/shop"])
    assert (outcome.cloned, outcome.present) == (0, 1)
    assert [each["directory"] for each in listed(tmp_path / "out")] == ["acme+store"]
    assert not (tmp_path / "out/acme+shop").exists()


def test_who_opted_out_since_is_taken_out(world: World, upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    url, commit = upstream("shop", {"a.ts": source("a")})
    world.add("acme/shop", clone_url=url, commit=commit)
    collected(world, tmp_path / "out")
    collected(world, tmp_path / "out", opt_out=["ACME/shop"])
    assert listed(tmp_path / "out") == []
    assert not (tmp_path / "out/acme+shop").exists()


def test_more_results_than_one_search_gives_are_all_found(world: World, tmp_path: Path):
    for number in range(1_150):
        world.add(f"acme/r{number}", stars=5_000 - number // 3)
    outcome = collected(world, tmp_path / "out", with_clone=False, limit=5_000, stars=1)
    assert outcome.listed == 1_150
    assert not outcome.complaints


def test_languages_are_merged_by_stars(world: World, tmp_path: Path):
    for number in range(6):
        world.add(f"acme/r{number}", stars=1_000 - number, language=("TypeScript", "JavaScript")[number % 2])
    collected(world, tmp_path / "out", with_clone=False, limit=4, languages=["TypeScript", "JavaScript"])
    assert {each["repository"] for each in listed(tmp_path / "out")} == {"acme/r0", "acme/r1", "acme/r2", "acme/r3"}


@pytest.mark.parametrize(
    ("refusal", "least", "most"),
    [
        (Refusal(429, {"Retry-After": "7"}), 7, 7),
        (Refusal(403, {"Retry-After": "3"}, "You have exceeded a secondary rate limit"), 3, 3),
        (Refusal(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{soon}"}, "API rate limit exceeded"), 20, 32),
        (Refusal(403, {}, "You have exceeded a secondary rate limit. Please wait"), 60, 60),
        (Refusal(429), 60, 60),
        (Refusal(502), 0.5, 2),
        (Refusal(-1), 0.5, 2),
    ],
    ids=["retry-after", "secondary", "primary", "secondary without a time", "429 alone", "502", "broken connection"],
)  # fmt: skip
def test_limits_and_failures_are_waited_out(world: World, tmp_path: Path, refusal: Refusal, least: float, most: float):
    import time

    world.add("acme/shop")
    headers = {name: value.format(soon=int(time.time()) + 30) for name, value in refusal.headers.items()}
    world.refusals = [Refusal(refusal.status, headers, refusal.message)]
    sleeps: list[float] = []
    assert collected(world, tmp_path / "out", sleeps=sleeps, with_clone=False).listed == 1
    assert len(sleeps) == 1
    assert least <= sleeps[0] <= most


def test_a_secondary_limit_that_comes_again_is_waited_for_longer(world: World, tmp_path: Path):
    world.add("acme/shop")
    world.refusals = [Refusal(403, {}, "secondary rate limit")] * 3
    sleeps: list[float] = []
    collected(world, tmp_path / "out", sleeps=sleeps, with_clone=False)
    assert sleeps == [60, 120, 240]


@pytest.mark.parametrize(
    ("refusals", "words"),
    [
        ([Refusal(403, {"Retry-After": "90000"})], "go on then with the same command"),
        ([Refusal(500)] * 6, "HTTP 500, 6 times"),
        ([Refusal(401)], "GITHUB_TOKEN"),
        ([Refusal(403, {}, "Resource not accessible")], "Resource not accessible"),
        ([Refusal(302, {"Location": "http://127.0.0.2/steal"})], "another host"),
    ],
)
def test_what_cannot_be_waited_out_is_one_line_and_keeps_what_is_done(world: World, tmp_path: Path, refusals: list[Refusal], words: str):
    world.add("acme/first")
    collected(world, tmp_path / "out", with_clone=False)
    world.refusals = list(refusals)
    with pytest.raises(TrainingError, match=words) as raised:
        collected(world, tmp_path / "out", with_clone=False)
    assert "\n" not in str(raised.value)
    assert [each["repository"] for each in listed(tmp_path / "out")] == ["acme/first"]


def test_a_repository_that_fails_stops_no_other(world: World, upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    url, commit = upstream("shop", {"a.ts": source("a")})
    world.add("acme/gone", stars=900, clone_url="file:///nowhere", commit="1" * 40)
    world.add("acme/evil", stars=800, clone_url="ext::sh -c true", commit="1" * 40)
    world.add("acme/shop", clone_url=url, commit=commit)
    outcome = collected(world, tmp_path / "out", repositories=["acme/missing"])
    assert (outcome.cloned, outcome.failed) == (1, 3)
    assert [each["repository"] for each in listed(tmp_path / "out")] == ["acme/shop"]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [".api", "acme+shop", "repositories.jsonl"]


def test_the_token_is_sent_and_never_written(world: World, tmp_path: Path):
    world.token = "t0ken-of-a-test"
    world.add("acme/shop")
    assert collected(world, tmp_path / "out", with_clone=False, token=world.token).listed == 1
    assert all(world.token not in file.read_text() for file in (tmp_path / "out").rglob("*") if file.is_file())
    with pytest.raises(TrainingError, match="GITHUB_TOKEN"):
        collected(world, tmp_path / "other", with_clone=False, token="wrong")


@pytest.mark.parametrize("name", ["../evil/x", "a/..", "a/.", "-a/b", "a", "a/b/c", "a/b\n", "é/b"])
def test_names_that_lead_elsewhere_are_refused(name: str):
    with pytest.raises(CloneError):
        directory_of(name)


def test_only_allowed_protocols_and_commits_reach_git(tmp_path: Path):
    with pytest.raises(CloneError, match="only https"):
        clone("file:///etc", "0" * 40, tmp_path / "a", CloneSettings())
    with pytest.raises(CloneError, match="no commit"):
        clone("https://localhost/x", "--upload-pack=x", tmp_path / "a", CloneSettings())
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_repository_is_run(upstream: Callable[..., tuple[str, str]], tmp_path: Path):
    mark = tmp_path / "mark"
    url, commit = upstream("evil", {"a.ts": "a", ".gitattributes": "*.ts filter=evil\n", ".git-hooks/post-checkout": f"touch {mark}", ".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = ext::touch\n"})  # fmt: skip
    clone(url, commit, tmp_path / "out", CloneSettings(protocols=("file",)))
    assert (tmp_path / "out/a.ts").read_text() == "a"
    assert not mark.exists()


def test_rows_of_a_data_set_are_collected_and_gone_on_with(tmp_path: Path):
    pytest.importorskip("datasets")
    file = tmp_path / "rows.jsonl"
    file.write_text(
        "".join(
            json.dumps({"content": source(number), "path": f"{number}.ts", "repo_name": "a/b", "license": "MIT"}) + "\n"
            for number in range(30)
        )
    )
    for rows in (10, 25, 25):
        chosen = CollectSettings.model_validate({"limit": 0, "dataset": {"name": "json", "data_files": [str(file)], "rows": rows}})
        collect(chosen, tmp_path / "out", token=None, say=lambda line: None)
    built = build([tmp_path / "out"], tmp_path / "corpus", CorpusSettings(), workers=1, say=lambda line: None)
    assert built.card.kept == {"TypeScript": 25}

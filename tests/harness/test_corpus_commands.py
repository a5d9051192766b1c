"""`harness corpus …` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from tests.training.corpus.github_server import World, serve
from tests.training.corpus.repositories import repository, source


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    files = {
        "a.ts": 'const key = "ghp_q9Zk3vXw7Lr2Tn8Pb5Yc1Md6Hs4Jf0GaQeRu";\n' + source("a"),
        "b.ts": source("b"),
        "c.ts": "// @generated\n" + source("c"),
    }
    repository(tmp_path / "in", "acme+shop", files)
    assert main(["corpus", "build", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--workers", "1", "-q"]) == 0
    return tmp_path / "out"


def test_build_says_what_it_left_out(corpus: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["corpus", "build", str(corpus.parent / "in"), "-o", str(corpus), "--workers", "1", "-q"]) == 0
    shown = capsys.readouterr().out
    assert "generated, by its own words" in shown
    assert "2 files, 2 rows" in shown
    assert "1 secrets" in shown


def test_stats_and_inspect(corpus: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    assert main(["corpus", "stats", str(corpus)]) == 0
    assert "acme/shop" in capsys.readouterr().out
    assert main(["corpus", "stats", str(corpus), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 2
    assert main(["corpus", "inspect", str(corpus), "--reason", "generated"]) == 0
    assert "// @generated" in capsys.readouterr().out
    assert main(["corpus", "inspect", str(corpus), "--path", "*/a.ts"]) == 0
    assert "REDACTED_GITHUB_TOKEN" in capsys.readouterr().out
    assert main(["corpus", "inspect", str(corpus), "--reason", "nothing like it"]) == 1


@pytest.mark.parametrize("action", ["stats", "inspect"])
def test_a_process_that_has_built_nothing_reads_it_too(corpus: Path, action: str):
    command = [sys.executable, "-m", "harness.cli", "corpus", action, str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "generated, by its own words" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["build", "nowhere", "-o", "out"], ["stats", "nowhere"], ["inspect", "nowhere"], ["build", ".", "-o", "out", "--tokens", "1"], ["collect", "-o", "out", "--config", "none.toml"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_input_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]):
    monkeypatch.chdir(tmp_path)
    assert main(["corpus", *words]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) <= 2


def test_collect_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    world = World()
    world.add("acme/shop")
    config = tmp_path / "collect.toml"
    with serve(world) as url:
        config.write_text(f'[github]\napi = "{url}"\n')
        assert main(["corpus", "collect", "-o", str(tmp_path / "out"), "--config", str(config), "--list-only", "--limit", "5"]) == 0
    assert "1 repositories listed" in capsys.readouterr().out
    assert json.loads((tmp_path / "out/repositories.jsonl").read_text())["repository"] == "acme/shop"


def test_the_grammar_needs_no_library():
    code = "import sys; from harness.options import build_parser; build_parser(); print([name for name in ('pyarrow', 'numpy', 'torch', 'pydantic', 'tree_sitter') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

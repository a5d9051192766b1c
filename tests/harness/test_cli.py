"""The command line as a person types it: bad input in one line, resuming, interrupting."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.cli import INTERRUPTED, NOT_AS_IT_SHOULD_BE, OK, STOPPED, WRONG_INPUT
from tests.loopback import LoopbackServer, Reply, Request

HARNESS = [sys.executable, "-m", "harness.cli"]
MINI = str(Path(__file__).parents[1] / "mini")
BACKEND = ["--sandbox", "bubblewrap"]


def run(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(
        [*HARNESS, *words], cwd=cwd, env={**clean, **(env or {})}, capture_output=True, text=True, timeout=240, check=False
    )


class AnswersByPath(LoopbackServer):
    """Each path has its status and its body."""

    def __init__(self, answers: Mapping[str, tuple[int, str]]) -> None:
        super().__init__()
        self.answers = answers

    def reply_to(self, request: Request) -> Reply:
        return Reply(*self.answers.get(request.path, (404, "nothing here")))


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == WRONG_INPUT, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "--suite", "nowhere"], ["'nowhere'", "core"]),
        (["eval", "--suite", MINI, "--tasks", "zebra-*"], ["zebra-*", "harness tasks list"]),
        (["eval", "--suite", MINI, "--split", "zebra"], ["zebra", "heldout, train"]),
        (["eval", "--max-turns", "0"], ["limits.turns"]),
        (["eval", "--attempts", "0"], ["attempts"]),
        (["eval", "--temperature", "-1"], ["temperature"]),
        (["eval", "--price-input", "1"], ["--price-output"]),
        (["eval", "--extra-body", "{"], ["--extra-body", "not JSON"]),
        (["eval", "--extra-body", "[]"], ["--extra-body", "object"]),
        (["eval", "--config", "missing.toml"], ["missing.toml"]),
        (["eval", "--ray-address", "10.0.0.1:6379"], ["--ray-address", "--executor ray"]),
        (["eval", "--model", "some-model"], ["some-model", "--base-url"]),
        (["eval", "--model", "some-model", "--base-url", "localhost:8000"], ["http://"]),
        (["eval", "--model", "http://127.0.0.1:9/v1"], ["cannot be reached"]),
        (["eval", "--suite", MINI, "--output", "/proc/run"], ["/proc"]),
        (["tasks", "show", "zebra", "--suite", MINI], ["zebra"]),
        (["images", "build", "zebra"], ["zebra", "images list"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_input_gets_one_clear_line(words: list[str], said: list[str], tmp_path: Path):
    assert_one_line(run(*words, cwd=tmp_path), *said)
    assert not (tmp_path / "runs").exists()


def test_a_broken_config_names_file_and_setting(tmp_path: Path):
    (tmp_path / "run.toml").write_text("[model]\nname = 'oracle'\n[limits]\nturn = 3\n", encoding="utf-8")
    assert_one_line(run("eval", "--config", "run.toml", cwd=tmp_path), "run.toml", "limits.turn")
    (tmp_path / "run.toml").write_text("[model\n", encoding="utf-8")
    assert_one_line(run("eval", "--config", "run.toml", cwd=tmp_path), "run.toml", "not TOML")


def test_a_broken_task_names_the_file(tmp_path: Path):
    shutil.copytree(MINI, tmp_path / "suite")
    (tmp_path / "suite/tasks/sums-single/task.toml").write_text("kind = 'bug'\n", encoding="utf-8")
    assert_one_line(run("eval", "--suite", "suite", cwd=tmp_path), "sums-single/task.toml")


def test_a_server_that_is_not_openai_compatible_is_told(tmp_path: Path):
    with AnswersByPath({"/v1/models": (200, "<html>hello</html>")}) as server:
        assert_one_line(run("eval", "--model", server.url, cwd=tmp_path), "not an OpenAI-compatible server")


def test_a_wrong_model_name_is_told_with_those_that_are_served(tmp_path: Path):
    with AnswersByPath({"/v1/models": (200, '{"data": [{"id": "alpha"}, {"id": "beta"}]}')}) as server:
        assert_one_line(run("eval", "--model", "gamma", "--base-url", server.url, cwd=tmp_path), "'gamma'", "alpha, beta")
        assert_one_line(run("eval", "--model", server.url, cwd=tmp_path), "alpha, beta", "--model NAME")


def test_a_refused_key_is_told(tmp_path: Path):
    with AnswersByPath({"/v1/models": (401, '{"error":"Unauthorized"}')}) as server:
        assert_one_line(run("eval", "--model", server.url, cwd=tmp_path), "OPENAI_API_KEY")


def test_an_engine_that_is_not_there_is_told_with_what_to_do(tmp_path: Path):
    env = {"DOCKER_HOST": "unix:///nonexistent.sock"}
    assert_one_line(run("eval", "--suite", MINI, "--sandbox", "docker", cwd=tmp_path, env=env), "no Docker daemon answers")


def test_an_endpoint_that_breaks_stops_the_run_with_its_own_code(tmp_path: Path):
    answers = {"/v1/models": (200, '{"data": [{"id": "m"}]}'), "/v1/chat/completions": (402, '{"error": {"message": "no money left"}}')}
    with AnswersByPath(answers) as server:
        done = run("eval", "--suite", MINI, "--model", server.url, *BACKEND, cwd=tmp_path)
    assert done.returncode == STOPPED
    assert "no money left" in done.stderr
    assert "to go on: harness eval" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_oracle_resolves_everything_and_the_same_command_repeats_nothing(tmp_path: Path):
    words = ["eval", "--suite", MINI, "--json", "--quiet", *BACKEND]
    first = run(*words, cwd=tmp_path)
    assert first.returncode == OK, first.stderr
    summary = json.loads(first.stdout)
    assert summary["total"] == {"name": "all", "tasks": 3, "attempts": 3, "scored": 3, "resolved": 3, "rate": 1.0}
    index = tmp_path / summary["run"] / "results.jsonl"
    before = index.read_text(encoding="utf-8")
    assert json.loads(run(*words, cwd=tmp_path).stdout) == summary
    assert index.read_text(encoding="utf-8") == before
    reported = json.loads(run(*words, "--report", cwd=tmp_path).stdout)
    assert reported == {**summary, "report": f"{summary['run']}/report/index.html"}
    assert "sums-single" in (tmp_path / reported["report"]).read_text(encoding="utf-8")
    assert json.loads(run(*words, "--fresh", cwd=tmp_path).stdout)["run"] == f"{summary['run']}-2"


def test_the_noop_resolves_nothing(tmp_path: Path):
    done = run("eval", "--suite", MINI, "--model", "noop", "--json", "--quiet", *BACKEND, cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert (summary["total"]["scored"], summary["total"]["resolved"]) == (3, 0)
    assert summary["verdicts"] == {"no_patch": 3}


def test_a_written_config_makes_the_same_run(tmp_path: Path):
    words = ["eval", "--suite", MINI, "--model", "noop", "--tasks", "sums-single", "--json", "--quiet", *BACKEND]
    made = json.loads(run(*words, cwd=tmp_path).stdout)
    again = json.loads(run("eval", "--config", f"{made['run']}/config.toml", "--json", "--quiet", cwd=tmp_path).stdout)
    assert again == made


def test_settings_that_differ_are_refused_in_the_same_directory(tmp_path: Path):
    words = ["eval", "--suite", MINI, "--model", "noop", "--tasks", "sums-single", "--output", "here", "--quiet", *BACKEND]
    assert run(*words, cwd=tmp_path).returncode == OK
    assert_one_line(run(*words, "--max-turns", "7", cwd=tmp_path), "limits.turns", "--output")


def start(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HARNESS, *words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_first_result(process: subprocess.Popen[str], directory: Path) -> None:
    deadline = time.monotonic() + 120
    index = directory / "results.jsonl"
    while time.monotonic() < deadline and process.poll() is None:
        if index.exists() and "\n" in index.read_text(encoding="utf-8"):  # the file is there before its first line is
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate()[0])


def outcomes(directory: Path) -> list[tuple[str, int, bool, str]]:
    lines = (directory / "results.jsonl").read_text(encoding="utf-8").splitlines()
    results = [json.loads(line) for line in lines]
    return sorted((result["instance_id"], result["attempt"], result["resolved"], result["verdict"]) for result in results)


CUT_OFF = ["eval", "--suite", MINI, "--attempts", "4", "--concurrency", "2", *BACKEND]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int, bool, str]]:
    """What comes out of a run that nobody cuts off."""
    directory = tmp_path_factory.mktemp("undisturbed")
    assert run(*CUT_OFF, "--output", "whole", "--quiet", cwd=directory).returncode == OK
    return outcomes(directory / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_cut_off_goes_on_and_ends_as_an_undisturbed_one(
    number: signal.Signals, undisturbed: list[tuple[str, int, bool, str]], tmp_path: Path
):
    cut = start(*CUT_OFF, "--output", "cut", cwd=tmp_path)
    wait_for_first_result(cut, tmp_path / "cut")
    os.killpg(cut.pid, number) if number == signal.SIGINT else cut.send_signal(number)
    said = cut.communicate(timeout=30)[0]
    if number != signal.SIGKILL:
        assert cut.returncode == INTERRUPTED
        assert "to go on: harness eval" in said
        assert "Traceback" not in said
    finished = outcomes(tmp_path / "cut")
    assert 0 < len(finished) < 12
    again = run(*CUT_OFF, "--output", "cut", cwd=tmp_path)
    assert again.returncode == OK, again.stderr
    assert f"{len(finished)} of 12 are done already" in again.stderr
    assert len(outcomes(tmp_path / "cut")) == 12  # none lost, none repeated
    assert outcomes(tmp_path / "cut") == undisturbed
    assert not list((tmp_path / "cut").glob("trials/*/.*"))


def test_two_processes_on_one_run_are_refused(tmp_path: Path):
    words = ["eval", "--suite", MINI, "--attempts", "4", "--output", "here", *BACKEND]
    one = start(*words, cwd=tmp_path)
    try:
        wait_for_first_result(one, tmp_path / "here")
        assert_one_line(run(*words, cwd=tmp_path), "another process")
    finally:
        one.terminate()
        one.communicate(timeout=30)


def test_tasks_are_listed_and_shown(tmp_path: Path):
    listed = json.loads(run("tasks", "list", "--suite", MINI, "--json", cwd=tmp_path).stdout)
    assert [task["instance_id"] for task in listed] == ["sums-bigint", "sums-single", "words-spaces"]
    shown = run("tasks", "show", "sums-single", "--suite", MINI, cwd=tmp_path).stdout
    assert "sum([5])" in shown
    assert "diff --git" not in shown
    assert "diff --git" in run("tasks", "show", "sums-single", "--suite", MINI, "--gold", cwd=tmp_path).stdout


@pytest.mark.slow
def test_an_unfair_task_is_named_and_can_be_quarantined(tmp_path: Path):
    shutil.copytree(MINI, tmp_path / "suite")
    gold = tmp_path / "suite/tasks/sums-single/gold.patch"
    gold.write_text(gold.read_text(encoding="utf-8").replace("total += value;", "total -= value;"), encoding="utf-8")
    words = ["tasks", "validate", "--suite", "suite", "--repeats", "1", *BACKEND]
    done = run(*words, "--quarantine", cwd=tmp_path)
    assert done.returncode == NOT_AS_IT_SHOULD_BE
    assert "sums-single: NOT VALID" in done.stdout
    assert "2 of 3 tasks are valid" in done.stdout
    listed = run("tasks", "list", "--suite", "suite", cwd=tmp_path).stdout
    assert "quarantined: sums-single" in listed
    assert "2 tasks on 2 repositories" in listed


def test_the_help_is_quick_to_load_and_loads_no_heavy_library():
    code = "import sys, harness, harness.options; sys.exit(any(name in sys.modules for name in ('torch', 'openai', 'docker', 'pydantic', 'rich')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    whole = "import sys, harness.cli, harness.evaluate, harness.doctor, harness.validation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", whole], check=False).returncode == 0


def test_the_doctor_says_what_an_endpoint_lacks(tmp_path: Path):
    done = run("doctor", "--model", "http://127.0.0.1:9/v1", "--json", cwd=tmp_path)
    findings = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == NOT_AS_IT_SHOULD_BE
    assert findings["endpoint"]["state"] == "missing"
    assert findings["git"]["state"] == "ok"
    assert findings["sandbox bubblewrap"]
    assert findings["mxfp8 and nvfp4"]["words"].endswith("multiplies in bf16")

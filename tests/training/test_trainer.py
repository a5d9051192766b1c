from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from safetensors.torch import load_file, save_file

from tests.training.chat_models import answer, user
from tests.training.tiny_models import write_rows
from training.adapter_files import digest
from training.config import SftConfig
from training.errors import TrainingError
from training.family import read_family
from training.interruption import Interrupted
from training.prepared import open_model
from training.processes import Processes
from training.record import read_metrics
from training.sft import train_sft
from training.trainer import EvaluationReport, StepReport

Settings = Callable[..., dict[str, Any]]


def run(settings: dict[str, Any], report: Callable[[Any], None] = lambda report: None) -> Any:
    return train_sft(SftConfig.model_validate(settings), Processes(), say=lambda line: None, report=report)


def losses(directory: Path) -> list[float]:
    return [line["loss"] for line in read_metrics(directory) if line["kind"] == "step"]


def adapter(directory: Path) -> dict[str, Any]:
    return load_file(directory / "adapter" / "adapter_model.safetensors")


def same(one: Path, other: Path) -> bool:
    first, second = adapter(one), adapter(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["qwen3", "nemotron_h"])
def test_fifty_examples_are_learnt_by_heart(
    family: str, request: pytest.FixtureRequest, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions)
    made = settings(request.getfixturevalue(family), rows, length={"steps": 12, "rows_per_step": 1}, packing={"tokens": 4000})
    run(made)
    curve = losses(tmp_path / "run")
    assert len(curve) == 12
    assert curve[-1] <= 0.25 * curve[0]


def test_a_run_that_is_taken_up_again_is_the_undisturbed_one(qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions)
    common = {"adapters": {"rank": 4, "dropout": 0.1}, "checkpoints": {"every_steps": 2}, "packing": {"tokens": 1600}}
    run(settings(qwen3, rows, output=str(tmp_path / "whole"), **common))

    def stop(report: StepReport) -> None:
        if report.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        run(settings(qwen3, rows, output=str(tmp_path / "parts"), **common), stop)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")[:3]
    run(settings(qwen3, rows, output=str(tmp_path / "parts"), **common))
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert same(tmp_path / "whole", tmp_path / "parts")


def test_a_run_goes_on_from_an_older_checkpoint_and_forgets_what_came_after(
    qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    """As when the machine went away between checkpoints."""
    rows = write_rows(tmp_path / "rows.jsonl", questions)
    made = settings(qwen3, rows, checkpoints={"every_steps": 2, "keep": 9})
    run(made)
    whole = losses(tmp_path / "run")
    for step in (4, 6):
        for file in (tmp_path / "run" / "checkpoints" / f"step-{step:06d}").iterdir():
            file.unlink()
        (tmp_path / "run" / "checkpoints" / f"step-{step:06d}").rmdir()
    run(made)
    assert losses(tmp_path / "run") == whole


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_states_of_every_optimizer_are_taken_up(
    optimizer: str, qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions[:8])
    made = settings(qwen3, rows, optimizer={"name": optimizer}, length={"steps": 4, "rows_per_step": 1})
    run({**made, "output": str(tmp_path / "whole")})

    def stop(report: StepReport) -> None:
        if report.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        run(made, stop)
    run(made)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


def test_a_run_does_not_go_on_with_other_rows_or_settings(qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions[:8])
    run(settings(qwen3, rows, length={"steps": 1, "rows_per_step": 1}))
    with pytest.raises(TrainingError, match="other data or settings"):
        run(settings(qwen3, rows, length={"steps": 1, "rows_per_step": 1}, optimizer={"learning_rate": 0.5}))
    write_rows(rows, questions[:9])
    with pytest.raises(TrainingError, match="other data or settings"):
        run(settings(qwen3, rows, length={"steps": 1, "rows_per_step": 1}))


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_rows(
    qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions[:8])
    made = settings(
        qwen3, rows, length={"steps": 9, "rows_per_step": 1}, packing={"tokens": 1200}, schedule={"name": "constant", "warmup": 0.0}
    )
    made["optimizer"] = {"learning_rate": 1e30, "most_gradient": 1e30}
    with pytest.raises(TrainingError, match=r"step \d+: .* is (nan|inf).*rows.jsonl:\d+.* the state before it is kept"):
        run(made)
    assert list((tmp_path / "run" / "checkpoints").glob("step-*"))
    assert not (tmp_path / "run" / "adapter").exists()


def test_rows_a_step_does_not_change_what_is_minimised(qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path) -> None:
    """One packed row of all documents, or a row for each: the same mean over learned tokens, and so the same first step."""
    rows = write_rows(tmp_path / "rows.jsonl", [*questions[:5], {"messages": [user("a"), answer("b" * 20)]}])
    firsts = []
    for name, tokens, count in (("one", 2400, 1), ("many", 80, 6)):
        made = settings(qwen3, rows, output=str(tmp_path / name), packing={"tokens": tokens}, data={"max_tokens": 80})
        reports: list[StepReport] = []
        run({**made, "length": {"steps": 1, "rows_per_step": count}}, reports.append)
        firsts.append(reports[0])
    assert firsts[0].epoch == firsts[1].epoch == 1
    assert firsts[0].learned == firsts[1].learned
    assert firsts[0].loss == pytest.approx(firsts[1].loss, rel=1e-5)
    assert firsts[0].gradient == pytest.approx(firsts[1].gradient, rel=1e-4)


def test_a_run_that_no_longer_learns_ends_with_the_adapter_of_its_best_evaluation(
    qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    """Undisturbed, killed after an evaluation and taken up, and called again when it has ended: the same; and what is written is a run that ends at that step."""
    rows = write_rows(tmp_path / "data" / "train.jsonl", questions[:8]).parent
    write_rows(rows / "validation.jsonl", [questions[0], *({"messages": [user(f"{number}?"), answer("#" * 20)]} for number in range(3))])
    small = {"schedule": {"name": "constant", "warmup": 0.0}, "packing": {"tokens": 1200}, "checkpoints": {"every_steps": 1}}
    made = settings(qwen3, rows, length={"steps": 12, "rows_per_step": 1}, evaluation={"every_steps": 1, "patience": 2}, **small)
    made["data"]["validation"] = [str(rows)]
    seen: list[Any] = []
    outcome = run(made, seen.append)
    evaluations = [report for report in seen if isinstance(report, EvaluationReport)]
    assert outcome.stopped_early
    assert outcome.steps == len(evaluations) < 12
    assert [report.best for report in evaluations[-3:]] == [True, False, False]
    assert (outcome.evaluation, outcome.best_step) == (evaluations[-3].loss, evaluations[-3].step)
    card = json.loads((tmp_path / "run" / "adapter" / "data_card.json").read_text())
    assert (card["train"]["examples"], card["validation"]["examples"]) == (8, 4)
    assert (card["train"]["also_in_train"], card["validation"]["also_in_train"]) == (None, 1)
    assert card["train"]["shares"]["learned tokens"] == card["train"]["learned_tokens"] / card["train"]["tokens"]

    shorter = settings(qwen3, rows, output=str(tmp_path / "short"), length={"steps": outcome.best_step, "rows_per_step": 1}, **small)
    run(shorter)
    assert same(tmp_path / "run", tmp_path / "short")

    again = run(made)
    assert (again.steps, again.evaluation, again.best_step, again.stopped_early) == (
        outcome.steps,
        outcome.evaluation,
        outcome.best_step,
        True,
    )
    assert same(tmp_path / "run", tmp_path / "short")
    assert len(losses(tmp_path / "run")) == outcome.steps

    class Killed(BaseException):
        """At once, as by the machine: nothing is written on the way out."""

    def kill(report: Any) -> None:
        if isinstance(report, StepReport) and report.step == outcome.best_step + 2:
            raise Killed

    made["output"] = str(tmp_path / "killed")
    with pytest.raises(Killed):
        run(made, kill)
    assert run(made).steps == outcome.steps
    assert losses(tmp_path / "killed") == losses(tmp_path / "run")
    assert same(tmp_path / "killed", tmp_path / "short")


def test_without_patience_the_adapter_is_the_last_and_the_best_evaluation_is_told(
    qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "data" / "train.jsonl", questions[:8]).parent
    write_rows(rows / "validation.jsonl", [{"messages": [user("1?"), answer("#" * 20)]}])
    made = settings(qwen3, rows, length={"steps": 4, "rows_per_step": 1}, evaluation={"every_steps": 1}, optimizer={"learning_rate": 0.3})
    run({**made, "output": str(tmp_path / "blind")})
    made["data"]["validation"] = [str(rows)]
    seen: list[Any] = []
    outcome = run(made, seen.append)
    evaluations = {report.loss: report.step for report in seen if isinstance(report, EvaluationReport)}
    assert outcome.best_step == evaluations[min(evaluations)] < 4
    assert outcome.evaluation == min(evaluations)
    assert same(tmp_path / "run", tmp_path / "blind")


def test_a_run_does_not_go_on_with_another_base_in_the_place_of_its_own(
    qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions[:8])
    small = {"length": {"steps": 1, "rows_per_step": 1}}
    base, other = (shutil.copytree(qwen3, tmp_path / name / "base") for name in ("b1", "b2"))
    tensors = load_file(other / "model.safetensors")
    name = "model.layers.1.self_attn.q_proj.weight"
    save_file(tensors | {name: tensors[name] * 1.01}, other / "model.safetensors", metadata={"format": "pt"})
    run(settings(base, rows, **small))
    with pytest.raises(TrainingError, match="other data or settings"):
        run(settings(other, rows, **small))
    run(settings(base.rename(tmp_path / "moved"), rows, **small))


def test_what_a_run_leaves_says_what_it_was(qwen3: Path, settings: Settings, questions: list[Any], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    rows = write_rows(tmp_path / "rows.jsonl", questions[:8])
    made = settings(qwen3, rows, machine={"device": "cpu", "tensorboard": True}, length={"steps": 2, "rows_per_step": 1})
    reports: list[StepReport] = []
    run(made, reports.append)
    assert [report.step for report in reports] == [1, 2]
    assert all(report.tokens_per_second > 0 and report.eta_seconds >= 0 for report in reports)
    output = tmp_path / "run"
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(output / "tensorboard"))
    board.Reload()
    for name in ("loss", "rate", "gradient", "tokens_per_second"):
        shown = [(event.step, event.value) for event in board.Scalars(f"step/{name}")]
        assert shown == [(report.step, pytest.approx(getattr(report, name), rel=1e-5)) for report in reports]
    assert {"adapter_config.json", "adapter_model.safetensors", "data_card.json"} <= {file.name for file in (output / "adapter").iterdir()}
    card = json.loads((output / "adapter" / "data_card.json").read_text())
    assert card["train"]["files"][0]["sha256"]
    assert 0 < card["train"]["learned_tokens"] < card["train"]["tokens"]
    from training.config import read_config

    assert read_config(output / "config.toml", SftConfig) == SftConfig.model_validate(made)


def test_adapters_begin_by_the_seed(nemotron_h: Path, settings: Settings, questions: list[Any], tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions[:4])

    def begun(seed: int) -> dict[str, torch.Tensor]:
        adapters = {"targets": ["attention", "experts"], "rank": 4}
        config = SftConfig.model_validate(settings(nemotron_h, rows, length={"seed": seed}, adapters=adapters))
        model, _ = open_model(config, read_family(config.base, None), Processes(), lambda line: None)
        return {name: each for name, each in model.named_parameters() if "lora_A" in name or "lora_a" in name}

    one, same_seed, other = begun(1), begun(1), begun(2)
    assert any(".experts." in name for name in one)
    assert all(torch.equal(one[name], same_seed[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)


TWO = """
import sys
from pathlib import Path
from torch.distributed.tensor import DTensor
from training import model
from training.config import SftConfig, read_config
from training.processes import start_processes, stop_processes
from training.sft import train_sft

fill, most = model._fill, 0

def watched(made, weights, *rest):
    read = weights.tensor

    def tensor(*which):
        global most
        whole = [any(not each.is_meta and not isinstance(each, DTensor) for each in layer.parameters()) for layer in model.layers_of(made)]
        most = max(most, sum(whole))
        return read(*which)

    weights.tensor = tensor
    return fill(made, weights, *rest)

model._fill = watched
processes = start_processes("cpu")
for config in sys.argv[1:]:
    most = 0
    train_sft(read_config(Path(config), SftConfig), processes, say=print, report=lambda report: None)
    print(f"whole layers at most: {most}", flush=True)
stop_processes()
"""


@pytest.mark.slow
def test_two_processes_make_the_curve_of_one(nemotron_h: Path, settings: Settings, questions: list[Any], tmp_path: Path) -> None:
    """With rows that do not come out even, 3 a step; the base in both or spread over them."""
    rows = write_rows(tmp_path / "rows.jsonl", questions[:20])
    made = settings(nemotron_h, rows, packing={"tokens": 300}, data={"max_tokens": 300}, length={"steps": 3, "rows_per_step": 3})
    run({**made, "output": str(tmp_path / "one")})
    configs = []
    for spread in ("replicate", "shard"):
        configs.append(tmp_path / f"{spread}.toml")
        machine = {**made["machine"], "spread": spread}
        configs[-1].write_text(tomli_w.dumps({**made, "machine": machine, "output": str(tmp_path / spread)}))
    script = tmp_path / "two.py"
    script.write_text(TWO)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script), *map(str, configs)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    whole, part = map(
        int, re.search(r"base spread over 2 processes: (\d+) parameters of (\d+) in each", done.stdout.replace(",", "")).group(2, 1)
    )
    assert part <= 0.6 * whole
    kept, spread_out = (set(re.findall(r"whole layers at most: (\d+)", said)) for said in done.stdout.split("base spread over", 1))
    assert (kept, spread_out) == ({"5"}, {"1"}), "a base too large for one card is never whole on one"
    one = adapter(tmp_path / "one")
    for spread in ("replicate", "shard"):
        assert losses(tmp_path / spread) == pytest.approx(losses(tmp_path / "one"), rel=2e-5)
        other = adapter(tmp_path / spread)
        assert one.keys() == other.keys()
        assert all(torch.allclose(one[name], other[name], atol=2e-3) for name in one)


def test_training_goes_on_from_an_adapter_and_its_checkpoints_belong_to_that_adapter(
    qwen3: Path, nemotron_h: Path, settings: Settings, questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions[:8])
    small = {"length": {"steps": 3, "rows_per_step": 1}, "schedule": {"name": "constant", "warmup": 0.0}}
    run(settings(qwen3, rows, output=str(tmp_path / "first"), **small))
    start = tmp_path / "first/adapter"
    made = settings(qwen3, rows, output=str(tmp_path / "second"), adapters={"start": str(start)}, **small)
    said: list[str] = []
    train_sft(SftConfig.model_validate(made), Processes(), say=said.append, report=lambda report: None)
    assert any(line.startswith(f"adapters begin from {start}") for line in said)
    assert losses(tmp_path / "second")[0] < losses(tmp_path / "first")[-1] + 0.05 < losses(tmp_path / "first")[0]
    card = json.loads((tmp_path / "second/adapter/data_card.json").read_text())
    assert card["start_sha256"] == digest(start)
    assert json.loads((tmp_path / "first/adapter/data_card.json").read_text())["start_sha256"] is None

    # The same adapter elsewhere is the same start; another one in its place is not.
    start.rename(tmp_path / "moved")
    moved = {**made, "adapters": {**made["adapters"], "start": str(tmp_path / "moved")}}
    run(moved)
    tensors = load_file(tmp_path / "moved/adapter_model.safetensors")
    save_file({name: tensor * 1.1 for name, tensor in tensors.items()}, tmp_path / "moved/adapter_model.safetensors")
    with pytest.raises(TrainingError, match="of other data or settings"):
        run(moved)
    with pytest.raises(TrainingError, match=r"^adapters\.start: .*not an adapter in PEFT's layout"):
        run(made)
    with pytest.raises(TrainingError, match=r"^adapters\.start: .*the adapter is of another base"):
        run({**moved, "base": {"path": str(nemotron_h), "precision": "fp32"}, "output": str(tmp_path / "third")})

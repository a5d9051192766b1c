"""`harness train` and `harness chat` as a person types them, on a model of a few thousand weights."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("trl")

import torch

from harness.cli import main
from tasks.integrity import printable
from tests.training.chat_models import answer, user
from tests.training.tiny_models import save_nemotron_h, save_qwen3, write_rows
from training.record import read_metrics

CONFIGS = Path(__file__).parents[2] / "training" / "configs"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped tiny configuration with the model and the rows that it names."""
    directory = tmp_path_factory.mktemp("place")
    shutil.copy(CONFIGS / "sft-tiny.toml", directory)
    save_qwen3(directory / "model")
    write_rows(directory / "rows.jsonl", [{"messages": [user(f"{number}?"), answer(f"Number {number}.")]} for number in range(12)])
    return directory


def changed(place: Path, tmp_path: Path, old: str, new: str) -> Path:
    text = (place / "sft-tiny.toml").read_text()
    assert old in text
    file = place / f"{tmp_path.name}.toml"
    file.write_text(text.replace(old, new))
    return file


def test_the_shipped_tiny_configuration_trains_and_the_adapter_talks(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sft", str(place / "sft-tiny.toml")]) == 0
    seen = capsys.readouterr()
    assert "done: 8 steps, loss" in seen.out
    assert "step 8/8" in seen.err
    assert "tokens/s" in seen.err
    assert "left" in seen.err
    assert "adapters on attention: 8 modules" in seen.err
    adapter = place / "runs" / "tiny" / "adapter"
    assert str(adapter) in seen.out.replace("\n", "")
    options = ["--model", str(place / "model"), "--precision", "fp32", "--device", "cpu", "--max-tokens", "4", "--temperature", "0"]
    answers = []
    for extra in ([], ["--adapter", str(adapter)], ["--adapter", str(adapter)]):
        assert main(["chat", "1?", *options, *extra, "--no-think"]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] != answers[1] == answers[2]


def test_thinking_is_asked_for_as_the_template_switches_it(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Against the likeliest continuation of each rendering, by transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place / "model")
    model = AutoModelForCausalLM.from_pretrained(place / "model")
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data *= 5  # so that more than the last token counts
    for each in (model, tokenizer):
        each.save_pretrained(tmp_path / "model")
    options = ["--model", str(tmp_path / "model"), "--precision", "fp32", "--device", "cpu", "--max-tokens", "8", "--temperature", "0"]
    options += ["--recipe", "qwen3"]
    expected = []
    for word, thinking in (("--think", True), ("--no-think", False)):
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": "1?"}], add_generation_prompt=True, tokenize=False, enable_thinking=thinking
        )
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        ends = tokenizer.convert_tokens_to_ids(["<|im_end|>", tokenizer.eos_token])
        whole = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, pad_token_id=0, eos_token_id=ends
        )
        expected.append(tokenizer.decode(whole[0, ids.shape[1] :], skip_special_tokens=True))
        assert main(["chat", "1?", *options, word]) == 0
        assert capsys.readouterr().out == "".join(each if each in "\n\t" else printable(each) for each in expected[-1]) + "\n"
    assert expected[0] != expected[1]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--max-tokens", "0"], "--max-tokens is 0"),
        (["--temperature", "-1"], "--temperature is -1.0"),
        (["--temperature", "nan"], "--temperature is nan"),
        (["--seed", str(2**70)], "--seed is 1180591620717411303424"),
        (["--seed", "-1"], "--seed is -1"),
        pytest.param(
            ["--device", "cuda"], "the device cuda is asked for", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU")
        ),
    ],
)
def test_what_cannot_be_said_to_a_model_is_told_before_it_is_loaded(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", "1?", "--model", "./none", *words]) == 2
    assert complaint in capsys.readouterr().err


def test_a_session_keeps_what_was_said_until_it_is_begun_anew(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--model", str(place / "model"), "--precision", "fp32", "--device", "cpu", "--max-tokens", "3", "--temperature", "0"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("1?\n2?\n/new\n1?\n/exit\n"))
    assert main(["chat", *options]) == 0
    answers = capsys.readouterr().out.splitlines()
    assert len(answers) >= 3
    monkeypatch.setattr(sys, "stdin", io.StringIO("1?\n"))
    assert main(["chat", *options]) == 0
    assert capsys.readouterr().out.splitlines()[0] == answers[0]


def test_a_dry_run_says_what_would_be_trained_and_writes_nothing(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = changed(place, tmp_path, 'output = "runs/tiny"', f'output = "{tmp_path}/none"')
    assert main(["train", "sft", str(config), "--dry-run"]) == 0
    out = capsys.readouterr().out
    for words in ("12 chat", "of them learnt (", "adapters on attention: 8 modules", "adapters on mlp: 6 modules", "trainable parameters on a base of", "predicted peak memory", "predicted time"):  # fmt: skip
        assert words in out
    assert not (tmp_path / "none").exists()


def test_a_dry_run_of_a_mixture_knows_every_kind_of_layer(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_nemotron_h(place / "mixture")
    text = (place / "sft-tiny.toml").read_text().replace('"qwen3"', '"nemotron-3-nano"').replace('path = "model"', 'path = "mixture"')
    text = text.replace("rank = 8\n", 'rank = 8\ntargets = ["attention", "mamba", "mamba_out", "shared_experts", "experts"]\n')
    text = text.replace("tensorboard = false", "tensorboard = false\npeak_tflops = 0.01")
    (place / "mixture.toml").write_text(text)
    assert main(["train", "sft", str(place / "mixture.toml"), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "adapters on mamba: 2 modules" in out
    assert "adapters on experts: 4 modules" in out
    assert "at 35% of the peak" in out


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "run"
    config = changed(place, tmp_path, 'output = "runs/tiny"', f'output = "{output}"')
    config.write_text(config.read_text().replace("steps = 8", "steps = 100000"))

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(read_metrics(output)) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    code = main(["train", "sft", str(config)])
    thread.join()
    assert code == 130
    assert f"a checkpoint is written, to go on: harness train sft {config}" in capsys.readouterr().err.replace("\n", "")
    (checkpoint,) = (output / "checkpoints").iterdir()
    assert int(checkpoint.name.removeprefix("step-")) == len(read_metrics(output))


@pytest.mark.parametrize("method", ["dapt", "dpo"])
def test_the_other_methods_are_planned_and_trained(method: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        "dapt": [{"text": f"export const a{number} = {number};\n" * 30} for number in range(6)],
        "dpo": [{"prompt": [user(f"{number}?")], "chosen": [answer("Yes.")], "rejected": [answer("No, no.")]} for number in range(6)],
    }
    write_rows(place / f"{method}.jsonl", rows[method])
    text = (
        (place / "sft-tiny.toml")
        .read_text()
        .replace("rows.jsonl", f"{method}.jsonl")
        .replace("runs/tiny", f"runs/{method}")
        .replace("steps = 8", "steps = 2")
    )
    config = place / f"{method}.toml"
    config.write_text(text.replace("max_tokens = 512\n", f'max_tokens = 512\ntoo_long = "{"split" if method == "dapt" else "refuse"}"\n'))
    assert main(["train", method, str(config), "--dry-run"]) == 0
    assert f"rows: 6 {'text' if method == 'dapt' else 'pairs'}" in capsys.readouterr().out
    assert main(["train", method, str(config)]) == 0
    seen = capsys.readouterr()
    assert "done: 2 steps" in seen.out
    assert ("documents split" in seen.err) == (method == "dapt")
    assert ("accuracy" in seen.err) == (method == "dpo")
    assert main(["train", "sft", str(config)]) == 2, "rows of another method"


def test_a_dry_run_says_from_which_adapter_training_goes_on(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = changed(place, tmp_path, 'output = "runs/tiny"', f'output = "{tmp_path}/first"')
    assert main(["train", "sft", str(first)]) == 0
    first.write_text(
        first.read_text().replace("[adapters]", f'[adapters]\nstart = "{tmp_path}/first/adapter"').replace('/first"', '/second"', 1)
    )
    capsys.readouterr()
    assert main(["train", "sft", str(first), "--dry-run"]) == 0
    assert f"adapters begin from {tmp_path}/first/adapter" in capsys.readouterr().out.replace("\n", "")
    shutil.copytree(place / "model", tmp_path / "other")
    config = json.loads((tmp_path / "other/config.json").read_text())
    (tmp_path / "other/config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-5}))
    first.write_text(first.read_text().replace('path = "model"', f'path = "{tmp_path}/other"'))
    for dry in (["--dry-run"], []):
        assert main(["train", "sft", str(first), *dry]) == 2
        assert "the adapter is of another base" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_target_that_matches_nothing_is_an_error(dry: list[str], place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = changed(place, tmp_path, "rank = 8\n", 'rank = 8\ntargets = ["attention", "experts"]\n')
    assert main(["train", "sft", str(config), *dry]) == 2
    assert "'experts'" in capsys.readouterr().err
    assert not (place / "runs" / "none").exists()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('path = "model"', 'path = "./nothing"', "no such directory"),
        ('train = ["rows.jsonl"]', 'train = ["none.jsonl"]', "there is no such file or directory"),
        ("max_tokens = 512\n\n[packing]\ntokens = 2048", "max_tokens = 5000\n\n[packing]\ntokens = 5000", "was made for 4096 positions"),
        ('recipe = "qwen3"', 'recipe = "nemotron-3-nano"', "is for nemotron_h"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    old: str, new: str, complaint: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "sft", str(changed(place, tmp_path, old, new))]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_two_processes_of_torchrun_make_the_run_of_one(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configs = {}
    for name in ("one", "two"):
        configs[name] = changed(place, tmp_path, 'output = "runs/tiny"', f'output = "{tmp_path}/{name}"').rename(
            place / f"torchrun-{name}.toml"
        )
        configs[name].write_text(configs[name].read_text().replace("steps = 8", "steps = 2\nrows_per_step = 2"))
    assert main(["train", "sft", str(configs["one"])]) == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "harness.cli", "train", "sft"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([*command, str(configs["two"])], capture_output=True, text=True, timeout=240, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("done: 2 steps") == 1, "one of the two tells"
    one, two = ([line["loss"] for line in read_metrics(tmp_path / name)] for name in ("one", "two"))
    assert two == pytest.approx(one, rel=2e-5)
    assert (tmp_path / "two/adapter/adapter_model.safetensors").is_file()


def test_the_grammar_loads_nothing_heavy() -> None:
    script = "import sys\nfrom harness.cli import main\ntry:\n    main(['train', 'sft', '--help'])\nexcept SystemExit:\n    pass\nsys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'pydantic', 'openai')))"
    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).returncode == 0

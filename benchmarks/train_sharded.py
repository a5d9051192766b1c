"""One run of `harness train` by one process, by several that each hold the base, and by several that share it (FSDP2). Prints a table a model.

    python -m benchmarks.train_sharded [--device cuda] [--processes 2] [--models tiny wide] [--steps 6]

`tiny` has every kind of layer and is trained in fp32: the losses have to be those of one process. `wide` has seven layers of Nemotron 3 Nano's full width (three of
them of 128 experts, 4.7 billion weights, bf16, packed to 16k): what a second GPU gives in tokens a second, and what is left on each when the base is shared. The
texts are this repository's own sources. Over NCCL on GPUs, gloo on a CPU; a run that fails is told and the next begins.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w
from rich.console import Console
from rich.table import Table

from benchmarks.serving import make_tokenizer
from benchmarks.train_nemotron_h import KINDS, full_shape, tiny_shape
from training.record import read_metrics

PATTERN: Final = "MEM*EME"
WARMUP: Final = 2
"""Steps that compile and are not counted."""
ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Model:
    precision: str
    tokens: int
    """Of a packed row, and of a document at most."""


MODELS: Final = {"tiny": Model("fp32", 1024), "wide": Model("bf16", 16_384)}


def make_checkpoint(place: Path, name: str, device: str) -> None:
    import torch
    from transformers import NemotronHForCausalLM

    if name == "tiny":
        config, learnt, dtype = tiny_shape(), 512, torch.float32
    else:
        config, learnt, dtype = full_shape(), 4096, torch.bfloat16
        config.layers_block_type = [KINDS[letter] for letter in PATTERN]
        config.num_hidden_layers = len(PATTERN)
    make_tokenizer(learnt, config.vocab_size).save_pretrained(place)
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    with torch.device(device):
        model = NemotronHForCausalLM(config)
    model.save_pretrained(place)


def write_config(file: Path, name: str, spread: str, steps: int, processes: int, device: str) -> None:
    model = MODELS[name]
    file.write_text(
        tomli_w.dumps(
            {
                "output": f"run-{file.stem}",
                "recipe": "nemotron-3-nano",
                "base": {"path": "base", "precision": model.precision, "compile": device == "cuda" and name == "wide"},
                "data": {"train": ["texts.jsonl"], "max_tokens": model.tokens, "too_long": "split"},
                "fill_in_the_middle": {"rate": 0.0},
                "packing": {"tokens": model.tokens},
                "optimizer": {"learning_rate": 1e-3},
                "length": {"steps": steps, "rows_per_step": 2 * processes},
                "checkpoints": {"every_steps": 10 * steps},
                "machine": {"device": device, "spread": spread, "tensorboard": False},
            }
        ),
        encoding="utf-8",
    )


def run(config: Path, processes: int) -> list[dict[str, Any]]:
    """What each step told; RuntimeError with the last lines."""
    several = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *several, "-m", "harness.cli", "train", "dapt", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError("\n".join((done.stdout + done.stderr).splitlines()[-30:]))
    return [line for line in read_metrics(config.parent / f"run-{config.stem}") if line["kind"] == "step"]


def compare(name: str, options: argparse.Namespace, place: Path, console: Console) -> None:
    # In a process of its own, whose memory on the GPU is free afterwards.
    make = ["-m", "benchmarks.train_sharded", "--make", str(place / "base"), "--models", name, "--device", options.device]
    subprocess.run([sys.executable, *make], check=True, cwd=ROOT)
    sources = sorted(ROOT.glob("harness/**/*.py")) + sorted(ROOT.glob("training/**/*.py"))
    texts = (json.dumps({"text": source.read_text(encoding="utf-8")}) for source in sources)
    (place / "texts.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
    model = MODELS[name]
    table = Table("processes", "base", "tokens/s", "of one", "peak GiB", "largest difference of a loss",
                  title=f"{name}, {model.precision}, packed to {model.tokens}, {options.steps} steps")  # fmt: skip
    alone: list[dict[str, Any]] = []
    for count, spread in ((1, "replicate"), (options.processes, "replicate"), (options.processes, "shard")):
        config = place / f"{name}-{count}-{spread}.toml"
        write_config(config, name, spread, options.steps, options.processes, options.device)
        try:
            steps = run(config, count)
        except RuntimeError as error:
            console.print(str(error), markup=False, soft_wrap=True)
            table.add_row(str(count), spread, "failed")
            continue
        alone = alone or steps
        rate, first = (statistics.median(step["tokens_per_second"] for step in each[WARMUP:]) for each in (steps, alone))
        apart = max(abs(step["loss"] - before["loss"]) for step, before in zip(steps, alone, strict=True))
        memory = steps[-1]["memory_gib"]
        table.add_row(str(count), spread, f"{rate:,.0f}", f"{rate / first:.2f}", "" if memory is None else f"{memory:.1f}",
                      f"{apart:.1e} of {steps[-1]['loss']:.2f}")  # fmt: skip
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steps <= WARMUP:
        parser.error(f"--steps: the first {WARMUP} are not counted")
    if options.make is not None:
        make_checkpoint(options.make, options.models[0], options.device)
        return
    console = Console(width=160)
    for name in options.models:
        with tempfile.TemporaryDirectory() as place:
            compare(name, options, Path(place), console)


if __name__ == "__main__":
    main()

"""Training steps of Nemotron 3 Nano's full shape, random weights, on one GPU. Prints a table; compares with the stock stack in the same run.

    python -m benchmarks.train_nemotron_h [--rows B1 T1 T2 T3 S stock] [--steps 6] [--out DIRECTORY]

Each row is a process of its own: first a check of the same path on a tiny shape against float64 on the CPU, then warm-up, timed steps (median), one step with events
between layers and one under the profiler. The allocator is held to the row's budget. Documents are packed (about 2,000 tokens each; one alone in T3), 30% of the tokens carry loss in spans, the optimiser is
AdamW on the adapters. `stock` is transformers and PEFT as they come: attention adapters, gradient checkpointing, at the lengths that fit.

The floor is 17 GFLOP a token (2.87 G active parameters; forward, once more, and the gradient of the input) at the rate at which this card multiplies bf16 matrices.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from training import nemotron_h
from training.base_settings import AdapterSettings, BaseSettings
from training.batch import NO_LOSS, Batch
from training.loss import loss_of
from training.model import attach_adapters, random_base
from training.recipe import find_recipe

PATTERN: Final = "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME"
KINDS: Final = {"M": "linear_attention", "E": "moe", "*": "full_attention"}
FLOOR: Final = 17e9
GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Row:
    precision: str
    targets: tuple[str, ...]
    tokens: int
    keep: str
    document: int
    budget: int
    """GiB that the allocator may hold; what does not fit in them ends the row."""
    wanted: str


_DENSE: Final = ("attention", "mamba", "shared_experts")
ROWS: Final = {
    "B1": Row("bf16", _DENSE, 16_384, "most", 2048, 90, ">= 16,000, <= 90 GiB"),
    "T1": Row("nf4", _DENSE, 16_384, "experts", 2048, 40, ">= 13,000, <= 40 GiB"),
    "T2": Row("nf4", (*_DENSE, "experts"), 16_384, "experts", 2048, 50, ">= 7,000, <= 50 GiB"),
    "T3": Row("nf4", _DENSE, 131_072, "least", 131_072, 110, ">= 8,000, <= 110 GiB"),
    "S": Row("nf4", _DENSE, 4_096, "least", 2048, 24, "<= 24 GiB"),
}


def full_shape() -> Any:
    from transformers import NemotronHConfig

    return NemotronHConfig(
        vocab_size=131_072,
        hidden_size=2688,
        layers_block_type=[KINDS[letter] for letter in PATTERN],
        num_attention_heads=32,
        num_key_value_heads=2,
        head_dim=128,
        intermediate_size=1856,
        mamba_num_heads=64,
        mamba_head_dim=64,
        n_groups=8,
        ssm_state_size=128,
        chunk_size=128,
        n_routed_experts=128,
        num_experts_per_tok=6,
        moe_intermediate_size=1856,
        moe_shared_expert_intermediate_size=3712,
        routed_scaling_factor=2.5,
        norm_topk_prob=True,
        max_position_embeddings=262_144,
    )


def tiny_shape() -> Any:
    from transformers import NemotronHConfig

    return NemotronHConfig(
        vocab_size=512,
        hidden_size=128,
        layers_block_type=[KINDS[letter] for letter in "MEM*EM"],
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        intermediate_size=128,
        mamba_num_heads=8,
        mamba_head_dim=64,
        n_groups=2,
        ssm_state_size=64,
        chunk_size=128,
        n_routed_experts=8,
        num_experts_per_tok=3,
        moe_intermediate_size=192,
        moe_shared_expert_intermediate_size=128,
        routed_scaling_factor=2.5,
    )


def packed_batch(tokens: int, document: int, vocabulary: int, device: str, seed: int) -> Batch:
    """Documents of half to one and a half times `document`; spans of 64 to 192 tokens carry loss."""
    generator = torch.Generator().manual_seed(seed)
    lengths: list[int] = []
    while sum(lengths) < tokens:
        drawn = tokens if document >= tokens else int(torch.randint(document // 2, document * 3 // 2, (1,), generator=generator))
        lengths.append(min(drawn, tokens - sum(lengths)))
    ids = torch.randint(0, vocabulary, (1, tokens), generator=generator)
    spans = torch.rand(tokens // 128 + 1, generator=generator) < 0.3
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    learnt = spans.repeat_interleave(128)[None, :tokens] & (positions > 0)
    return Batch(ids.to(device), torch.where(learnt, ids, NO_LOSS).to(device), positions.to(device))


def check(row: Row, device: str) -> dict[str, float]:
    """The relative errors of loss and adapter gradients against float64, on a tiny shape with every kind of layer. AssertionError past bf16's rounding."""
    settings = BaseSettings(path="random", precision=row.precision, compile=True, keep=row.keep)
    model = random_base(tiny_shape(), settings, device, seed=1)
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            # The same experts are chosen whatever the rounding; which they are differs from one another by more than scores can.
            buffer.copy_(torch.randperm(buffer.numel()).to(buffer) * 4)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.mul_(4)
    attach_adapters(model, find_recipe("nemotron-3-nano"), AdapterSettings(targets=row.targets, rank=8))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(0, 0.05)
    exact = deepcopy(model).to("cpu").double()
    nemotron_h.prepare(exact, BaseSettings(path="random", mamba="plain"))
    exact.padded_to = 1
    batch = packed_batch(1000, 300, 512, device, seed=3)
    loss, count = loss_of(model, batch)
    (loss / count).backward()
    true, _ = loss_of(exact, Batch(batch.input_ids.cpu(), batch.labels.cpu(), batch.position_ids.cpu()))
    (true / count).backward()
    found = torch.cat([p.grad.flatten().double().cpu() for p in model.parameters() if p.requires_grad])
    wanted = torch.cat([p.grad.flatten() for p in exact.parameters() if p.requires_grad])
    errors = {
        "loss": abs(loss.item() - true.item()) / abs(true.item()),
        "gradients": float((found - wanted).norm() / wanted.norm()),
    }
    assert errors["loss"] < 2e-3, errors
    assert errors["gradients"] < 5e-2, errors
    return errors


def measure(name: str, steps: int, out: Path | None, device: str = "cuda") -> dict[str, Any]:
    row = ROWS[name]
    result: dict[str, Any] = {"row": name, "tokens": row.tokens, "wanted": row.wanted, "keep": row.keep, "errors": check(row, device)}
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(row.budget * GIB / torch.cuda.get_device_properties(0).total_memory)
    settings = BaseSettings(path="random", precision=row.precision, compile=True, keep=row.keep)
    started = time.perf_counter()
    config = full_shape()
    model = random_base(config, settings, device)
    matched = attach_adapters(model, find_recipe("nemotron-3-nano"), AdapterSettings(targets=row.targets, rank=16))
    result["trainable"] = sum(kind.parameters for kind in matched.values())
    result["built_s"] = time.perf_counter() - started
    result["base_gib"] = torch.cuda.memory_allocated() / GIB
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    batches = [packed_batch(row.tokens, row.document, config.vocab_size, device, seed) for seed in range(4)]

    def step(batch: Batch) -> float:
        loss, count = loss_of(model, batch)
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return loss.item() / count

    started = time.perf_counter()
    step(batches[0])
    result["first_step_s"] = time.perf_counter() - started
    for batch in batches:
        step(batch)
    torch.cuda.reset_peak_memory_stats()
    times, losses = [], []
    for index in range(steps):
        torch.cuda.synchronize()
        started = time.perf_counter()
        losses.append(step(batches[index % len(batches)]))
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    result |= {
        "step_s": times,
        "tokens_s": row.tokens / statistics.median(times),
        "losses": losses,
        "peak_gib": torch.cuda.max_memory_allocated() / GIB,
        "reserved_gib": torch.cuda.max_memory_reserved() / GIB,
        "loss_tokens": int((batches[0].labels != NO_LOSS).sum()),
        "split_ms": split(model, batches[0], optimiser),
        "kernels_ms": kernels(lambda: step(batches[1])),
    }
    result["split_ms"]["dequantisation"] = result["kernels_ms"].get("_expand", 0.0)
    result["rate"] = matrix_rate(device)
    result["of_floor"] = result["tokens_s"] / (result["rate"] / FLOOR)
    if out is not None:
        (out / f"{name}.json").write_text(json.dumps(result, indent=1))
    return result


def split(model: Any, batch: Batch, optimiser: torch.optim.Optimizer) -> dict[str, float]:
    """Milliseconds of GPU time by kind of layer, forward and backward, of one step."""

    def mark() -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    forward: list[tuple[str, torch.cuda.Event]] = []
    backward: list[tuple[str, torch.cuda.Event]] = []
    hooks = []
    for layer in model.model.layers:
        kind = layer.block_type

        def after(_module: Any, _args: Any, output: torch.Tensor, kind: str = kind) -> None:
            forward.append((kind, mark()))
            if output.requires_grad:
                output.register_hook(lambda _gradient: backward.append((kind, mark())))

        hooks.append(layer.register_forward_hook(after))
    start = mark()
    loss, count = loss_of(model, batch)
    head = mark()
    (loss / count).backward()
    end = mark()
    optimiser.step()
    done = mark()
    for hook in hooks:
        hook.remove()
    optimiser.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    spent: dict[str, float] = defaultdict(float)
    last = start
    for kind, event in forward:
        spent[f"{kind} forward"] += last.elapsed_time(event)
        last = event
    spent["head"] = last.elapsed_time(head) + head.elapsed_time(backward[0][1])
    # A layer's backward pass lies between the gradient of what it gave and that of what the layer before gave.
    for (kind, event), (_, following) in zip(backward, [*backward[1:], ("", end)], strict=True):
        spent[f"{kind} backward"] += event.elapsed_time(following)
    spent["optimiser"] = end.elapsed_time(done)
    return dict(spent)


def kernels(step: Any, most: int = 25) -> dict[str, float]:
    """Milliseconds of the kernels that took the longest."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        step()
        torch.cuda.synchronize()
    spent = {event.key: event.self_device_time_total / 1000 for event in seen.key_averages() if event.self_device_time_total > 0}
    named: dict[str, float] = defaultdict(float)
    for key, ms in spent.items():
        named[key[:100]] += ms
    longest = sorted(named.items(), key=lambda pair: -pair[1])
    return dict(longest[:most]) | {"all kernels": sum(spent.values())}


def matrix_rate(device: str) -> float:
    """FLOP/s of a product of 8192 by 8192 by 8192 in bf16, median of ten."""
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for index in range(13):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        torch.mm(a, b)
        last.record()
        torch.cuda.synchronize()
        if index >= 3:
            times.append(first.elapsed_time(last) / 1000)
    return 2 * 8192**3 / statistics.median(times)


def stock(tokens: int, steps: int = 2) -> dict[str, Any]:
    """transformers and PEFT as they come, bf16. Its memory in GiB and tokens/s, or `error`."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model: Any = AutoModelForCausalLM.from_config(full_shape(), dtype=torch.bfloat16)
    torch.set_default_dtype(torch.float32)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    model.enable_input_require_grads()
    model = get_peft_model(model, LoraConfig(r=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]))
    model.train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    batch = packed_batch(tokens, tokens, 131_072, "cuda", 0)
    times = []
    try:
        for _ in range(1 + steps):
            torch.cuda.synchronize()
            started = time.perf_counter()
            model(input_ids=batch.input_ids, labels=batch.labels, use_cache=False).loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - started)
    except torch.OutOfMemoryError:
        return {"row": f"stock {tokens}", "tokens": tokens, "error": "out of memory"}
    return {
        "row": f"stock {tokens}",
        "tokens": tokens,
        "step_s": times[1:],
        "tokens_s": tokens / statistics.median(times[1:]),
        "peak_gib": torch.cuda.max_memory_allocated() / GIB,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=[*ROWS, "stock"])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, _, tokens = arguments.one.partition(":")
        print(json.dumps(stock(int(tokens)) if kind == "stock" else measure(kind, arguments.steps, arguments.out)))
        return
    if not torch.cuda.is_available():
        raise SystemExit("error: this measures a GPU, and torch sees none")
    names = [one for name in arguments.rows for one in (("stock:2048", "stock:8192") if name == "stock" else (name,))]
    rows = []
    for name in names:
        command = [sys.executable, "-m", "benchmarks.train_nemotron_h", "--one", name, "--steps", str(arguments.steps)]
        command += ["--out", str(arguments.out)] if arguments.out else []
        # Without it the allocator keeps more than tensors take, in pieces that fit nothing.
        environment = os.environ | {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            rows.append({"row": name, "tokens": 0, "error": (ended.stderr.strip().splitlines() or ["?"])[-1][:200]})
            print(ended.stderr[-6000:], file=sys.stderr)
        else:
            rows.append(json.loads(ended.stdout.strip().splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    show(rows)


def show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "tokens", "tokens/s", "GiB (reserved)", "wanted", "of floor", "split, ms")
    for row in rows:
        spent = ", ".join(f"{kind} {ms:.0f}" for kind, ms in row.get("split_ms", {}).items())
        speed = f"{row['tokens_s']:,.0f}" if "tokens_s" in row else row["error"]
        floor = f"{row['of_floor']:.2f}" if "of_floor" in row else ""
        table.add_row(
            row["row"],
            f"{row['tokens']:,}",
            speed,
            f"{row.get('peak_gib', 0):.1f} ({row.get('reserved_gib', 0):.1f})",
            row.get("wanted", ""),
            floor,
            spent,
        )
    Console(width=200).print(table)


if __name__ == "__main__":
    main()

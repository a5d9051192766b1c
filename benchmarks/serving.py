"""Tokens a second of the server that `harness serve` starts, with random weights: prints a table.

    python -m benchmarks.serving [--at-once 1 16 128] [--input 2000] [--output 128] [--adapters] [--log FILE] [-- OPTIONS OF THE SERVER]

The model is Nemotron 3 Nano's full shape (31.6 B parameters) with weights that the server draws itself, so no checkpoint is needed, only a GPU that holds
it and vLLM. Command, parsers and context are the recipe's and this machine's; LoRA is on. Every request has tokens of its own, so that no prefix is
found in a cache, and its answer has all the tokens that were asked for. `--adapters` also makes adapters of that shape, in vLLM's layout, loads them while the
server runs, and proves that they are active. Readiness is the server's own word here: a model of random weights calls no tools.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from harness.adapters import AdapterApi
from harness.checkpoint import read_checkpoint
from harness.machine import this_machine
from harness.server_command import Choice, server_command
from harness.serving import Server, stopping
from training.recipe import find_recipe

RECIPE = "nemotron-3-nano"
RANK = 16
CONTEXT = 32_768
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
ADAPTERS = {"dense": ("attention", "mamba", "shared_experts"), "experts": ("experts",)}


def make_checkpoint(place: Path) -> None:
    """A configuration and a tokenizer, without weights."""
    from benchmarks.train_nemotron_h import PATTERN, full_shape

    config = full_shape()
    config.save_pretrained(place)
    # As the published checkpoint says it, and vLLM reads it.
    told = json.loads((place / "config.json").read_text(encoding="utf-8"))
    del told["layers_block_type"]
    told |= {"architectures": ["NemotronHForCausalLM"], "torch_dtype": "bfloat16"}
    told |= {"hybrid_override_pattern": PATTERN, "num_hidden_layers": len(PATTERN)}
    (place / "config.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    make_tokenizer(4096, config.vocab_size).save_pretrained(place)


def make_tokenizer(learnt: int, size: int) -> Any:  # noqa: ANN401 - transformers is not typed
    """Of pieces `learnt` from this project's own sources, and a text for every other id below `size`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<unk>", "<think>", "</think>", "<tool_call>", "</tool_call>"]
    trainer = trainers.BpeTrainer(vocab_size=learnt, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    sources = [file.read_text(encoding="utf-8") for file in sorted(Path(__file__).parents[1].glob("harness/*.py"))]
    tokenizer.train_from_iterator(sources, trainer)
    # A text for every id that the head knows: two answers of other tokens are two texts.
    whole = json.loads(tokenizer.to_str())
    words = whole["model"]["vocab"]
    words |= {f"<{number}>": number for number in range(len(words), size)}
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", unk_token="<unk>", chat_template=TEMPLATE)


def make_adapters(place: Path) -> None:
    """In vLLM's layout, from a 4-bit base on the GPU; runs before the server, in a process of its own."""
    import torch

    from benchmarks.train_nemotron_h import full_shape
    from training.base_settings import AdapterSettings, BaseSettings
    from training.export import export_layout
    from training.model import attach_adapters, random_base, save_adapter

    for name, targets in ADAPTERS.items():
        model = random_base(full_shape(), BaseSettings(path="random", precision="nf4"), "cuda")
        attach_adapters(model, find_recipe(RECIPE), AdapterSettings(targets=targets, rank=RANK))
        for parameter in model.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter.data)  # large beside the thousandths that vLLM draws for a base
        save_adapter(model, place / f"{name}-peft")
        export_layout(place / f"{name}-peft", place / name, "vllm")
        del model
        torch.cuda.empty_cache()


async def wait_until_healthy(server: Server, seconds: float) -> float:
    root = server.command.base_url.removesuffix("/v1")
    started = time.monotonic()
    async with httpx.AsyncClient() as client:
        while time.monotonic() - started < seconds:
            try:
                if (await client.get(f"{root}/health", timeout=5)).status_code == 200:
                    return time.monotonic() - started
            except httpx.HTTPError:
                pass
            await asyncio.sleep(1)
    raise SystemExit("\n".join(["the server is not ready", *server.last_lines(60)]))


async def tokens_per_second(server: Server, at_once: int, given: int, wanted: int) -> tuple[float, float]:
    """Over all requests, and the seconds that they took."""
    numbers = random.Random(at_once)
    answered = 0

    async def ask(client: httpx.AsyncClient) -> None:
        nonlocal answered
        body: dict[str, Any] = {"model": server.command.served_name, "prompt": [numbers.randrange(7, 4096) for _ in range(given)]}
        body |= {"max_tokens": wanted, "temperature": 1.0, "ignore_eos": True}
        response = await client.post(f"{server.command.base_url}/completions", json=body, timeout=600)
        response.raise_for_status()
        answered += response.json()["usage"]["completion_tokens"]

    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(limits=limits) as client:
        await asyncio.gather(*(ask(client) for _ in range(at_once)))  # kernels are compiled when they are first met
        answered, started = 0, time.monotonic()
        await asyncio.gather(*(ask(client) for _ in range(2 * at_once)))
        seconds = time.monotonic() - started
    return answered / seconds, seconds


async def measure(options: argparse.Namespace, place: Path) -> None:
    console = Console(width=160)
    recipe = find_recipe(RECIPE)
    more = ("--load-format", "dummy", *options.more)
    choice = Choice(served_name="nemotron", context=CONTEXT, max_rank=RANK, port=options.port, more=more)
    command = server_command(read_checkpoint(str(place / "model"), recipe), recipe, this_machine(), choice)
    console.print(shlex.join(command.argv), markup=False)
    server = Server(command, options.log, recipe=recipe)
    table = Table("at once", "tokens/s", "seconds", title=f"{options.input} tokens in, {options.output} out")
    async with stopping(server):
        await server.start()
        console.print(f"healthy after {await wait_until_healthy(server, options.ready_seconds):.0f} s")
        for at_once in options.at_once:
            rate, seconds = await tokens_per_second(server, at_once, options.input, options.output)
            table.add_row(str(at_once), f"{rate:,.0f}", f"{seconds:.1f}")
        console.print(table)
        for name in ADAPTERS if options.adapters else ():
            api = AdapterApi(command.base_url)
            try:
                started = time.monotonic()
                await api.load(name, place / name)
                proof = await api.prove(name, command.served_name)
                seconds = time.monotonic() - started
                console.print(
                    f"adapter {name}: {proof.different} of {proof.prompts} answers differ from the base's, {seconds:.1f} s with loading"
                )
            except Exception as error:  # noqa: BLE001 - one that is refused is a finding, and the others go on
                console.print(f"adapter {name}: {error}", markup=False)


def main() -> None:
    words = sys.argv[1:]
    own, more = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16, 128])
    parser.add_argument("--input", type=int, default=2000)
    parser.add_argument("--output", type=int, default=128)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--ready-seconds", type=float, default=400)
    parser.add_argument("--adapters", action="store_true")
    parser.add_argument("--log", type=Path, default=Path("server.log"))
    parser.add_argument("--make-adapters", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(own)
    options.more = more
    if options.make_adapters is not None:
        make_adapters(options.make_adapters)
        return
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as place:
        make_checkpoint(Path(place) / "model")
        if options.adapters:
            subprocess.run([sys.executable, "-m", "benchmarks.serving", "--make-adapters", place], check=True)
        asyncio.run(measure(options, Path(place)))


if __name__ == "__main__":
    main()

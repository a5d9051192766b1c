"""The grammar of `harness serve`, `harness adapters` and `harness system-info`. What they do is in `serve_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.shared_options import positive, whole


def add_serve_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="start a model's server, with what its recipe and this machine call for")
    serve.set_defaults(command="serving", action="serve")
    serve.add_argument("model", metavar="MODEL", help="a directory, or a hub's name")
    serve.add_argument("--adapter", action="append", default=[], metavar="NAME=PATH", help="served beside the model; may be given again")
    serve.add_argument("--engine", choices=["vllm", "sglang", "tensorrt-llm", "transformers"], default="vllm", help="default: vllm")
    serve.add_argument("--recipe", metavar="NAME", help="of the model's family, a name or a TOML (default: by the model's name or type)")
    serve.add_argument(
        "--environment", type=Path, metavar="DIR", help="a virtual environment that has the server (default: what is on PATH)"
    )
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=whole(1, 65535), default=8000)
    serve.add_argument("--served-name", metavar="NAME", help="default: the model's own")
    serve.add_argument("--dtype", choices=["bf16", "fp8", "nvfp4"], help="default: the widest that fits")
    serve.add_argument("--context", type=whole(1), metavar="TOKENS", help="default: what the memory beside the weights holds")
    serve.add_argument("--tensor-parallel", type=whole(1), metavar="N")
    serve.add_argument("--data-parallel", type=whole(1), metavar="N")
    serve.add_argument("--max-lora-rank", type=whole(1), metavar="R", help="adapters can be loaded while it runs, of up to this rank")
    serve.add_argument("--log", type=Path, metavar="FILE", help="default: below the cache, one for each port")
    serve.add_argument("--ready-seconds", type=positive, default=1800.0, metavar="S", help="until a tool call must have gone through")
    serve.add_argument("--restart", action="store_true", help="start it again when it ends by itself")
    serve.add_argument("--dry-run", action="store_true", help="print the command and why it is this one")
    serve.add_argument("--json", action="store_true", help="with --dry-run: as JSON")
    serve.set_defaults(more=[])
    serve.epilog = "After --: the server's own options."

    adapters = commands.add_parser("adapters", help="adapters on a server that runs").add_subparsers(required=True, metavar="COMMAND")
    for name, words in (
        ("list", "what it serves"),
        ("load", "serve one more, under a name of this version's own"),
        ("unload", "serve it no more"),
        ("prove", "whether its answers are others than the base's"),
        ("parity", "whether it answers what was trained; `python -m training.parity` writes what that is"),
    ):
        action = adapters.add_parser(name, help=words)
        action.set_defaults(command="serving", action=f"adapters {name}")
        action.add_argument("--base-url", required=True, metavar="URL", help="of the server, ending in /v1")
        if name == "load":
            action.add_argument("adapter", metavar="NAME=PATH")
            action.add_argument(
                "--into", type=Path, default=Path("adapters"), metavar="DIR", help="where its copy is kept (default: adapters/)"
            )
        elif name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "parity":
            action.add_argument("--expected", type=Path, required=True, metavar="FILE.json")
            action.add_argument(
                "--tolerance", type=float, metavar="NATS", help="a token, in the mean (default: by the trainer's precision)"
            )
        if name in ("load", "prove"):
            action.add_argument("--base", metavar="NAME", help="the base to compare with (default: the server's)")

    system = commands.add_parser("system-info", help="hardware, driver, CUDA and versions as JSON")
    system.set_defaults(command="serving", action="system-info")

"""The grammar of `harness train …` and `harness chat`. What the commands do is in `train_commands` and `chat_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_train_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = {
        "dapt": "adapt a model to texts, such as a corpus of code",
        "sft": "teach a model the answers of recorded conversations",
        "dpo": "teach a model which of two ways on is to be preferred",
    }
    methods = commands.add_parser("train", help="train adapters on what runs recorded").add_subparsers(required=True, metavar="METHOD")
    for name, word in words.items():
        method = methods.add_parser(name, help=word)
        method.set_defaults(command="train", action=name)
        method.add_argument("config", type=Path, metavar="CONFIG.toml", help="complete examples are in training/configs")
        method.add_argument("--dry-run", action="store_true", help="print what would be trained, memory and time; nothing is loaded")
        method.add_argument("--quiet", "-q", action="store_true", help="no progress")


def add_chat_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    chat = commands.add_parser("chat", help="a quick look at a model: one prompt, or a session")
    chat.set_defaults(command="chat")
    chat.add_argument("prompt", nargs="?", metavar="PROMPT", help="what is asked; without it, a session on the terminal")
    chat.add_argument("--model", required=True, metavar="MODEL", help="a directory, a hub's name, or a server's URL")
    chat.add_argument("--base-url", metavar="URL", help="where --model is served: a server of several models or adapters")
    chat.add_argument("--adapter", type=Path, metavar="DIR", help="in PEFT's layout, such as a run's adapter/")
    chat.add_argument("--recipe", metavar="NAME", help="default: by the model's name or type")
    chat.add_argument("--precision", choices=["bf16", "nf4", "fp4", "fp32"], default="bf16")
    chat.add_argument("--device", choices=["auto", "cuda", "cpu"], default="auto")
    thinking = chat.add_mutually_exclusive_group()
    thinking.add_argument("--think", dest="thinking", action="store_const", const=True, help="default: as the template does by itself")
    thinking.add_argument("--no-think", dest="thinking", action="store_const", const=False)
    chat.add_argument("--system", metavar="TEXT", help="a system prompt")
    chat.add_argument("--max-tokens", type=int, default=1024, metavar="N")
    chat.add_argument("--temperature", type=float, metavar="T", help="default: the recipe's; 0: greedy")
    chat.add_argument("--seed", type=int, default=0, metavar="N")

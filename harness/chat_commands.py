"""`harness chat`: one prompt, or a session, with a model on this machine or behind a URL."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.config import ConfigError, ModelSettings
from harness.console import Screen
from harness.eval_commands import model_settings
from harness.extras import needs_extra
from tasks.integrity import printable

Answer = Callable[[Sequence[Mapping[str, Any]]], Iterator[str]]


def chat(options: argparse.Namespace, screen: Screen) -> bool:
    """Thinking is part of what is printed, and is not sent back. The session ends with an empty line's end of input, or /exit; /new begins another."""
    _check(options)
    served = options.base_url is not None or options.model.startswith(("http://", "https://"))
    if served and options.adapter is not None:
        raise ConfigError("--adapter goes with a model on this machine; a server has adapters of its own")
    answer = _served(options) if served else _local(options)
    opening = [{"role": "system", "content": options.system}] if options.system else []
    if options.prompt is not None:
        _ask(answer, [*opening, {"role": "user", "content": options.prompt}])
        return True
    screen.say("a session: /new begins anew, /exit or Ctrl-D ends it, Ctrl-C stops an answer")
    messages = list(opening)
    while (line := _line()) is not None and line.strip() != "/exit":
        if line.strip() == "/new":
            messages = list(opening)
        elif line.strip():
            messages.append({"role": "user", "content": line})
            try:
                said = _ask(answer, messages)
            except ConfigError as error:
                messages.pop()
                screen.say(f"{error}; what was asked is forgotten, the session goes on")
                continue
            messages.append({"role": "assistant", "content": said.rpartition("</think>")[2].strip()})
    return True


def _check(options: argparse.Namespace) -> None:
    if options.max_tokens < 1:
        raise ConfigError(f"--max-tokens is {options.max_tokens}: at least 1")
    if options.temperature is not None and not 0 <= options.temperature < math.inf:
        raise ConfigError(f"--temperature is {options.temperature}: 0 for the likeliest token, or more")
    if not 0 <= options.seed < 2**63:
        raise ConfigError(f"--seed is {options.seed}: from 0 to 2**63 - 1")


def _ask(answer: Answer, messages: Sequence[Mapping[str, Any]]) -> str:
    said = ""
    pieces = answer(messages)
    try:
        for piece in pieces:
            said += piece
            # Whatever a model writes, it does not steer the terminal.
            sys.stdout.write("".join(each if each in "\n\t" else printable(each) for each in piece))
            sys.stdout.flush()
    except KeyboardInterrupt:
        said += " …"
    finally:
        if isinstance(pieces, Iterator) and hasattr(pieces, "close"):
            pieces.close()
    sys.stdout.write("\n")
    return said


def _line() -> str | None:
    try:
        return input("> " if sys.stdin.isatty() else "")
    except EOFError:
        return None


def _local(options: argparse.Namespace) -> Answer:
    with needs_extra("train"):
        from training.base_settings import BaseSettings
        from training.conversation import LocalModel, Sampling
        from training.processes import start_processes

    device = start_processes(options.device).device
    model = LocalModel(BaseSettings(path=options.model, precision=options.precision), options.adapter, options.recipe, device)
    sampling = Sampling(max_tokens=options.max_tokens, temperature=options.temperature, seed=options.seed)
    return lambda messages: model.answer(messages, thinking=options.thinking, sampling=sampling)


def _served(options: argparse.Namespace) -> Answer:
    from harness.discovery import discover
    from harness.streamed import StreamedModel

    model = StreamedModel(asyncio.run(discover(ModelSettings.model_validate(model_settings(options)))))
    asked: dict[str, Any] = {"max_tokens": options.max_tokens, "seed": options.seed}
    if options.temperature is not None:
        asked["temperature"] = options.temperature
    if options.thinking is not None:
        asked["extra_body"] = {"chat_template_kwargs": {"enable_thinking": options.thinking}}
    return lambda messages: model.answer(messages, asked)

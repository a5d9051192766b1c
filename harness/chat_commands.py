"""`harness chat`: one prompt, or a session, with a model on this machine or behind a URL."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.config import ConfigError
from harness.console import Screen
from harness.extras import needs_extra
from tasks.integrity import printable

Answer = Callable[[Sequence[Mapping[str, Any]]], Iterator[str]]


def chat(options: argparse.Namespace, screen: Screen) -> bool:
    """Thinking is part of what is printed, and is not sent back. The session ends with an empty line's end of input, or /exit; /new begins another."""
    _check(options)
    url = options.model.startswith(("http://", "https://"))
    if url and options.adapter is not None:
        raise ConfigError("--adapter goes with a model on this machine; a server has adapters of its own")
    answer = _served(options) if url else _local(options)
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
            said = _ask(answer, messages)
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
    import openai

    client = openai.OpenAI(base_url=options.model, api_key=os.environ.get("OPENAI_API_KEY") or "none")
    ask: Any = client.chat.completions.create
    sampling: dict[str, Any] = {"max_tokens": options.max_tokens, "seed": options.seed}
    if options.temperature is not None:
        sampling["temperature"] = options.temperature
    if options.thinking is not None:
        sampling["extra_body"] = {"chat_template_kwargs": {"enable_thinking": options.thinking}}

    def answer(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        try:
            stream = ask(model=client.models.list().data[0].id, messages=list(messages), stream=True, **sampling)
            thinking = False
            for chunk in stream:
                delta = chunk.choices[0].delta if chunk.choices else None
                thought = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
                if thought:
                    yield thought if thinking else f"<think>\n{thought}"
                    thinking = True
                if delta is not None and delta.content:
                    yield f"\n</think>\n{delta.content}" if thinking else delta.content
                    thinking = False
        except (openai.OpenAIError, IndexError) as error:
            raise ConfigError(f"{options.model}: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error

    return answer

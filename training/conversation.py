"""A quick look at a model: a conversation, the answer as it comes. Local, by transformers' `generate`; no server, and no speed to speak of."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.base_settings import BaseSettings
from training.errors import TrainingError
from training.family import Family, read_family
from training.model import load_adapter, load_base
from training.recipe import Preset
from training.rendering import Renderer


@dataclass(frozen=True, slots=True)
class Sampling:
    max_tokens: int = 1024
    temperature: float | None = None
    """None: the recipe's; 0: greedy."""
    seed: int = 0


class LocalModel:
    """A base with or without an adapter. TrainingError when it cannot be read, or has no chat template."""

    def __init__(self, base: BaseSettings, adapter: Path | None, recipe: str | None, device: torch.device) -> None:
        self._family: Family = read_family(base, recipe)
        self._renderer = Renderer(self._family.tokenizer, self._family.recipe)
        self._model: Any = load_base(base, self._family.recipe, device)
        if adapter is not None:
            load_adapter(self._model, adapter)
        self._model.eval()
        self._device = device

    def answer(self, messages: Sequence[Mapping[str, Any]], *, thinking: bool | None, sampling: Sampling) -> Iterator[str]:
        """Pieces of text as they come, without the token that ends the turn. Thinking that the prompt has opened begins with the mark that opened it."""
        from transformers import TextIteratorStreamer

        tokenizer = self._family.tokenizer
        prompt = self._renderer.prompt(messages, (), thinking=thinking)
        opening = self._family.recipe.thinking.open if self._family.recipe.thinking is not None else None
        if opening is not None and prompt.rstrip().endswith(opening):
            yield f"{opening}\n"
        ids = torch.tensor([tokenizer.encode(prompt, add_special_tokens=False)], device=self._device)
        streamer: Any = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        failed: list[BaseException] = []
        stop = threading.Event()

        def work() -> None:
            try:
                torch.manual_seed(sampling.seed)
                self._model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    streamer=streamer,
                    max_new_tokens=sampling.max_tokens,
                    use_cache=True,
                    eos_token_id=self._ends(),
                    pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self._ends()[0],
                    stopping_criteria=[lambda *_: stop.is_set()],
                    **self._options(sampling, thinking=thinking),
                )
            except BaseException as error:  # noqa: BLE001 - told to whoever reads the stream
                failed.append(error)
                streamer.end()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield from streamer
        finally:
            stop.set()
            thread.join()
        if failed:
            raise failed[0]

    def _ends(self) -> list[int]:
        if not self._family.ends:
            raise TrainingError("the end of a turn is not known: set template.end of the recipe")
        return self._family.ends

    def _options(self, sampling: Sampling, *, thinking: bool | None) -> dict[str, Any]:
        presets = self._family.recipe.sampling
        preset = presets.get("no_reasoning" if thinking is False else "reasoning") or Preset()
        temperature = sampling.temperature if sampling.temperature is not None else preset.temperature
        if not temperature:
            return {"do_sample": False}
        given = {"top_p": preset.top_p, "top_k": preset.top_k, "min_p": preset.min_p}
        return {"do_sample": True, "temperature": temperature, **{name: value for name, value in given.items() if value is not None}}

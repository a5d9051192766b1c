"""The trainer's side of the parity check: an `Expectation` from a base, with an adapter or merged.

    python -m training.parity --base DIR [--adapter DIR | --merged DIR] --output FILE.json

The numbers are those of training: its loading, its precision, its packed rows (all prompts in one, so that a token costs one pass for all of them).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from training.adapter_files import digest
from training.base_settings import BaseSettings, Precision
from training.batch import NO_LOSS, Batch
from training.divergence import free
from training.errors import TrainingError
from training.expectation import PROMPTS, TOKENS, Continuation, Expectation
from training.family import Family, read_family
from training.loss import logits_of, token_logprobs_of
from training.model import adapters_off, load_adapter, load_base
from training.origin import checkpoint_digest
from training.processes import device_of

Ids = list[int]


def expect(
    base: BaseSettings,
    *,
    adapter: Path | None = None,
    merged: Path | None = None,
    recipe: str | None = None,
    device: str = "cpu",
    prompts: Sequence[str] = PROMPTS,
    tokens: int = TOKENS,
) -> Expectation:
    """Of the base with `adapter`, of the checkpoint `merged` that was made from it, or of the base alone. One model is in memory at a time.

    TrainingError when a model cannot be loaded, the adapter is of another base, or there is no chat template.
    """
    if adapter is not None and merged is not None:
        raise TrainingError("an adapter, or the checkpoint that it was merged into: not both")
    family = read_family(base, recipe)
    place = device_of(device)
    asked = [_asked(family, prompt) for prompt in prompts]
    decode = _Decode(tokens, frozenset(family.ends))
    with torch.no_grad():
        if merged is not None:
            model = load_base(base.model_copy(update={"path": str(merged)}), family.recipe, place).eval()
            trained = decode(model, asked)
            logprobs = _scored(model, asked, trained)
            del model
            free(place)
        model = load_base(base, family.recipe, place)
        directory = Path(model.harness_base)
        if adapter is not None:
            load_adapter(model, adapter)
        model.eval()
        if merged is None:
            trained = decode(model, asked)
            logprobs = _scored(model, asked, trained)
        with adapters_off(model):
            base_logprobs, alone = _scored(model, asked, trained), decode(model, asked)
        del model
        free(place)
    rows = zip(prompts, asked, trained, logprobs, base_logprobs, alone, strict=True)
    thinking = family.recipe.thinking
    return Expectation(
        base=base.path,
        base_sha256=checkpoint_digest(directory),
        adapter=str(adapter) if adapter is not None else None,
        adapter_sha256=digest(adapter) if adapter is not None else None,
        merged=str(merged) if merged is not None else None,
        recipe=family.recipe.name,
        template_kwargs=family.recipe.template.kwargs,
        thinking_marks=(thinking.open, thinking.close) if thinking is not None else (),
        precision=base.precision,
        tokens=tokens,
        continuations=tuple(
            Continuation(
                prompt=prompt,
                prompt_ids=tuple(before),
                ids=tuple(ids),
                text=_text(family, ids),
                logprobs=tuple(mine),
                base_logprobs=tuple(theirs),
                base_text=_text(family, others),
            )
            for prompt, before, ids, mine, theirs, others in rows
        ),
    )


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes as the command line's: 2 with one line for what a person can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m training.parity", description="what a server has to answer when it serves what was trained"
    )
    parser.add_argument("--base", required=True, metavar="DIR", help="a directory, or a hub's name")
    parser.add_argument("--adapter", type=Path, metavar="DIR")
    parser.add_argument("--merged", type=Path, metavar="DIR", help="the checkpoint that has the adapter in its weights")
    parser.add_argument("--recipe", metavar="NAME", help="default: by the base's name or type")
    parser.add_argument("--precision", choices=get_args(Precision), default="bf16")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--tokens", type=int, default=TOKENS, metavar="N", help=f"the most of one continuation (default: {TOKENS})")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    options = parser.parse_args(words)
    try:
        made = expect(
            BaseSettings(path=options.base, precision=options.precision),
            adapter=options.adapter,
            merged=options.merged,
            recipe=options.recipe,
            device=options.device,
            tokens=options.tokens,
        )
        options.output.parent.mkdir(parents=True, exist_ok=True)
        beside = options.output.with_name(f".{options.output.name}.partial")
        beside.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
        beside.replace(options.output)
    except (TrainingError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    count = sum(len(each.ids) for each in made.continuations)
    sys.stdout.write(
        f"{options.output}: {len(made.continuations)} prompts, {count} tokens, {made.apart:.3g} nats a token from the bare base\n"
    )
    return 0


@dataclass(frozen=True, slots=True)
class _Decode:
    """Continuations without sampling, each up to and with a token that ends the turn."""

    tokens: int
    ends: frozenset[int]

    def __call__(self, model: Any, asked: Sequence[Ids]) -> list[Ids]:
        made: list[Ids] = [[] for _ in asked]
        open_rows = list(range(len(asked)))
        for _ in range(self.tokens):
            # What stands for the next token is only there to be predicted.
            batch = _packed([[*asked[row], *made[row], 0] for row in open_rows], [1] * len(open_rows), model.device)
            for row, token in zip(open_rows, logits_of(model, batch).argmax(dim=-1).tolist(), strict=True):
                made[row].append(token)
            open_rows = [row for row in open_rows if made[row][-1] not in self.ends]
            if not open_rows:
                break
        return made


def _scored(model: Any, asked: Sequence[Ids], answers: Sequence[Ids]) -> list[list[float]]:
    """The log-probability of each token of the answers."""
    lengths = [len(answer) for answer in answers]
    rows = [[*before, *answer] for before, answer in zip(asked, answers, strict=True)]
    parts = token_logprobs_of(model, _packed(rows, lengths, model.device)).split(lengths)
    return [part.tolist() for part in parts]


def _packed(rows: Sequence[Ids], learned: Sequence[int], device: torch.device) -> Batch:
    """The last `learned` of each row carry loss."""
    ids = torch.tensor([token for row in rows for token in row], device=device)[None]
    labels = [[NO_LOSS] * (len(row) - count) + row[len(row) - count :] for row, count in zip(rows, learned, strict=True)]
    positions = torch.cat([torch.arange(len(row), device=device) for row in rows])[None]
    return Batch(ids, torch.tensor([label for each in labels for label in each], device=device)[None], positions)


def _asked(family: Family, prompt: str) -> Ids:
    """As a server renders it, by the template as it is: one that writes the date writes today's."""
    tokenizer = family.tokenizer
    if not isinstance(tokenizer.chat_template, str):
        raise TrainingError("the tokenizer has no chat template: a server could not be asked the same")
    text: str = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False, **family.recipe.template.kwargs
    )
    ids: Ids = tokenizer.encode(text, add_special_tokens=False)
    return ids


def _text(family: Family, ids: Ids) -> str:
    text: str = family.tokenizer.decode(ids, skip_special_tokens=True)
    return text


if __name__ == "__main__":
    sys.exit(main())

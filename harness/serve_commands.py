"""`harness serve | adapters | system-info`: each calls one function and prints. True when all is as it should be."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from harness.adapters import AdapterApi, versioned
from harness.checkpoint import read_adapter, read_checkpoint
from harness.config import ConfigError, ModelSettings, server_url
from harness.console import Screen
from harness.endpoint import authorization
from harness.machine import this_machine
from harness.parity import TOLERANCES, check_parity
from harness.server_command import Choice, ServerCommand, server_command
from harness.serving import Server, keep_serving
from sandboxes.images.recipe import cache_directory
from tasks.integrity import printable
from training.expectation import read_expectation
from training.recipe import Recipe, find_recipe, recipe_for


async def _serve(options: argparse.Namespace, screen: Screen) -> bool:
    checkpoint = read_checkpoint(options.model)
    recipe: Recipe | None = find_recipe(options.recipe) if options.recipe else recipe_for(options.model, checkpoint.model_type)
    checkpoint = read_checkpoint(options.model, recipe)
    adapters = [read_adapter(*_named(text)) for text in options.adapter]
    choice = Choice(
        engine=options.engine, host=options.host, port=options.port, served_name=options.served_name, dtype=options.dtype, context=options.context,
        tensor_parallel=options.tensor_parallel, data_parallel=options.data_parallel, max_rank=options.max_lora_rank,
        environment=options.environment, more=tuple(options.more),
    )  # fmt: skip
    command = server_command(checkpoint, recipe, this_machine(), choice, adapters)
    log = options.log or cache_directory() / "servers" / f"{options.engine}-{options.port}.log"
    if options.dry_run:
        _show(command, recipe, log.parent, screen, as_json=options.json)
        return True
    for note in command.notes:
        screen.say(note)
    server = Server(command, log, recipe=recipe, say=screen.say)
    screen.say(f"log: {log}")

    def ready(how: str) -> None:
        names = ", ".join([command.served_name, *(adapter.name for adapter in adapters)])
        screen.out.print(f"{command.base_url} serves {names} (a tool call went through, {how}) until Ctrl-C", markup=False)
        screen.out.file.flush()  # whoever waits for this line at the end of a pipe waits no longer

    await keep_serving(server, ready_seconds=options.ready_seconds, restart=options.restart, on_ready=ready)
    return True


def _show(command: ServerCommand, recipe: Recipe | None, directory: Path, screen: Screen, *, as_json: bool) -> None:
    """The command as a shell takes it, the files that it names before it."""
    argv = command.argv_at(directory)
    if as_json:
        told = {
            "engine": command.engine, "argv": argv, "env": command.env, "base_url": command.base_url, "served_name": command.served_name,
            "recipe": recipe.name if recipe else None, "files": {str(directory / name): text for name, text in command.files.items()},
            "notes": command.notes,
        }  # fmt: skip
        screen.out.print(json.dumps(told, indent=1), markup=False)
        return
    for note in (f"recipe: {recipe.name}" if recipe else "no recipe knows this model: no parsers", *command.notes):
        screen.out.print(f"# {note}", markup=False)
    for name, content in command.files.items():
        place = shlex.quote(str(directory))
        screen.out.print(f"mkdir -p {place} && cat > {place}/{name} <<'END'\n{content}\nEND", markup=False)
    before = [f"{name}={shlex.quote(value)}" for name, value in command.env.items()]
    screen.out.print(" ".join([*before, shlex.join(argv)]), markup=False)


async def _adapters_list(options: argparse.Namespace, screen: Screen) -> bool:
    names = await _api(options).names()
    screen.table(("model", "adapter of"), [(name, parent or "") for name, parent in names.items()])
    return True


async def _adapters_load(options: argparse.Namespace, screen: Screen) -> bool:
    api = _api(options)
    name, path = versioned(*_named(options.adapter), options.into)
    base = options.base or await _base(api)
    await api.load(name, path)
    return await _tell_proof(api, name, base, screen)


async def _adapters_unload(options: argparse.Namespace, screen: Screen) -> bool:
    await _api(options).unload(options.name)
    screen.out.print(f"{options.name} is no longer served", markup=False)
    return True


async def _adapters_prove(options: argparse.Namespace, screen: Screen) -> bool:
    api = _api(options)
    return await _tell_proof(api, options.name, options.base or await _base(api), screen)


async def _adapters_parity(options: argparse.Namespace, screen: Screen) -> bool:
    expected = read_expectation(options.expected)
    tolerance = TOLERANCES[expected.precision] if options.tolerance is None else options.tolerance
    found = await check_parity(expected, ModelSettings(name=options.name, base_url=server_url(options.base_url)), tolerance=tolerance)
    screen.out.print(printable(found.words), markup=False)
    return found.holds


async def _tell_proof(api: AdapterApi, name: str, base: str, screen: Screen) -> bool:
    proof = await api.prove(name, base)
    words = "active" if proof.active else "NOT ACTIVE"
    screen.out.print(f"{name} is {words}: {proof.different} of {proof.prompts} answers differ from those of {base}", markup=False)
    return proof.active


async def _base(api: AdapterApi) -> str:
    bases = [name for name, parent in (await api.names()).items() if parent is None]
    if not bases:
        raise ConfigError("the server lists no base model: give --base NAME")
    return bases[0]


async def _system(options: argparse.Namespace, screen: Screen) -> bool:
    machine = this_machine()
    screen.out.print(json.dumps(machine.model_dump(mode="json"), indent=1), markup=False)
    return not machine.mismatches


def _api(options: argparse.Namespace) -> AdapterApi:
    url = server_url(options.base_url)
    return AdapterApi(url, authorization(ModelSettings(name="", base_url=url)))


def _named(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise ConfigError(f"{text!r}: an adapter is given as NAME=PATH")
    return name, Path(path)


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], Awaitable[bool]]]] = {
    "serve": _serve,
    "adapters list": _adapters_list,
    "adapters load": _adapters_load,
    "adapters unload": _adapters_unload,
    "adapters prove": _adapters_prove,
    "adapters parity": _adapters_parity,
    "system-info": _system,
}

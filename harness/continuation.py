"""Whether a server goes on with a turn that was begun: only then can a budget of thinking be held from here, in two requests."""

from __future__ import annotations

import httpx

from harness.config import ConfigError, ModelSettings
from harness.endpoint import authorization
from harness.questions import LONGEST_REQUEST_SECONDS, Questions, Seen, ServerGoneError
from harness.transport import bound


async def goes_on(questions: Questions) -> tuple[bool | None, Seen]:
    """By the tokens of the prompt: a turn that is gone on with takes fewer than one more turn does. None: they are not counted."""
    begun = [{"role": "user", "content": "Count to ten."}, {"role": "assistant", "content": "1 2 3 4"}]
    further = await questions.ask(begun, max_tokens=8, more={"continue_final_message": True, "add_generation_prompt": False})
    anew = await questions.ask(begun, max_tokens=1)
    if further.answer is None:
        return False, further
    if further.input_tokens is None or anew.input_tokens is None:
        return None, further
    return further.input_tokens < anew.input_tokens, further


async def must_hold_budget(settings: ModelSettings) -> None:
    """ConfigError when a budget of thinking is to be held from here, and one of the servers would answer as if there were none.

    One that counts no tokens is believed.
    """
    thinking = settings.thinking
    if thinking is None or thinking.budget_tokens is None or thinking.budget_field is not None:
        return
    seconds = min(LONGEST_REQUEST_SECONDS, settings.request_timeout_seconds)
    headers = {**authorization(settings), "Accept-Encoding": "identity"}
    for url in filter(None, (settings.base_url, *settings.more_urls)):
        async with httpx.AsyncClient(headers=headers, timeout=seconds, event_hooks={"response": [bound]}) as client:
            try:
                held, seen = await goes_on(Questions(client, url, settings.name, seconds))
            except ServerGoneError as error:
                raise ConfigError(f"{url}: {error}") from error
        if held is False:
            why = f" ({seen.words})" if seen.words else ""
            raise ConfigError(f"a budget of thinking cannot be held: {url} goes on with no turn that was begun{why}")

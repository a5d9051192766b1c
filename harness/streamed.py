"""An answer as it comes, from an OpenAI-compatible server: what the model thinks between marks, then what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from harness.config import ConfigError, ModelSettings
from harness.endpoint import key_for_client
from tasks.integrity import printable


class _Sent(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _Delta(_Sent):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(_Sent):
    delta: _Delta | None = None


class _Chunk(_Sent):
    choices: list[_Choice] | None = None


class StreamedModel:
    """The model that `settings` name, on a server that was seen to have it."""

    def __init__(self, settings: ModelSettings) -> None:
        import openai

        self._client = openai.OpenAI(
            base_url=settings.base_url,
            api_key=key_for_client(settings),
            timeout=settings.request_timeout_seconds,
        )
        self._settings = settings

    def answer(self, messages: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> Iterator[str]:
        """Pieces of text, with the fields that are `asked` of the server beside the messages. ConfigError when it does not answer, or breaks off."""
        import httpx
        import openai

        create: Any = self._client.chat.completions.create
        thinking, silent = False, True
        try:
            for sent in create(model=self._settings.name, messages=list(messages), stream=True, **asked):
                for choice in (_Chunk.model_validate(sent).choices or ())[:1]:
                    delta = choice.delta or _Delta()
                    if thought := delta.reasoning_content or delta.reasoning:
                        yield thought if thinking else f"<think>\n{thought}"
                        thinking, silent = True, False
                    if delta.content:
                        yield f"\n</think>\n{delta.content}" if thinking else delta.content
                        thinking = silent = False
        except (openai.OpenAIError, httpx.HTTPError, ValueError) as error:  # the client wraps neither what breaks off nor what is no JSON
            said = (str(error) or type(error).__name__).splitlines()[0]
            raise ConfigError(f"{self._settings.base_url} failed to answer: {printable(said)}") from error
        if silent:
            raise ConfigError(f"{self._settings.base_url} streamed no text")

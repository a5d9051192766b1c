"""Settings from a TOML: what is wrong is said in one line, with the file, the setting, the reason and what was given."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.toml_file import checked, read_as, read_toml


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(default=0.5, lt=1)
    kind: Literal["one", "two"] = "one"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    inner: _Inner = _Inner()
    rows: tuple[_Inner, ...] = ()

    @model_validator(mode="after")
    def _no_nemo(self) -> _Settings:
        if self.name == "nemo":
            raise ValueError("NeMo is\nanother program")
        return self


class _OwnError(Exception):
    pass


def complaint(tmp_path: Path, content: bytes | None) -> str:
    file = tmp_path / "x.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(_OwnError) as caught:
        read_as(file, _Settings, _OwnError, advice="write one")
    said = str(caught.value)
    assert said.startswith(f"{file}: ")
    assert "\n" not in said
    return said.removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'name = "a"\n[inner]\nshare = 2\n', "inner.share: input should be less than 1 (given: 2)"),
        (b'name = "a"\n[inner]\nkind = "Three"\n', "inner.kind: input should be 'one' or 'two' (given: 'Three')"),
        (
            b'name = "a"\n[[rows]]\n[[rows]]\nshare = "x"\n',
            "rows.1.share: input should be a valid number, unable to parse string as a number (given: 'x')",
        ),
        (b"", "name: field required"),
        (b'name = "a"\nkey = "sk-secret"\n', "key: extra inputs are not permitted"),
        (b'name = "nemo"\n', "NeMo is another program"),
        (None, "No such file or directory; write one"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_reason_and_value(tmp_path: Path, content: bytes | None, said: str) -> None:
    assert complaint(tmp_path, content) == said


def test_a_long_value_is_left_out(tmp_path: Path) -> None:
    assert complaint(tmp_path, b'name = "a"\n[inner]\nkind = "' + b"x" * 500 + b'"\n') == "inner.kind: input should be 'one' or 'two'"


@pytest.mark.parametrize("content", [b"name = ", b'name = "caf\xe9"'])
def test_what_is_no_toml_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    assert complaint(tmp_path, content).startswith("not TOML: ")


def test_line_ends_of_other_systems_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b'name = "a"\r\n[inner]\r\nshare = 0.25\r\n')
    assert read_toml(tmp_path / "x.toml", _OwnError) == {"name": "a", "inner": {"share": 0.25}}
    assert read_as(tmp_path / "x.toml", _Settings, _OwnError).inner.share == 0.25


def test_settings_that_are_of_no_file_are_named_alone() -> None:
    with pytest.raises(_OwnError, match=r"^name: field required$"):
        checked({}, _Settings, _OwnError)

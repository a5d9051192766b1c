"""What the doctor says of a machine for training, by its card and without one; and of an endpoint that fails in the middle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import doctor
from harness.cli import main
from harness.config import ModelSettings
from harness.doctor import is_fit, of_training
from harness.machine import Gpu, Machine, this_machine
from harness.profile import read_profile
from tests.harness.answering import AnsweringServer, error, good
from tests.loopback import Reply

H200 = Gpu(name="NVIDIA H200", memory_mib=143_771, free_mib=143_000, capability="9.0")
B200 = Gpu(name="NVIDIA B200", memory_mib=183_359, free_mib=183_000, capability="10.0")
UNTOLD = Gpu(name="GRID", memory_mib=8_192, free_mib=8_000, capability=None)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return this_machine()


@pytest.mark.parametrize(
    ("gpus", "card", "low"),
    [
        ((), "no NVIDIA GPU is seen", "and no such GPU is seen"),
        ((H200,), "NVIDIA H200, 140 GiB, compute capability 9.0", "this GPU has 9.0"),
        ((B200, H200), "NVIDIA B200, 179 GiB, compute capability 10.0; NVIDIA H200", "this GPU has 9.0"),
        ((B200,), "NVIDIA B200", "Transformer Engine"),
        ((UNTOLD,), "compute capability not told", "and no such GPU is seen"),
    ],
)
def test_cards_are_named_and_what_they_can_multiply_in(machine: Machine, gpus: tuple[Gpu, ...], card: str, low: str) -> None:
    findings = {finding.subject: finding for finding in of_training(machine.model_copy(update={"gpus": gpus, "mismatches": ()}))}
    assert findings["gpu"].words.startswith(card) or card in findings["gpu"].words
    assert findings["gpu"].state == ("ok" if gpus else "note")
    assert low in findings["mxfp8 and nvfp4"].words


def test_what_is_not_installed_is_named_with_how_to_install_it(machine: Machine) -> None:
    findings = of_training(machine.model_copy(update={"versions": {"torch": "2.13.0", "transformers": "5.23.0"}}))
    assert findings[0].words == "peft not installed: pip install 'typescript-agent-harness[train]'"
    there = of_training(machine.model_copy(update={"versions": {"torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.2"}}))
    assert (there[0].state, there[0].words) == ("ok", "torch 2.13.0; transformers 5.23.0; peft 0.21.2")


def test_what_does_not_go_together_is_said_and_no_machine_is_unfit_for_want_of_a_gpu(machine: Machine) -> None:
    findings = of_training(machine.model_copy(update={"gpus": (H200,), "mismatches": ("the driver is too old",)}))
    assert ("gpu", "note", "the driver is too old") in [(each.subject, each.state, each.words) for each in findings]
    assert all(each.state != "missing" for each in of_training(machine.model_copy(update={"gpus": (), "versions": {}})))
    assert not is_fit(findings)  # for want of a sandbox alone


async def test_an_endpoint_that_fails_in_the_middle_lacks_only_that(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_boxes(say: object) -> list[doctor.Finding]:
        return []

    monkeypatch.setattr(doctor, "_sandboxes", no_boxes)  # they take seconds, and are shown elsewhere
    server = AnsweringServer(lambda body: good(body) if len(server.bodies) < 15 else error(503, "loading model"))
    try:
        findings, profile = await doctor.examine(ModelSettings(name="tiny", base_url=server.url, recipe="none"), lambda line: None)
    finally:
        server.close()
    assert profile is None
    missing = [finding for finding in findings if finding.state == "missing"]
    assert [finding.subject for finding in missing] == ["endpoint: server"]
    assert "answers no more since it was asked about" in missing[0].words
    assert not is_fit(findings)


def doctor_of(url: str, file: Path, capsys: pytest.CaptureFixture[str], code: int) -> str:
    assert main(["doctor", "--model", url, "--profile", str(file), "--recipe", "none", "--at-once", "1", "--json"]) == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    if code == 2:
        return told.err
    return next(str(each["words"]) for each in json.loads(told.out)["findings"] if each["subject"] == "profile")


def test_a_profile_is_written_or_said_not_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def a_box(say: object) -> list[doctor.Finding]:
        return [doctor.Finding(subject="sandbox", state="ok", words="one")]

    monkeypatch.setattr(doctor, "_sandboxes", a_box)
    file = tmp_path / "p.toml"
    names = {"/v1/models": Reply(body='{"data": [{"id": "tiny"}]}')}
    server, lame = AnsweringServer(good, names), AnsweringServer(lambda body: error(503, "loading model"), names)
    try:
        assert doctor_of(lame.url, file, capsys, 1).endswith("p.toml is not written")
        assert doctor_of(server.url, file, capsys, 0) == str(file)
        written = file.read_text(encoding="utf-8")
        assert read_profile(file).model == "tiny"
        assert doctor_of(lame.url, file, capsys, 1).endswith("p.toml is not written: it is the older one")
        assert file.read_text(encoding="utf-8") == written
        asked = len(server.bodies)
        assert "cannot be written (no such file or directory)" in doctor_of(server.url, tmp_path / "no/x.toml", capsys, 2)
        assert "is a directory" in doctor_of(server.url, tmp_path, capsys, 2)
        assert len(server.bodies) == asked, "nothing is spent on what cannot be written"
    finally:
        server.close()
        lame.close()
    for number in ("0", "-3"):
        with pytest.raises(SystemExit) as caught:
            main(["doctor", "--at-once", number])
        assert caught.value.code == 2

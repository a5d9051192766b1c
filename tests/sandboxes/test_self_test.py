"""A bubblewrap that does not isolate is refused, by the name of what it lacks. It is the real one, which leaves something out."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandboxes.bubblewrap import BubblewrapEngine, _find_bwrap
from sandboxes.executor import ARGV
from sandboxes.images.recipe import load_recipe
from sandboxes.images.rootfs import build_rootfs
from sandboxes.sandbox import SandboxError
from sandboxes.self_test import shortcomings
from tests.sandboxes.boxes import left

AS_ROOT = os.geteuid() == 0
WEAK = textwrap.dedent("""\
    #!{python}
    import os, sys
    argv, (old, new), bwrap = sys.argv[1:], {change}, {bwrap}
    places = [i for i in range(len(argv)) if argv[i : i + len(old)] == list(old)]
    if places:
        after = places[0] + len(old) + (1 if old == ["--seccomp"] else 0)  # with its descriptor
        argv[places[0] : after] = new
    elif len(old) == 1:
        argv = [each.replace(old[0], new[0]) if new else each for each in argv]
    os.execv(bwrap[0], [*bwrap, *argv])
    """)


def weaken(directory: Path, old: Sequence[str], new: Sequence[str]) -> str:
    """A PATH on which `bwrap` takes `new` for the first `old` of its arguments, or for that text within one of them."""
    bwrap = _find_bwrap(build_rootfs(load_recipe(), lambda line: None))
    file = directory / "bwrap"
    file.write_text(WEAK.format(python=sys.executable, change=(list(old), list(new)), bwrap=bwrap), encoding="utf-8")
    file.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def test_a_bubblewrap_of_the_image_is_run_by_the_image_s_own_loader(monkeypatch: pytest.MonkeyPatch):
    rootfs = build_rootfs(load_recipe(), lambda line: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = _find_bwrap(rootfs)
    assert Path(found[0]).resolve().is_relative_to(rootfs.resolve()), "the C library's loader and the libraries are of one build"
    assert subprocess.run([*found, "--version"], capture_output=True, text=True, check=True).stdout.startswith("bubblewrap")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (["--unshare-net"], [], "no net namespace of its own"),
        (["--unshare-ipc"], [], "no ipc namespace of its own"),
        (["--unshare-uts", "--unshare-cgroup-try", "--hostname", "box"], [], "no uts namespace of its own"),
        (["--seccomp"], [], "system calls are not filtered"),
        (["--ro-bind"], ["--bind"], "/ can be written, on the machine's own disk"),
        (["--cap-drop", "ALL"], ["--cap-add", "ALL"], "may do more than they need: capabilities"),
        (["uid: 1000, gid: 1000"], ["uid: 0, gid: 0"], "commands run as uid 0") if AS_ROOT else (["1000"], ["0"], "commands run as uid 0"),
    ],
    ids=["network", "shared memory", "host name", "system calls", "writable root", "capabilities", "uid 0"],
)
async def test_what_is_left_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: Sequence[str], new: Sequence[str], named: str
):
    monkeypatch.setenv("PATH", weaken(tmp_path, old, new))
    engine = BubblewrapEngine(load_recipe(), lambda line: None)
    with pytest.raises(SandboxError, match="bubblewrap does not isolate here: ") as refused:
        await engine.start()
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert left("bubblewrap") == []


def test_an_executor_among_the_machines_own_processes_does_not_begin():
    """Its sweep would end them all: nothing is asked of it here, nor would it answer."""
    rootfs = build_rootfs(load_recipe(), lambda line: None)
    user = [] if AS_ROOT else ["--unshare-user"]
    outside = [*_find_bwrap(rootfs), *user, "--ro-bind", str(rootfs), "/", "--proc", "/proc", "--dev", "/dev", "--", *ARGV]
    done = subprocess.run(outside, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (b"", b"the box has no pid namespace of its own\n")


SOUND = "Uid:\t1000\t1000\t1000\t1000\nCapPrm:\t0\nCapEff:\t0\nCapAmb:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\n"
MOUNTS = "1 0 8:1 /box / ro,nosuid - ext4 /dev/a rw\n2 1 0:1 / /tmp rw,nosuid - tmpfs tmpfs rw\n"
OWN = "pid:[1]\nnet:[2]\nipc:[3]\nuts:[4]\nmnt:[5]\n"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("", ""), []),
        (("pid:[1]", str(Path("/proc/self/ns/pid").readlink())), ["it has no pid namespace of its own"]),
        (("lo: 0", "lo: 0\neth0: 0"), ["the network is reached, by eth0"]),
        (("---\nend", "---\nmade"), ["user namespaces can be made"]),
        (("NoNewPrivs:\t1", "NoNewPrivs:\t0"), ["privileges can be gained"]),
        (("CapEff:\t0", "CapEff:\te0"), ["commands may do more than they need: capabilities e0"]),
        (("Seccomp:\t2\n", ""), ["system calls are not filtered"]),
        (("/tmp rw", "/home rw"), []),
        (("- tmpfs", "- xfs"), ["/tmp can be written, on the machine's own disk (xfs)"]),
        (("---\n", ""), None),
    ],
    ids=lambda value: repr(value[1])[:30] if isinstance(value, tuple) else "",
)
def test_each_answer_of_the_probe_is_judged(change: tuple[str, str], named: list[str] | None):
    sound = f"{SOUND}---\n{MOUNTS}---\nheader\n  lo: 0\n---\n{OWN}---\nend"
    found = list(shortcomings(sound.replace(*change).removesuffix("end"), "agent"))
    if named is None:
        assert [line.partition(" ")[0] for line in found] == ["its"], "what is no answer at all is a shortcoming too"
    else:
        assert found == named

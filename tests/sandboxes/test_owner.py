"""Whose box is it, and is that process alive?"""

from __future__ import annotations

import os
import subprocess
import sys

from sandboxes.owner import is_alive, this_process

PRINT_OWNER = "from sandboxes.owner import this_process; print(this_process())"


def test_this_process_is_alive():
    assert is_alive(this_process())


def test_a_process_that_ended_is_not():
    ended = subprocess.run([sys.executable, "-c", PRINT_OWNER], capture_output=True, text=True, check=True).stdout.strip()
    assert not is_alive(ended)


def test_a_process_id_that_came_round_again_is_somebody_else():
    place, pid, start = this_process().split(":")
    assert pid == str(os.getpid())
    assert not is_alive(f"{place}:{pid}:{int(start) - 1}")


def test_before_this_boot_nobody_lives():
    machine, boot, namespace = this_process().split(":")[0].split(".")
    rest = this_process().partition(":")[2]
    assert not is_alive(f"{machine}.{boot[::-1]}x.{namespace}:{rest}")


def test_another_machine_or_container_is_left_alone():
    machine, boot, namespace = this_process().split(":")[0].split(".")
    assert is_alive(f"other.{boot}.{namespace}:1:1")
    assert is_alive(f"{machine}.{boot}.{namespace}0:1:1")

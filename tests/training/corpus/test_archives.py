"""Hostile archives: what is wrong with them is a reason, and costs neither memory nor time."""

from __future__ import annotations

import gzip
import io
import resource
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.corpus.archives import Member, members, without_common_directory
from training.corpus.settings import ArchiveSettings

SETTINGS = ArchiveSettings()


def everything(path: str, size: int) -> bool:
    return size < 1_000_000


def tar_of(file: Path, entries: list[tarfile.TarInfo | tuple[str, bytes]], mode: str = "w:gz") -> Path:
    with tarfile.open(file, mode) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            else:
                about = tarfile.TarInfo(entry[0])
                about.size = len(entry[1])
                archive.addfile(about, io.BytesIO(entry[1]))
    return file


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, target
    return about


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz"), ("a.tar.bz2", "w:bz2")]
)
def test_files_come_out_of_every_kind_of_tarball(tmp_path: Path, name: str, mode: str):
    file = tar_of(tmp_path / name, [("top/a.ts", b"a"), ("top/b.ts", b"b" * 3_000)], mode)
    assert list(members(file, SETTINGS, everything)) == [Member("top/a.ts", 1, b"a"), Member("top/b.ts", 3_000, b"b" * 3_000)]


def test_paths_that_lead_out_links_and_devices_are_left_out(tmp_path: Path):
    device = tarfile.TarInfo("dev.ts")
    device.type = tarfile.CHRTYPE
    entries = [("../../etc/evil.ts", b"x"), ("/abs.ts", b"x"), ("a/../../b.ts", b"x"), ("C:\\evil.ts", b"x"), link("l.ts", "/etc/passwd"), link("h.ts", "a.ts", tarfile.LNKTYPE), device, ("ok.ts", b"x")]  # fmt: skip
    found = list(members(tar_of(tmp_path / "a.tgz", entries), SETTINGS, everything))
    assert [member.path for member in found if member.content is not None] == ["ok.ts"]
    assert {member.reason for member in found if member.content is None} == {
        "path that leads out of the archive", "symbolic link", "hard link", "no regular file",
    }  # fmt: skip


def test_a_tar_bomb_ends_with_a_reason_and_little_memory(tmp_path: Path):
    file = tmp_path / "bomb.tgz"
    with gzip.open(file, "wb", compresslevel=9) as stream:
        about = tarfile.TarInfo("a.ts")
        about.size = 3_000_000_000
        stream.write(about.tobuf())
        for _ in range(150):
            stream.write(bytes(1_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = list(members(file, SETTINGS, lambda path, size: True))
    assert found == [Member("", 0, None, "archive too large when unpacked")]
    found = list(members(file, SETTINGS.model_copy(update={"largest_bytes": 10**12}), lambda path, size: True))
    assert found == [Member("", 0, None, "archive much larger than it is packed, as a bomb is")]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kilobytes"


def test_a_header_with_a_name_of_gigabytes_is_not_read(tmp_path: Path):
    about = tarfile.TarInfo("x")
    about.type, about.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    file = tmp_path / "a.tar"
    file.write_bytes(about.tobuf(format=tarfile.GNU_FORMAT) + bytes(4_096))
    assert [member.reason for member in members(file, SETTINGS, everything)] == ["archive with a header that is too long"]


def test_a_zip_bomb_ends_with_a_reason(tmp_path: Path):
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(60):
            archive.writestr(f"f{number}.ts", bytes(900_000))
    reasons = [member.reason for member in members(file, SETTINGS, everything)]
    assert reasons[-1] == "archive much larger than it is packed, as a bomb is"
    assert len(reasons) < 40


def test_a_zip_that_lies_about_sizes_is_read_no_further_than_it_says(tmp_path: Path):
    file = tmp_path / "lie.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ts", b"a" * 100_000)
    content = file.read_bytes().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    file.write_bytes(content)
    found = list(members(file, SETTINGS, everything))
    assert all(member.content is None or len(member.content) <= 11 for member in found)


def test_zips_have_no_way_out_either(tmp_path: Path):
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../a.ts", b"x")
        archive.writestr("..\\b.ts", b"x")
        about = zipfile.ZipInfo("l.ts")
        about.external_attr = 0o120777 << 16
        archive.writestr(about, "/etc/passwd")
        archive.writestr("c.ts", b"c")
    assert [member.path for member in members(file, SETTINGS, everything) if member.content is not None] == ["c.ts"]


def test_too_many_members(tmp_path: Path):
    file = tar_of(tmp_path / "a.tgz", [(f"{number}.ts", b"") for number in range(30)])
    assert list(members(file, SETTINGS.model_copy(update={"members": 20}), everything))[-1].reason == "archive of too many members"


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=3_000), kind=st.sampled_from(["tar", "tar.gz", "tar.xz", "tar.bz2", "zip"]))
def test_any_bytes_are_a_broken_archive_at_worst(tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str):
    file = tmp_path_factory.mktemp("any") / f"a.{kind}"
    file.write_bytes(content)
    list(members(file, SETTINGS, everything))


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=8),
    kind=st.sampled_from(["tar", "tar.gz", "zip"]),
)
def test_an_archive_with_some_other_bytes_is_broken_at_worst(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]], kind: str
):
    file = tmp_path_factory.mktemp("some") / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.ts", b"const a = 1;\n" * 50)
    else:
        tar_of(file, [("a.ts", b"const a = 1;\n" * 50), ("b.ts", b"b")], "w" if kind == "tar" else "w:gz")
    content = bytearray(file.read_bytes())
    for place, value in places:
        content[place % len(content)] = value
    file.write_bytes(content)
    list(members(file, SETTINGS, everything))


def test_one_directory_around_everything_is_seen():
    assert without_common_directory(["package/a.ts", "package/b/c.ts"]) == 8
    assert without_common_directory(["a/b.ts", "c/d.ts"]) == 0
    assert without_common_directory(["a.ts"]) == 0
    assert without_common_directory([]) == 0

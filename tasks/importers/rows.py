"""Rows of the SWE-bench family: each function reads one, and says what of it cannot be honoured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tasks.errors import TaskError
from tasks.importers.foreign import Foreign, identifier, list_of, text_of
from tasks.patches import MalformedPatchError, changed_paths

Row = Mapping[str, Any]

_OURS: Final = "its image ({}) is not used: the repository's packages are installed here from its lockfile"
_SCRIPT: Final = "its {} is not run: tests are run by their runner, and read through a reporter"


def read_swe_bench(row: Row) -> Foreign:
    """SWE-bench, Multilingual too, versions 4 and 5."""
    not_honoured = []
    image = row.get("image") or row.get("image_name")
    if image:
        not_honoured.append(_OURS.format(image))
    not_honoured += [_SCRIPT.format(name) for name in ("eval_script", "log_parser") if row.get(name)]
    if row.get("image_assets"):
        not_honoured.append("its images (image_assets) are not shown to the agent")
    if row.get("eval_type") not in (None, "", "pass_and_fail"):
        not_honoured.append(f"its eval_type ({row['eval_type']}) is not known: fail_to_pass and pass_to_pass decide")
    return _foreign(
        "swe-bench", row, fail=list_of(row, "FAIL_TO_PASS"), keep=list_of(row, "PASS_TO_PASS"), image=image, not_honoured=not_honoured
    )


def read_rebench(row: Row) -> Foreign:
    """SWE-rebench V2."""
    not_honoured = []
    if row.get("image_name"):
        not_honoured.append(_OURS.format(row["image_name"]))
    settings = row.get("install_config")
    if isinstance(settings, str):
        settings = json.loads(settings or "{}")
    if isinstance(settings, dict):
        not_honoured += [_SCRIPT.format(f"install_config.{name}") for name in ("install", "test_cmd", "log_parser") if settings.get(name)]
    foreign = _foreign(
        "swe-rebench",
        row,
        fail=list_of(row, "FAIL_TO_PASS"),
        keep=list_of(row, "PASS_TO_PASS"),
        image=row.get("image_name"),
        not_honoured=not_honoured,
    )
    return _in_typescript(foreign, row.get("language"))


def read_polybench(row: Row) -> Foreign:
    """SWE-PolyBench: lists are Python literals, the Dockerfile is text."""
    not_honoured = [_SCRIPT.format(name) for name in ("Dockerfile", "test_command") if row.get(name)]
    foreign = _foreign("swe-polybench", row, fail=list_of(row, "F2P"), keep=list_of(row, "P2P"), image=None, not_honoured=not_honoured)
    return _in_typescript(foreign, row.get("language"))


def read_swe_smith(row: Row) -> Foreign:
    """SWE-smith: `patch` is the bug, on a mirror `owner/name.sha8`; the gold patch is its inverse."""
    bug = text_of(row, "patch")
    repo, _, commit = text_of(row, "repo").rpartition(".")
    not_honoured = [_OURS.format(row["image_name"])] if row.get("image_name") else []
    return Foreign(
        format="swe-smith",
        instance_id=identifier(text_of(row, "instance_id")),
        repo=(repo or text_of(row, "repo")).rpartition("/")[2].replace("__", "/"),
        base_commit=commit if repo else None,
        problem_statement=text_of(row, "problem_statement", default=""),
        patch="",
        test_patch="",
        fail_to_pass=list_of(row, "FAIL_TO_PASS"),
        pass_to_pass=list_of(row, "PASS_TO_PASS"),
        created_at=str(row.get("created_at") or ""),
        image=row.get("image_name"),
        bug_patch=_readable(row, bug),
        not_honoured=tuple(not_honoured),
    )


def read_multi_swe_bench(row: Row) -> Foreign:
    """Multi-SWE-bench: the statement is the resolved issues'; the image holds the fix, so it is never used."""
    base = row.get("base")
    if not isinstance(base, Mapping) or not isinstance(base.get("sha"), str):
        raise TaskError(f"{row.get('org')}/{row.get('repo')}#{row.get('number')}: the field 'base' has no sha")
    issues = row.get("resolved_issues") or []
    statement = "\n\n".join(f"{issue.get('title', '')}\n\n{issue.get('body') or ''}".strip() for issue in issues)
    not_honoured = ["its image holds /home/fix.patch, the fix: it is not used"]
    if row.get("hints"):
        not_honoured.append("its hints are not shown to the agent")
    if not issues:
        not_honoured.append("it names no issue: the statement is the pull request's own")
        statement = f"{row.get('title', '')}\n\n{row.get('body') or ''}"
    named = {
        **row,
        "instance_id": f"{text_of(row, 'org')}__{text_of(row, 'repo')}-{row.get('number')}",
        "repo": f"{row['org']}/{row['repo']}",
    }
    named |= {"base_commit": base["sha"], "problem_statement": statement.strip(), "patch": row.get("fix_patch")}
    fixed = {*_named(row, "f2p_tests"), *_named(row, "s2p_tests"), *_named(row, "n2p_tests")}
    fail = tuple(sorted(fixed or {*_named(row, "fixed_tests")}))
    foreign = _foreign("multi-swe-bench", named, fail=fail, keep=_named(row, "p2p_tests"), image=None, not_honoured=not_honoured)
    return _in_typescript(foreign, row.get("lang"))


def _foreign(name: str, row: Row, *, fail: tuple[str, ...], keep: tuple[str, ...], image: object, not_honoured: list[str]) -> Foreign:
    patch = _readable(row, text_of(row, "patch"))
    if not patch.strip():
        raise TaskError(f"{row.get('instance_id')}: its patch is empty")
    return Foreign(
        format=name,
        instance_id=identifier(text_of(row, "instance_id")),
        repo=text_of(row, "repo"),
        base_commit=text_of(row, "base_commit"),
        problem_statement=text_of(row, "problem_statement", default=""),
        patch=patch,
        test_patch=_readable(row, text_of(row, "test_patch", default="")),
        fail_to_pass=fail,
        pass_to_pass=keep,
        created_at=str(row.get("created_at") or ""),
        image=str(image) if image else None,
        not_honoured=tuple(not_honoured),
    )


def _in_typescript(foreign: Foreign, language: object) -> Foreign:
    if language is not None and str(language).lower() not in ("typescript", "ts", "javascript", "js", "javascript/typescript"):
        raise TaskError(f"{foreign.instance_id}: its language is {language}: only TypeScript and JavaScript repositories are graded here")
    return foreign


def _named(row: Row, name: str) -> tuple[str, ...]:
    tests = row.get(name)
    return tuple(tests) if isinstance(tests, Mapping) else ()


def _readable(row: Row, patch: str) -> str:
    try:
        changed_paths(patch)
    except MalformedPatchError as error:
        raise TaskError(f"{row.get('instance_id')}: its patch cannot be read: {error}") from error
    return patch

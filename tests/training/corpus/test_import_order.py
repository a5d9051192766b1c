"""The order of a repository's files: what is imported comes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training.corpus.import_order import imported, in_import_order, resolve


def test_imports_are_read():
    content = b"import a, { b } from './a';\nexport * from \"../b.js\";\nconst c = require('./c');\nconst d = await import('./d');\nimport './e';\nimport f from 'pkg';\n"
    assert imported(content) == ["./a", "../b.js", "./c", "./d", "./e"]


def test_what_is_imported_comes_before():
    order = in_import_order({"src/main.ts": ["./app", "./log.js"], "src/app/index.ts": ["../log"], "src/log.ts": []})
    assert order == ["src/log.ts", "src/app/index.ts", "src/main.ts"]


def test_a_circle_is_no_obstacle():
    assert sorted(in_import_order({"a.ts": ["./b"], "b.ts": ["./c"], "c.ts": ["./a"]})) == ["a.ts", "b.ts", "c.ts"]


def test_a_long_chain_is_no_obstacle():
    chain = {f"f{number:05d}.ts": [f"./f{number + 1:05d}"] for number in range(20_000)}
    assert in_import_order(chain)[0] == "f19999.ts"


def test_compiled_names_and_directories_are_resolved():
    files = {"src/a.ts": 0, "src/b/index.tsx": 0, "c.mts": 0}
    assert resolve("src/x.ts", "./a.js", files) == "src/a.ts"
    assert resolve("src/x.ts", "./b", files) == "src/b/index.tsx"
    assert resolve("src/x.ts", "../c.mjs", files) == "c.mts"
    assert resolve("src/x.ts", "../../../etc/passwd", files) is None


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 14), max_size=4), max_size=12))
def test_every_file_is_there_once_in_an_order_of_its_own(graph: dict[int, list[int]]):
    imports = {f"{name}.ts": [f"./{other}" for other in others] for name, others in graph.items()}
    order = in_import_order(imports)
    assert sorted(order) == sorted(imports)
    assert order == in_import_order(dict(reversed(imports.items())))

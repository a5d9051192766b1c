"""Tasks of other formats, read as ours: one function a format, and the dict that names them.

An importer takes a row and gives a `Foreign` task: the words of the row in our names, and what of it cannot be honoured here. Its repository's
files come from a clone that the person gives, or lie in the row. `tasks.importers.bring` makes a suite of such tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tasks.importers.foreign import Foreign
from tasks.importers.functions import read_function_row
from tasks.importers.rows import read_multi_swe_bench, read_polybench, read_rebench, read_swe_bench, read_swe_smith

Row = Mapping[str, Any]

ROW_FORMATS: Final[Mapping[str, Callable[[Row], Foreign]]] = {
    "swe-bench": read_swe_bench,
    "multi-swe-bench": read_multi_swe_bench,
    "swe-polybench": read_polybench,
    "swe-rebench": read_rebench,
    "swe-smith": read_swe_smith,
    "functions": read_function_row,
}
"""Formats of rows, in files of JSON or JSON lines. `harbor` and `exercism` are directories: `tasks.importers.directories`."""

"""What the garbage collector of a process need not look at, or not so often."""

import atexit
import gc
import sys

SELDOM = 50_000  # new objects, which are some megabytes


def collect_seldom() -> None:
    """Look for garbage after many more new objects than Python does by itself.

    To import Dagster and to build a code location makes hundreds of thousands of objects, hardly
    one of them garbage; looking at them again and again took a sixth of a command's time.
    """
    gc.set_threshold(SELDOM)


def keep_for_good() -> None:
    """Exempt all objects that there are from garbage collection, until the process ends.

    A code location is hundreds of thousands of objects that stay. Where DuckDB is loaded after
    them they are looked at once more at the end: objects of its own that nobody takes down, since
    some of these lead to them, are called leaks on stderr. Nothing is exempted where DuckDB is
    there already.
    """
    if "duckdb" not in sys.modules:
        gc.freeze()
        atexit.register(_look_for_those_of_duckdb)


def _look_for_those_of_duckdb() -> None:
    if "duckdb" in sys.modules:
        gc.unfreeze()

"""What a process has loaded for good, and the garbage collector need not look at."""

import atexit
import gc
import sys


def keep_for_good() -> None:
    """Exempt all objects that there are from garbage collection, until the process ends.

    A code location is hundreds of thousands of objects that stay. At the end they are looked at
    once more: DuckDB is loaded after them, and objects of its own that nobody takes down, since
    some of these lead to them, are called leaks on stderr. Nothing is exempted where DuckDB is
    there already.
    """
    if "duckdb" not in sys.modules:
        gc.freeze()
        atexit.register(gc.unfreeze)

"""Work on batches in several threads, whose results come in the order of the batches.

Arrow lets other threads of Python run while it computes, and most of what functions on batches take
is spent there.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(
    work: Callable[[Given], Made], batches: Iterable[Given], threads: int
) -> Generator[Made]:
    """Yield what some work makes of batches, in their order.

    As many batches are worked on at the same time as there are threads; one more waits for its
    turn, and no other is held. The first batch that fails ends it with its error, whichever failed
    before it in time, once no thread is at work any more.
    """
    under_way = deque[Future[Made]]()
    with ThreadPoolExecutor(threads, "data-services-batches") as pool:
        try:
            for batch in batches:
                under_way.append(pool.submit(work, batch))
                if len(under_way) > threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for waiting in under_way:
                waiting.cancel()

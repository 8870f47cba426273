"""Who computes: engines behind one protocol; the code of operations names none of them."""

from util_services.engines.protocol import BatchFunction, Engine, Progress

__all__ = ["BatchFunction", "Engine", "Progress"]

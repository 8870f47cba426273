"""Losses that somebody stands for: what is gone, why, and who says so, stated in a chain itself.

An audit that was moved without its chains, or restored from a backup, contradicts the links that
are kept elsewhere, for ever. A signed statement names these very links; what contradicts others is
a broken link still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.audit.chain import Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from util_services.audit.chain import Entry

ACKNOWLEDGED = "acknowledged"  # the kind of a statement
MAX_LINKS = 400  # in a record, with 150 bytes each at most


@dataclass(frozen=True, slots=True)
class Loss:
    """What is lost of a chain, as far as links that are kept elsewhere tell it."""

    chain: str
    is_whole: bool  # whether nothing of the chain is left
    links: tuple[Link, ...]  # to what is lost, in their order

    @classmethod
    def of(cls, chain: str, links: Iterable[Link], *, is_whole: bool) -> Loss:
        """Return the loss that these links tell of."""
        ordered = sorted(set(links), key=lambda link: (link.sequence, link.mac))
        return cls(chain, is_whole, tuple(ordered))

    @property
    def parts(self) -> Iterator[Loss]:
        """The loss in parts that fit into a record each."""
        for begin in range(0, len(self.links), MAX_LINKS):
            yield Loss(self.chain, self.is_whole, self.links[begin : begin + MAX_LINKS])

    def __str__(self) -> str:
        """Return the loss as a part of a sentence."""
        first, last = self.links[0].sequence, self.links[-1].sequence
        count = len(self.links)
        kept = f"{count} link{'' if count == 1 else 's'} kept elsewhere"
        if self.is_whole:
            return f"the chain '{self.chain}' is missing up to its record {last} at least ({kept})"
        place = f"record {last}" if first == last else f"records between {first} and {last}"
        return f"{place} of the chain '{self.chain}' are not those once written ({kept})"

    def to_dict(self) -> dict[str, Any]:
        """Return the loss as plain data."""
        links = list(map(str, self.links))
        return {"chain": self.chain, "is_whole": self.is_whole, "links": links}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Loss:
        """Return the loss that ``to_dict`` described."""
        links = filter(None, map(Link.parse, record["links"]))
        return cls.of(record["chain"], links, is_whole=record["is_whole"])


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The signed word of somebody that a loss is known."""

    loss: Loss
    reason: str
    user: str
    since: str  # ISO 8601 in UTC
    place: Link  # where it stands

    @classmethod
    def of(cls, entry: Entry) -> Acknowledgement:
        """Return the statement that an authentic record makes."""
        body = entry.body
        loss = Loss.from_dict(body["lost"])
        return cls(loss, body["reason"], body["user"], body["since"], entry.link)

    def __str__(self) -> str:
        """Return the statement as one sentence."""
        reason = self.reason.rstrip(".")
        return f"acknowledged loss: {self.loss}; {self.user} on {self.since}: {reason}."

    def fields(self) -> dict[str, Any]:
        """Return what its record holds, for one that takes its place."""
        told = {"reason": self.reason, "user": self.user, "since": self.since}
        return {"lost": self.loss.to_dict()} | told

    def to_dict(self) -> dict[str, Any]:
        """Return the statement as plain data."""
        return self.fields() | {"record": str(self.place)}

"""What a file might be: a proposal with its reasons, which nothing applies by itself."""

from util_services.datasets.sniffing.proposal import Proposal
from util_services.datasets.sniffing.propose import propose

__all__ = ["Proposal", "propose"]

"""What runs of jobs read and wrote outside of all resources, as their records tell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.lineage.model import EXTERNAL_INPUTS, EXTERNAL_OUTPUTS

if TYPE_CHECKING:
    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.graph import LineageGraph

SHA256 = "sha256"  # the digests of contents by their ids, for those who know data by SHA-256


@dataclass(slots=True)
class Outside:
    """All files outside of resources that records tell of, by their contents.

    Args:
        readers: the runs that read a content, by their ids.
        written: the contents that a run wrote, by path as its config names it.
        sha256: the SHA-256 of contents inside and outside, as far as records have it.
    """

    readers: dict[str, dict[str, Run]] = field(default_factory=lambda: defaultdict(dict))
    written: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    sha256: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: LineageGraph) -> Outside:
        """Return what the records of all runs tell; each is read.

        Raises:
            DamagedFileError: if one is damaged.
        """
        found = cls()
        for step in graph.steps.values():
            more = step.record().more
            found.sha256 |= more.get(SHA256, {})
            for file in more.get(EXTERNAL_INPUTS, ()):
                for content in {file["hash"], file.get("hash_at_end")} - {None}:
                    found.readers[content][step.id] = step
            for file in more.get(EXTERNAL_OUTPUTS, ()):
                found.written[step.id][file["path"]] = file["hash"]
            for file in (*more.get(EXTERNAL_INPUTS, ()), *more.get(EXTERNAL_OUTPUTS, ())):
                if file["sha256"]:
                    found.sha256[file["hash"]] = file["sha256"]
        return found

"""The graph of runs: who wrote a content, and who read it.

Everything is asked by path and content together: what is at a path now may be another thing than
what a step read there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from workspace_core.lineage.model import DIRECTORY, MISSING, OUTSIDE, ResourceRef
from workspace_core.lineage.store import relative, without_collecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.model import HashCertificate
    from workspace_core.lineage.store import LineageStore

    Named = dict[str, dict[str, list[tuple[Run, HashCertificate]]]]


class LineageGraph:
    """Runs of steps, and what connects them.

    Args:
        steps: the runs.
        listing: returns the files of a directory, by the hash that its certificate has.
    """

    def __init__(self, steps: Iterable[Run], listing: Callable[[str], Mapping[str, str]]) -> None:
        self.steps: dict[str, Run] = {
            one.id: one for one in sorted(steps, key=lambda one: one.order)
        }
        self._stored, self._known = listing, dict[str, Mapping[str, str]]()
        self._last: dict[tuple[str, str, str], Run | None] = {}
        self._written: Named = defaultdict(lambda: defaultdict(list))
        for step in self.steps.values():
            for one in step.outputs():
                self._written[one.ref.name][one.ref.path].append((step, one))

    @cached_property
    def _read(self) -> Named:
        found: Named = defaultdict(lambda: defaultdict(list))
        for step in self.steps.values():
            for one in step.dependencies():
                found[one.ref.name][one.ref.path].append((step, one))
        return found

    @cached_property
    def _failed(self) -> list[tuple[Run, ResourceRef]]:
        return [(step, one) for step in self.steps.values() for one in step.unfinished]

    @classmethod
    def of(
        cls,
        store: LineageStore,
        now: Mapping[str, str] = MappingProxyType({}),
        known: int | None = None,
    ) -> LineageGraph:
        """Return the graph of runs that are recorded.

        Args:
            store: the records.
            now: what resources are called now, by the names that they had before.
            known: only runs with at most this sequence.
        """
        with without_collecting():
            runs = store.runs(now)
            if known is not None:
                runs = [one for one in runs if one.sequence <= known]
            return cls(runs, store.listing)

    def know(self, certificate: HashCertificate, files: Mapping[str, str]) -> None:
        """Take note of what a directory holds that no run has read or written as a whole.

        Args:
            certificate: of the directory.
            files: content ids by path in the resource.
        """
        if certificate.hashval is not None:
            self._known[certificate.hashval] = relative(files, certificate.ref.path)

    def _listing(self, hashval: str) -> Mapping[str, str]:
        found = self._known.get(hashval)
        return self._stored(hashval) if found is None else found

    @property
    def written_resources(self) -> list[str]:
        """The names of all resources that steps have written to."""
        return sorted(name for name in self._written if name != OUTSIDE)

    def written_paths(self, name: str) -> list[str]:
        """Return the paths of a resource that runs have named as their outputs."""
        return sorted(self._written.get(name, {}))

    def last_outside(self) -> Iterator[HashCertificate]:
        """Yield what runs wrote last to each path outside of all resources."""
        for found in self._written.get(OUTSIDE, {}).values():
            yield found[-1][1]

    def is_last_outside(self, step: Run, written: HashCertificate) -> bool:
        """Return whether a run is the last one that wrote to a path outside of all resources."""
        return self._written[OUTSIDE][written.ref.path][-1][0].id == step.id

    def known_outside(self, path: str) -> HashCertificate | None:
        """Return what runs have seen last at a path outside of all resources."""
        found = [
            entry
            for named in (self._written, self._read)
            for entry in named.get(OUTSIDE, {}).get(path, ())
        ]
        return max(found, key=lambda entry: entry[0].order)[1] if found else None

    def files(self, certificate: HashCertificate) -> dict[str, str]:
        """Return what a certificate is about: content ids by path in the resource."""
        path, hashval = certificate.ref.path, certificate.hashval
        if certificate.kind == MISSING or hashval is None:
            return {}
        if certificate.kind != DIRECTORY:
            return {path: hashval}
        above = f"{path}/" if path else ""
        return {f"{above}{inside}": one for inside, one in self._listing(hashval).items()}

    def maker(self, name: str, path: str, hashval: str, before: Run | None = None) -> Run | None:
        """Return the run that wrote a content to a path: the last one, if several have.

        Args:
            name: the resource.
            path: the path in it.
            hashval: the content.
            before: only runs before this one.
        """
        key = (name, path, hashval)
        if key not in self._last:
            self._last[key] = self._search(*key, None)
        last = self._last[key]
        if last is None or before is None or last.order < before.order:
            return last
        return self._search(*key, before)

    def _search(self, name: str, path: str, hashval: str, before: Run | None) -> Run | None:
        best: Run | None = None
        written = self._written.get(name, {})
        for above in _from_here_upwards(path):
            for step, one in reversed(written.get(above, ())):
                if best is not None and step.order <= best.order:
                    break
                if before is not None and step.order >= before.order:
                    continue
                if self._has(one, path, hashval):
                    best = step
                    break
        return best

    def makers(
        self, name: str, files: Mapping[str, str], before: Run | None = None
    ) -> dict[str, Run]:
        """Return the runs that wrote some files, by path; those that none wrote are left out."""
        if name not in self._written:
            return {}
        found = {path: self.maker(name, path, one, before) for path, one in files.items()}
        return {path: step for path, step in found.items() if step is not None}

    def made_by(
        self, certificate: HashCertificate, before: Run | None = None
    ) -> tuple[list[Run], bool]:
        """Return the runs that wrote what a certificate is about, and whether they wrote all of it.

        Args:
            certificate: of the content.
            before: only runs before this one.
        """
        name, hashval = certificate.ref.name, certificate.hashval
        if certificate.kind != DIRECTORY and hashval is not None:
            maker = self.maker(name, certificate.ref.path, hashval, before)
            return ([], False) if maker is None else ([maker], True)
        files = self.files(certificate)
        makers = self.makers(name, files, before)
        is_all = bool(files) and len(makers) == len(files)
        return list({one.id: one for one in makers.values()}.values()), is_all

    def written_as(self, hashval: str) -> Iterator[tuple[ResourceRef, Run]]:
        """Yield where runs wrote a content, wherever that was, the last one first."""
        for step in reversed(self.steps.values()):
            for one in step.outputs():
                for path, written in self.files(one).items():
                    if written == hashval:
                        yield ResourceRef(one.ref.name, path), step

    def last_writer(self, name: str, path: str) -> Run | None:
        """Return the run that last wrote to a path, whatever is there now."""
        written = self._written.get(name, {})
        found = [
            step
            for above in _from_here_upwards(path)
            for step, one in written.get(above, ())
            if path in self.files(one)
        ]
        return max(found, key=lambda one: one.order, default=None)

    def failed_at(self, ref: ResourceRef) -> Run | None:
        """Return the last run that failed and may have left something at a reference."""
        failed = [step for step, one in self._failed if one == ref or one.covers(ref)]
        return failed[-1] if failed else None

    def readers(self, name: str, files: Mapping[str, str | None]) -> list[Run]:
        """Return the runs that read some files.

        Args:
            name: the resource.
            files: contents by path; None for any content.
        """
        found: dict[str, Run] = {}
        read = self._read.get(name, {})
        for path, hashval in files.items():
            for above in _from_here_upwards(path):
                for step, one in read.get(above, ()):
                    if step.id not in found and self._has(one, path, hashval):
                        found[step.id] = step
        return sorted(found.values(), key=lambda one: one.order)

    def _has(self, certificate: HashCertificate, path: str, hashval: str | None) -> bool:
        """Return whether a certificate is about a path with a content, or with any (None)."""
        if certificate.kind != DIRECTORY or certificate.hashval is None:
            is_there = certificate.ref.path == path and certificate.hashval is not None
            return is_there and hashval in (None, certificate.hashval)
        inside = path[len(certificate.ref.path) + 1 :] if certificate.ref.path else path
        found = self._listing(certificate.hashval).get(inside)
        return found is not None and hashval in (None, found)


def _from_here_upwards(path: str) -> Iterator[str]:
    """Yield a path, and the directories above it up to the top."""
    yield path
    while path:
        path = path.rpartition("/")[0]
        yield path

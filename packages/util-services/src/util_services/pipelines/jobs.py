"""Make jobs of pipelines, and refuse those that cannot run, before anybody starts one."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg

from util_services.chain import Link, chain_of, jobs_of, run_config_of
from util_services.datasets.staged import StagedDataset
from util_services.errors import ConfigurationError, quoted, quoted_name
from util_services.ops import read_dataset, write_dataset
from util_services.pipelines.file import PipelineError, Stage
from util_services.resources import STORAGE_KEY
from util_services.runs.check import CHECKED_OPS, PIPELINE_TAG, check_config, is_operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from util_services.pipelines.file import PipelineFile

NOTHING, ANYTHING, DATASET = "Nothing", "Any", StagedDataset.__name__
Placed: TypeAlias = tuple[Stage, dg.OpDefinition]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline whose ops are there and fit together."""

    file: PipelineFile
    links: tuple[Link, ...]
    resources: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        file: PipelineFile,
        ops: Mapping[str, dg.OpDefinition | dg.GraphDefinition],
        resources: Mapping[str, Any],
    ) -> Pipeline:
        """Find the ops of a pipeline and what they need.

        Args:
            file: what the file says.
            ops: the ops that packages register, by name.
            resources: the resources of the code location, by key.

        Raises:
            PipelineError: naming file and line, if an op is not there, cannot stand where it does,
                or needs a resource that nobody brings.
        """
        found = _whole([(stage, _op(file, stage, ops)) for stage in file.stages])
        _refuse_misfits(file, found)
        _refuse_idle(file, found)
        _refuse_more_behind_gates(file, found)
        needed = {
            key: _resource(file, stage, op, key, resources)
            for stage, op in found
            for key in sorted(op.required_resource_keys - {STORAGE_KEY})
        }
        links = tuple(Link(op, stage.name, stage.config) for stage, op in found)
        return cls(file, links, needed)

    def jobs(self, *, thorough: bool = False) -> tuple[dg.JobDefinition, dg.JobDefinition]:
        """Return the job on local files and its twin on S3.

        Args:
            thorough: whether to check what needs heavy packages, too: that each config of the file
                is sound, as far as that can be told without the files that it names.

        Raises:
            PipelineError: naming file and line, if a config of the file is not one of its op.
        """
        chain = chain_of(self.file.name, self.file.description, self.links)
        config = run_config_of(self.links)
        try:
            configs = check_config(chain.to_job(), {"ops": config["ops"]})
        except ConfigurationError as error:
            places = {s.name: self.file.place_of(s, "config") for s in self.file.stages}
            raise self.file.yaml.located(str(error), places) from None
        if thorough:
            self._refuse_unsound(configs)
        tags = {PIPELINE_TAG: self.file.name}
        return jobs_of(chain, self.links, resources=self.resources, tags=tags)

    def _refuse_unsound(self, configs: Mapping[str, Any]) -> None:
        for stage in self.file.stages:
            checked = CHECKED_OPS.get(stage.op)
            if checked is None or checked.sound is None:
                continue
            try:
                checked.sound(configs[stage.name], _not_at_hand)
            except _NotAtHandError:
                continue
            except ConfigurationError as error:
                raise self.file.error(stage, f"{stage.name}: {error}", ("config",)) from None


class _NotAtHandError(Exception):
    """Raised where a config names a file, which only a run has."""


def _not_at_hand(path: str) -> bytes:
    raise _NotAtHandError(path)


def _op(
    file: PipelineFile, stage: Stage, ops: Mapping[str, dg.OpDefinition | dg.GraphDefinition]
) -> dg.OpDefinition:
    op = ops.get(stage.op)
    if isinstance(op, dg.OpDefinition):
        return op
    if op is not None:
        raise file.error(stage, f"{quoted_name(stage.op)} is a graph; name its ops.", ("op",))
    near = difflib.get_close_matches(stage.op, ops, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {quoted(sorted(ops))}."
    raise file.error(stage, f"no package registers an op {quoted_name(stage.op)}; {hint}", ("op",))


def _whole(found: Sequence[Placed]) -> list[Placed]:
    """Put the reading before the first op that wants a dataset, and the writing behind the last."""
    whole: list[Placed] = []
    given = NOTHING
    for stage, op in found:
        if not whole and _input(op) == DATASET:
            whole.append((Stage(read_dataset.name, read_dataset.name), read_dataset))
        elif given == DATASET and _input(op) == NOTHING:
            whole.append((Stage(write_dataset.name, write_dataset.name), write_dataset))
        whole.append((stage, op))
        given = _output(op)
    if given == DATASET:
        whole.append((Stage(write_dataset.name, write_dataset.name), write_dataset))
    return whole


def _refuse_misfits(file: PipelineFile, found: Sequence[Placed]) -> None:
    """Refuse an op that cannot take what the one before it gives."""
    for position, (stage, op) in enumerate(found):
        place = ("op",)
        if len(op.input_defs) > 1 or len(op.output_defs) != 1:
            raise file.error(
                stage,
                f"'{op.name}' takes or gives several things; a pipeline is a row of ops that each "
                "take one dataset and give one.",
                place,
            )
        if position == 0:
            continue
        wanted, before = _input(op), found[position - 1][1]
        if wanted is None:
            raise file.error(stage, f"'{op.name}' takes no dataset; let it be the first op.", place)
        given = _output(before)
        if ANYTHING not in (wanted, given) and wanted not in (given, NOTHING):
            what = "nothing" if given == NOTHING else f"a {given}"
            raise file.error(
                stage,
                f"'{op.name}' wants a {wanted}, but '{before.name}' before it gives {what}; change "
                "their order.",
                place,
            )


def _refuse_idle(file: PipelineFile, found: Sequence[Placed]) -> None:
    """Refuse to publish a dataset that no operation has written in the form that is published."""
    ops = [op for _, op in found]
    if write_dataset in ops and not any(map(is_operation, ops)):
        raise PipelineError(
            f"{file.file}: none of its ops makes the dataset that it publishes; add one, such as "
            "'convert_format'."
        )


def _refuse_more_behind_gates(file: PipelineFile, found: Sequence[Placed]) -> None:
    """Refuse an operation behind one that must leave what is published."""
    operations = [(stage, op) for stage, op in found if is_operation(op)]
    for stage, op in operations:
        is_last = stage is operations[-1][0] and write_dataset in (op for _, op in found)
        if CHECKED_OPS[op.name].publishes and not is_last:
            raise file.error(
                stage,
                f"'{op.name}' lets out what is published; let it be the last operation before "
                f"'{write_dataset.name}'.",
                ("op",),
            )


def _input(op: dg.OpDefinition) -> str | None:
    """Return the type of what an op takes; None if it takes nothing and waits for nothing."""
    return op.input_defs[0].dagster_type.display_name if op.input_defs else None


def _output(op: dg.OpDefinition) -> str:
    """Return the type of what an op gives."""
    return op.output_defs[0].dagster_type.display_name if op.output_defs else NOTHING


def _resource(
    file: PipelineFile, stage: Stage, op: dg.OpDefinition, key: str, known: Mapping[str, Any]
) -> Any:
    """Return the resource that the local job brings along for an op; the twin wants the known."""
    if key not in known:
        raise file.error(
            stage,
            f"'{op.name}' needs the resource '{key}', which no package of this code location "
            "brings.",
            ("op",),
        )
    checked = CHECKED_OPS.get(op.name)
    return known[key] if checked is None else checked.resources.get(key, known[key])

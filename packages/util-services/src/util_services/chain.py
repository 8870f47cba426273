"""Chains of ops on one dataset, and the two jobs that run a chain: on local files, and on S3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import dagster as dg
from dagster._core.storage.tags import RETRY_STRATEGY_TAG

from util_services.custom_json_logger import simpl_json_logger
from util_services.resources import STORAGE_KEY, local_storage_resource
from util_services.runs.check import CHECKED_OPS

RETRY_TAGS = {RETRY_STRATEGY_TAG: "ALL_STEPS"}  # staging is gone with a failed run
LOGGERS = {"console": dg.colored_console_logger, "simpl": simpl_json_logger}
TAG_PREFIX = "data_services/"


@dataclass(frozen=True, slots=True)
class Link:
    """An op of a chain.

    Attributes:
        op: the op; what the one before it gives is its only input.
        name: what it is called in the chain, and so in the run config.
        config: the config with which the job runs as it is; None for the op's own default.
    """

    op: dg.OpDefinition
    name: str
    config: Mapping[str, Any] | None = None


def chain_of(name: str, description: str, links: Sequence[Link]) -> dg.GraphDefinition:
    """Return the graph in which each op is given what the one before it gives."""

    def compose() -> None:
        given: dict[str, Any] = {}
        for link, following in zip_longest(links, links[1:]):
            node = link.op if link.name == link.op.name else link.op.alias(link.name)
            handed = node(**given)
            if following is not None:
                given = {following.op.input_defs[0].name: handed}

    return dg.graph(name=f"{name}_graph", description=description)(compose)


def jobs_of(
    chain: dg.GraphDefinition,
    links: Sequence[Link],
    *,
    resources: Mapping[str, Any],
    tags: Mapping[str, str],
) -> tuple[dg.JobDefinition, dg.JobDefinition]:
    """Return the job on local files and its twin on S3, from the same graph.

    The shared ops ask for the resource ``s3``: the local job binds it to the local storage, the
    twin leaves it to its host.

    Args:
        chain: what `chain_of` makes of the links.
        links: the ops.
        resources: further resources by their keys: the local job brings them along, since Dagster
            lets a job leave open all of its resources or none, and the twin wants them of its host.
        tags: tags of both jobs.
    """
    name = chain.name.removesuffix("_graph")
    config = run_config_of(links)

    def job(suffix: str, bound: Mapping[str, Any]) -> dg.JobDefinition:
        return chain.to_job(
            name=f"{name}_job{suffix}",
            description=chain.description,
            resource_defs=dict(bound),
            logger_defs=LOGGERS,
            config=config,
            tags={**tags, **RETRY_TAGS},
        )

    return job("", {STORAGE_KEY: local_storage_resource, **resources}), job("_s3", {})


def run_config_of(links: Sequence[Link]) -> dict[str, Any]:
    """Return the run config that the Launchpad opens with; it runs as it is."""
    ops = {}
    for link in links:
        config = default_of(link.op.name) if link.config is None else link.config
        if config:
            ops[link.name] = {"config": dict(config)}
    return {"ops": ops, "loggers": {name: {"config": {}} for name in LOGGERS}}


def default_of(op: str, **changed: Any) -> dict[str, Any]:
    """Return the config with which an op runs as it is, all keys written out.

    Args:
        op: the name of the op.
        changed: what is to be otherwise in it.
    """
    checked = CHECKED_OPS.get(op)
    if checked is None:
        return {}
    return checked.config(**{**checked.default, **changed}).model_dump(mode="json")

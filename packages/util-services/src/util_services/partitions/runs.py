"""A run of one partition, as the command line starts it."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from util_services.errors import ConfigurationError, quoted_name
from util_services.runs.check import laid_over


def with_partition(
    job: dg.JobDefinition, run_config: Mapping[str, Any], key: str | None
) -> dict[str, Any]:
    """Return the run config of a partition, over which goes what is given, key by key of an op.

    Raises:
        ConfigurationError: if the job has no such partition, or none is named of one that has some.
    """
    partitioned = job.partitioned_config
    if partitioned is None:
        if key is not None:
            raise ConfigurationError(f"'{job.name}' has no partitions; leave out '--partition'.")
        return dict(run_config)
    if key is None:
        raise ConfigurationError(
            f"'{job.name}' runs a partition at a time; name one with '--partition'."
        )
    whole = partitioned.get_run_config_for_partition_key(key)
    definition = partitioned.partitions_def
    if not (_is_dynamic(definition) or definition.has_partition_key(key)):
        raise ConfigurationError(
            f"'{job.name}' has no partition {quoted_name(key)}; it is before the first, or to come."
        )
    given = run_config.get("ops", {})
    if not isinstance(given, Mapping):
        return dict(run_config)  # which is refused with its reason
    return {**whole, **run_config, "ops": laid_over(whole["ops"], given)}


def as_partition(
    job: dg.JobDefinition, key: str | None, instance: dg.DagsterInstance
) -> dict[str, str]:
    """Return the tags of a run of a partition, which the instance knows from now on."""
    definition = job.partitions_def
    if definition is None or key is None:
        return {}
    if isinstance(definition, dg.DynamicPartitionsDefinition) and definition.name is not None:
        instance.add_dynamic_partitions(definition.name, [key])
    return dict(job.get_tags_for_partition_key(key, selected_asset_keys=None))


def _is_dynamic(definition: dg.PartitionsDefinition[str]) -> bool:
    return isinstance(definition, dg.DynamicPartitionsDefinition)

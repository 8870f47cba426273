"""The job that verifies the audit, for schedules and for people who have no command line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from util_services.audit.anchors import Anchor
from util_services.audit.errors import AuditError
from util_services.audit.key import audit_keys, unusable_keys
from util_services.audit.open_work import RUN
from util_services.audit.place import audit_directory
from util_services.audit.retention import Pruned, prune_recorded, retention_days
from util_services.audit.verify import Verification, verify
from util_services.errors import DataServicesError, RefusedError
from util_services.runs.audit_tags import anchors, location_of
from util_services.runs.auditing import UNKNOWN_RUN, state_of
from util_services.runs.failure import one_sentence


class AuditVerifyConfig(dg.Config):
    """What is done beside verifying."""

    prune: bool = Field(
        default=False,
        description=(
            "Remove the files that are older than DATA_SERVICES_AUDIT_RETENTION_DAYS, if the "
            "audit is whole."
        ),
    )


def verify_with_runs(
    instance: dg.DagsterInstance, kept: Sequence[Anchor] = (), location: str | None = None
) -> tuple[Verification, Mapping[str, str]]:
    """Verify the audit and what the runs in Dagster keep of it; say what became of open runs.

    Args:
        instance: the Dagster instance.
        kept: links that are kept elsewhere.
        location: the code location whose runs are asked; others may have an audit of their own.

    Raises:
        AuditError: if it cannot be verified.
    """
    # Runs are asked first: what they record from now on is not in what is read of the chains.
    with asked_dagster():
        known = [*kept, *anchors(instance, location)]
    found = verify(audit_directory(), audit_keys(), known, unusable_keys())
    runs = [one.work for one in found.open.values() if one.action == RUN]
    with asked_dagster():
        return found, {run_id: state_of(instance, run_id) for run_id in runs}


def unknown_runs(states: Mapping[str, str]) -> set[str]:
    """Return the open runs that Dagster does not know."""
    return {run_id for run_id, state in states.items() if state == UNKNOWN_RUN}


def held_by(pruned: Pruned) -> str:
    """Return a sentence on the open work that has kept records from being removed."""
    return (
        f"Open work keeps older records: {len(pruned.held_by)}, the oldest is {pruned.held_by[0]}; "
        "'data-services audit verify' shows all of it."
    )


@contextmanager
def asked_dagster() -> Iterator[None]:
    """Around what asks Dagster's storage: without its answer, nothing is known to be broken.

    Raises:
        AuditError: if it does not answer.
    """
    try:
        yield
    except RefusedError:
        raise
    except DataServicesError as error:
        raise AuditError(f"The audit cannot be verified. {error}") from None
    except Exception as error:  # noqa: BLE001 - any database has errors of its own
        raise AuditError(
            "The audit cannot be compared with the runs in Dagster, whose storage cannot be used "
            f"({type(error).__name__}); check DAGSTER_HOME and the database that its dagster.yaml "
            "names, or verify the files alone with '--files-only'."
        ) from None


@dg.op(config_schema=AuditVerifyConfig.to_fields_dict(), out=dg.Out(dg.Nothing))
def audit_verify(context: dg.OpExecutionContext) -> None:
    """Verify every chain of the audit, and what runs keep of them; fail at a broken link."""
    with one_sentence():
        found, states = verify_with_runs(context.instance, location=location_of(context.run))
        open_elsewhere = {run: state for run, state in states.items() if run != context.run_id}
        context.add_output_metadata(
            {
                "chains": len(found.chains),
                "records": found.records,
                "links_kept_elsewhere": found.anchors,
                "notes": [str(note) for note in found.notes],
                "open_runs": dict(open_elsewhere),
            }
        )
        found.require_whole()
        context.log.info(
            f"The audit is whole: {len(found.chains)} chains, {found.records} records."
        )
        days = retention_days()
        if context.op_config["prune"] and days is not None:
            pruned = prune_recorded(days, unknown_runs=unknown_runs(states))
            context.log.info(f"Removed {len(pruned.files)} files that have outlived their time.")
            if pruned.held_by:
                context.log.warning(held_by(pruned))


@dg.job
def audit_verify_job() -> None:
    """Verify the audit: every link of every chain, and what runs keep of them outside of it."""
    audit_verify()

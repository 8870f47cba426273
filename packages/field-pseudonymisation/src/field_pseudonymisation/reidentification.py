"""Originals in a run: approved by a second person, and audited before and after."""

import hashlib
from typing import TYPE_CHECKING, Any

import dagster as dg

from field_pseudonymisation.config import (
    DepseudonymiseStructuredConfig,
    RepseudonymiseStructuredConfig,
)
from util_services import settings
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from field_pseudonymisation.recipe import Recipe
    from util_services.audit.record import Fact
    from util_services.datasets.schema import Schema
    from util_services.flow.inputs import Inputs
    from util_services.flow.operate import Dataset, Outcome
    from util_services.keys.keyset import Keyset

KEYS_RESOURCE = "reidentification_keys"
ACTION = "reidentification"


def may_reidentify() -> bool:
    """Return whether this deployment brings originals back at all."""
    return settings.flag("REIDENTIFICATION") is not False


class ReidentificationKeys:
    """Gives keysets to jobs that bring originals back."""

    def load(self, name: str) -> "Keyset":
        """Return a keyset by its name, of the provider of this deployment.

        Raises:
            ConfigurationError: if the deployment forbids it.
            KeysError: if there is none, or it cannot be used.
        """
        from field_pseudonymisation.api import PURPOSE
        from util_services.keys.keyset import Keyset

        if not may_reidentify():
            raise ConfigurationError(
                "This deployment brings no originals back, as DATA_SERVICES_REIDENTIFICATION says."
            )

        return Keyset.load(name, purpose=PURPOSE)


@dg.resource(description="Keysets for jobs that bring originals back; leave it out to forbid them.")
def reidentification_keys_resource(_: dg.InitResourceContext) -> ReidentificationKeys:
    """Return what gives keysets to the ``depseudonymise`` jobs; nothing is loaded before use."""
    return ReidentificationKeys()


def check_depseudonymise(
    config: DepseudonymiseStructuredConfig,
    schema: "Schema",
    inputs: "Inputs",
    op: str = "depseudonymise_structured",
) -> None:
    """Refuse what is incomplete, before the dataset is read."""
    from field_pseudonymisation.recipe import Recipe
    from field_pseudonymisation.structured import RowSelection, refuse_vaults

    _require_reasons(op, config, "whoever brings personal data back")
    inputs.content(config.approval)
    if config.recipe is not None:
        refuse_vaults(Recipe.from_json(inputs.content(config.recipe)))
    if config.rows is not None:
        RowSelection.read(inputs.content(config.rows), schema.names)


def _require_reasons(
    op: str, config: DepseudonymiseStructuredConfig | RepseudonymiseStructuredConfig, who: str
) -> None:
    for name in ("purpose", "requester", "approval"):
        if not getattr(config, name).strip():
            raise ConfigurationError(
                f"ops.{op}.config.{name}: is missing; {who} says who asks, what for, and who has "
                "approved it."
            )


def depseudonymise_in_run(
    dataset: "Dataset", config: DepseudonymiseStructuredConfig, context: dg.OpExecutionContext
) -> "Outcome":
    """Bring columns back, if somebody else has approved just that and the data may be used."""
    from field_pseudonymisation import structured
    from field_pseudonymisation.recipe import Recipe
    from util_services.releases.register import refuse_withdrawn
    from util_services.reports.record import digest_of_objects

    refuse_withdrawn(digest_of_objects(dataset.staged.objects))
    path = structured.recipe_path(dataset.staged.origin.path, config.recipe)
    written = dataset.content(path)
    recipe = Recipe.from_json(written)
    structured.refuse_vaults(recipe)
    selection = None
    if config.rows is not None:
        selection = structured.RowSelection.read(dataset.content(config.rows), dataset.schema.names)
    approval = _approved(
        dataset,
        config,
        context,
        columns=tuple(config.columns) or None,
        rows=None if selection is None else selection.sha256,
    )
    keyset = _keyset(context, config, recipe)
    plan = structured.restoring_plan(dataset, recipe, keyset, config.columns, config.domain)
    facts = {
        "columns": ", ".join(plan.restored),
        "rows_file": config.rows,
        "recipe_sha256": hashlib.sha256(written).hexdigest(),
        "other_dataset": config.other_dataset,
    }
    with _audited(context, config, approval, facts) as told:
        outcome = structured.restore_dataset(
            dataset, plan, selection, is_other=config.other_dataset
        )
        told["rows_restored"] = dataset.staged.rows - outcome.dropped
    return outcome


def repseudonymise_in_run(
    dataset: "Dataset", config: RepseudonymiseStructuredConfig, context: dg.OpExecutionContext
) -> "Outcome":
    """Pseudonymise a dataset anew; for another keyset if somebody else has approved that.

    Whoever holds the other keyset could read what comes under it, so that a move is as good as a
    way back.
    """
    from field_pseudonymisation.structured import repseudonymise_dataset

    def require_approval() -> None:
        if not may_reidentify():
            raise ConfigurationError(
                "This deployment moves no pseudonyms to another keyset, as "
                "DATA_SERVICES_REIDENTIFICATION says; leave 'keyset' out."
            )
        _require_reasons(
            "repseudonymise_structured", config, "whoever moves pseudonyms to another keyset"
        )
        _approved(dataset, config, context)

    return repseudonymise_dataset(dataset, config, require_approval)


def _approved(
    dataset: "Dataset",
    config: DepseudonymiseStructuredConfig | RepseudonymiseStructuredConfig,
    context: dg.OpExecutionContext,
    *,
    columns: tuple[str, ...] | None = None,
    rows: str | None = None,
) -> str:
    """Return the id of the approval of just what a run asks for."""
    from util_services.approvals import ApprovalRequest
    from util_services.reports.record import digest_of_objects
    from util_services.runs.approving import require_in_run

    request = ApprovalRequest(
        job=context.job_name,
        dataset=digest_of_objects(dataset.staged.objects),
        purpose=config.purpose,
        requester=config.requester,
        columns=columns,
        rows=rows,
    )
    token = _token(dataset.content(config.approval))
    return require_in_run(context, token, request).claims.id


def _token(content: bytes) -> str:
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        return ""  # which is refused as what it is


def _keyset(
    context: dg.OpExecutionContext, config: DepseudonymiseStructuredConfig, recipe: "Recipe"
) -> Any:
    name = config.keyset or recipe.keyset
    return getattr(context.resources, KEYS_RESOURCE).load(name) if name else None


class _audited:  # noqa: N801 - reads as a verb
    """Records in the audit that originals are about to be brought back, and whether they were."""

    def __init__(
        self,
        context: dg.OpExecutionContext,
        config: DepseudonymiseStructuredConfig,
        approval: str,
        facts: "Mapping[str, Fact]",
    ) -> None:
        from util_services.audit import WorkRecord

        self._context = context
        self._counts: dict[str, int] = {}
        self._work = WorkRecord(
            ACTION,
            requester=config.requester,
            purpose=config.purpose,
            approval=approval,
            facts=facts,
        )

    def __enter__(self) -> dict[str, int]:
        from util_services.runs.auditing import record_in_run

        record_in_run(self._context, self._work)
        return self._counts

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        from util_services.audit.record import outcome_of
        from util_services.runs.auditing import record_in_run

        outcome = "success" if error is None else outcome_of(error)
        record_in_run(self._context, self._work.after(outcome, counts=self._counts))

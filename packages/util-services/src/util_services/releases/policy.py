"""What a release policy says, and whether somebody who may say so has signed it.

    purpose: research on the care of diabetes
    released_by: [ada]                    # who may ask for a release
    approval: required                    # a second person signs each release; or none
    valid_days: 365                       # after which a release has expired
    minimum_rows: 100
    columns:                              # all of them, and what each is
      sex: quasi_identifier
      diagnosis_code: sensitive
      patient_id: pseudonym
      ward: insensitive
    checks:                               # what packages check, by name
      privacy_models: {k: 5}
    dataset: patients of clinic A         # whose data these are, in all policies on them
    tables:                               # further tables of the release, by name
      visits:
        columns: {patient_id: pseudonym, reason: sensitive}
        references: {patient_id: patient_id}   # its column: the column of the main table
        checks: {pseudonyms: {}, personal_data: {}}

The policy lies in the storage, where others may change it, so its signature lies beside it
(``<policy>.signature.json``): an envelope signed with the identity of an approver whom the
deployment trusts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from util_services.errors import ConfigurationError, printable, quoted_name
from util_services.keys.info import utc_now
from util_services.models import checked
from util_services.releases.envelope import Envelope
from util_services.releases.errors import EnvelopeError, ReleasePolicyError
from util_services.yaml_text import YamlText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from util_services.approvals.trust import Trust
    from util_services.keys.key_pairs import KeyPair
    from util_services.releases.checks import ReleaseCheck

POLICY_TYPE = "application/vnd.data-services.release-policy+yaml"
SIGNATURE_ENDING = ".signature.json"
TABLE_NAME = r"^[a-z][a-z0-9_]{0,39}$"
JOINED = "joined_view"  # the check that sees all tables together

Role = Literal["quasi_identifier", "sensitive", "pseudonym", "insensitive"]


def _in_one_line(text: str) -> str:
    """Refuse what would break the line of a register, or steer the terminal of who reads it."""
    if not text.strip() or printable(text) != text:
        raise ValueError("must be words in one line")
    return text


def _no_boolean(value: Any) -> Any:
    """Refuse yes and no where a number is meant; they would count as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _somebody(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("names nobody; name one who may ask for a release")
    return names


Words = Annotated[str, AfterValidator(_in_one_line)]
Number = Annotated[int, BeforeValidator(_no_boolean)]


class TablePolicy(BaseModel):
    """What must hold of a further table of a release."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, Role] = Field(min_length=1, description="All columns, and what each is.")
    references: dict[str, str] = Field(
        min_length=1,
        description="Columns whose values are those of a column of the main table, by that.",
    )
    minimum_rows: Number = Field(
        default=1, ge=1, description="How many rows there must be at least."
    )
    checks: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="What packages check, each with its own keys."
    )


class ReleasePolicy(BaseModel):
    """What must hold of a dataset before it is released."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: Words | None = Field(
        default=None,
        description="Whose data these are, by a name that all policies on the same data share.",
    )
    purpose: Words = Field(description="What the data are released for.")
    released_by: Annotated[tuple[Words, ...], AfterValidator(_somebody)] = Field(
        description="Who may ask for a release."
    )
    approval: Literal["required", "none"] = Field(
        default="required", description="Whether a second person signs each release."
    )
    valid_days: Number = Field(
        default=365, ge=1, le=3650, description="After how many days a release has expired."
    )
    minimum_rows: Number = Field(
        default=1, ge=1, description="How many rows there must be at least."
    )
    columns: dict[str, Role] = Field(
        min_length=1, description="All columns of the release, and what each is."
    )
    checks: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="What packages check, each with its own keys."
    )

    tables: dict[Annotated[str, Field(pattern=TABLE_NAME)], TablePolicy] = Field(
        default_factory=dict, description="Further tables of the release, by their names."
    )

    @model_validator(mode="after")
    def _columns_are_there(self) -> Self:
        for name, table in self.tables.items():
            for own, other in table.references.items():
                if own not in table.columns or other not in self.columns:
                    raise ValueError(
                        f"'references' of the table '{name}' name a column that is not among the "
                        "'columns' of its table"
                    )
                if table.columns[own] != self.columns[other]:
                    raise ValueError(
                        f"a column of the table '{name}' and the one that it refers to have "
                        "different roles"
                    )
        return self

    def columns_of(self, role: Role) -> list[str]:
        """Return the columns of a role."""
        return [name for name, own in self.columns.items() if own == role]

    def of_table(self, name: str) -> ReleasePolicy:
        """Return the policy of a further table, as if that were released by itself."""
        table = self.tables[name]
        return self.model_copy(
            update={
                "columns": table.columns,
                "checks": table.checks,
                "minimum_rows": table.minimum_rows,
                "tables": {},
            }
        )


@dataclass(frozen=True, slots=True)
class SignedPolicy:
    """A policy, the bytes that say it, and whose signature is on them."""

    policy: ReleasePolicy
    checks: Mapping[str, BaseModel]  # the config of each check, by its name
    tables: Mapping[str, Mapping[str, BaseModel]]  # and those of each further table
    envelope: Envelope
    signer: str

    @classmethod
    def read(
        cls,
        path: str,
        content: bytes,
        signature: bytes,
        trust: Trust,
        known: Mapping[str, ReleaseCheck],
    ) -> SignedPolicy:
        """Return a policy that an approver of the deployment has signed.

        Args:
            path: how the configuration names it, for errors.
            content: the bytes of the policy.
            signature: the bytes of the file beside it.
            trust: the approvers of the deployment.
            known: the checks that packages bring, by name.

        Raises:
            ReleasePolicyError: if nobody who is trusted has signed just these bytes, or they are no
                policy that can be checked here.
        """
        name = quoted_name(path)
        try:
            envelope = Envelope.from_json(signature, POLICY_TYPE)
        except EnvelopeError as error:
            raise ReleasePolicyError(
                f"{quoted_name(path + SIGNATURE_ENDING)} is no signature of a release policy: "
                f"{error}; sign the policy with 'data-services release sign-policy'."
            ) from None
        approver = trust.find(envelope.key)
        if approver is None or not envelope.is_signed_by(approver.key):
            raise unsigned(path)
        if since := approver.untrusted_since(utc_now()):
            raise ReleasePolicyError(
                f"The release policy {name} is signed with a key that is not trusted since "
                f"{since}; have it signed anew."
            )
        if envelope.payload != content:
            raise ReleasePolicyError(
                f"The release policy {name} was changed after {quoted_name(approver.owner)} signed "
                "it; have it signed anew, or bring the signed one back."
            )
        policy = read_policy(path, content)
        tables = tables_of(path, policy, known)
        return cls(policy, checks_of(path, policy, known), tables, envelope, approver.owner)


def unsigned(path: str) -> ReleasePolicyError:
    """Return the error about a policy that nobody who is trusted has signed."""
    return ReleasePolicyError(
        f"Nobody whom this deployment trusts has signed the release policy {quoted_name(path)}; "
        "have an approver sign it with 'data-services release sign-policy'."
    )


def read_policy(path: str, content: bytes) -> ReleasePolicy:
    """Return the policy that a YAML text holds.

    Raises:
        ReleasePolicyError: naming the place and the rule, if it holds none.
    """
    what = f"The release policy {quoted_name(path)}"
    try:
        values = YamlText.of(content.decode(), what).value
        if not isinstance(values, dict):
            raise ReleasePolicyError(
                f"{what} is no mapping; write 'purpose', 'released_by', 'columns' and 'checks', "
                "each with its value."
            )
        return checked(ReleasePolicy, values, what)
    except UnicodeDecodeError:
        raise ReleasePolicyError(f"{what} is no text in UTF-8; correct it.") from None
    except ReleasePolicyError:
        raise
    except ConfigurationError as error:
        raise ReleasePolicyError(str(error)) from None


def checks_of(
    path: str, policy: ReleasePolicy, known: Mapping[str, ReleaseCheck]
) -> dict[str, BaseModel]:
    """Return the config of each check that a policy names.

    Raises:
        ReleasePolicyError: if no package brings a check, its config is not one or does not go with
            the policy, or a column has a role that an installed check guards and the policy does
            not name that.
    """
    what = f"The release policy {quoted_name(path)}"
    configs = {}
    for name, values in policy.checks.items():
        if name not in known:
            raise ReleasePolicyError(
                f"{what} wants the check {quoted_name(name)}, which no installed package brings; "
                f"known are {', '.join(known) or 'none'}."
            )
        place = f"{what}, checks.{name}"
        _refuse_booleans(known[name].config, values, place)
        try:
            configs[name] = checked(known[name].config, values, place)
        except ConfigurationError as error:
            raise ReleasePolicyError(str(error)) from None
        _refuse_unready(known[name], configs[name], policy, place)
    for check in known.values():
        guarded = [name for role in check.guards for name in policy.columns_of(role)]
        if guarded and check.name not in configs:
            raise ReleasePolicyError(
                f"{what} calls the column {quoted_name(guarded[0])} "
                f"'{policy.columns[guarded[0]]}', but does not say what must hold of such columns; "
                f"add '{check.name}' to its 'checks'."
            )
    return configs


def _refuse_unready(
    check: ReleaseCheck, config: BaseModel, policy: ReleasePolicy, place: str
) -> None:
    if check.ready is None:
        return
    try:
        check.ready(config, policy)
    except ConfigurationError as error:
        raise ReleasePolicyError(f"{place}: {error}") from None


def _refuse_booleans(config: type[BaseModel], values: Mapping[str, Any], place: str) -> None:
    """Refuse yes and no where a number is meant; they would count as 1 and 0."""
    for key, value in values.items():
        field = config.model_fields.get(key)
        if isinstance(value, bool) and field is not None:
            kinds = {field.annotation, *get_args(field.annotation)}
            if bool not in kinds and kinds & {int, float}:
                raise ReleasePolicyError(f"{place}.{key}: must be a number.")


def tables_of(
    path: str, policy: ReleasePolicy, known: Mapping[str, ReleaseCheck]
) -> dict[str, dict[str, BaseModel]]:
    """Return the config of each check of each further table.

    Raises:
        ReleasePolicyError: as `checks_of`, or if nothing is said of all tables together.
    """
    if policy.tables and JOINED not in policy.checks:
        raise ReleasePolicyError(
            f"The release policy {quoted_name(path)} has further tables, but does not say what "
            f"must hold of all of them together; add '{JOINED}' to its 'checks'."
        )
    return {
        name: checks_of(f"{path}, tables.{name}", policy.of_table(name), known)
        for name in policy.tables
    }


def sign_policy(path: str, content: bytes, pair: KeyPair) -> Envelope:
    """Return the signature of a policy, which must be one.

    Raises:
        ReleasePolicyError: if it is none.
    """
    read_policy(path, content)
    return Envelope.sealed(POLICY_TYPE, content, pair)

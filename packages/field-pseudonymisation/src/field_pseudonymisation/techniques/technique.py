"""What a technique is: a declaration that is light, and a transform that does the work.

Plugins declare techniques in the hook ``register_techniques``. Discovery reads declarations, so a
declaration imports its transform when it is bound to a column, not before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from util_services.encryption.secret import Secret
    from util_services.keys.keyset import Key, Keyset

SEAL = "seal"  # the use of the subkey by which recipes are sealed; no technique has it
PolicyName = Literal["deterministic", "per_dataset", "random"]  # the words of ENISA (2019)


class Options(BaseModel):
    """What every rule may say, whatever its technique."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    technique: str = Field(description="What becomes of the values.")
    domain: str | None = Field(
        default=None, description="Within which equal values stay equal; default the policy's."
    )
    policy: PolicyName | None = Field(default=None, description="Default the policy's.")
    nulls: Literal["keep", "error"] = Field(
        default="keep", description="Missing values stay missing, or are refused."
    )


@dataclass(frozen=True, slots=True)
class Target:
    """What a technique is bound to: a column, and the keys for it.

    Attributes:
        column: the name of the column, with the path inside it if there is one.
        type: the type of its values before it is transformed.
        domain: within which equal values get equal pseudonyms.
        policy: whether they do in all datasets, in this one, or not at all.
        salt: what tells this dataset apart, for the policy ``per_dataset``; else empty.
        keyset: the keys.
        key_id: the key; None for the one for new data.
        vaults: the folder of token vaults; None for the one of the environment.
        renews: whether pseudonyms of the key for new data take the place of those of other keys.
    """

    column: str
    type: pa.DataType
    domain: str
    policy: PolicyName
    salt: str
    keyset: Keyset | None
    key_id: str | None = None
    vaults: Path | None = None
    renews: bool = False

    def key(self, key_id: str | None = None) -> Key:
        """Return a key by its id, or the one for new data."""
        if self.keyset is None:
            raise AssertionError("a technique without a keyset asked for a key")
        key_id = key_id or self.key_id
        return self.keyset.primary if key_id is None else self.keyset.key(key_id)

    def subkey(self, use: str, *more: str, length: int = 32, key_id: str | None = None) -> Secret:
        """Return the subkey of this column's domain for a use, which has as many further labels.

        Raises:
            ValueError: for the use that is kept for the seals of recipes.
        """
        if use == SEAL:
            raise ValueError(f"The use '{SEAL}' is kept for the seals of recipes; choose another.")
        labels = (use, *more, self.salt) if self.salt else (use, *more)
        return self.key(key_id).subkey(self.domain, *labels, length=length)


class Transform(Protocol):
    """A technique bound to a column; the same for all batches of a run."""

    @property
    def output(self) -> pa.DataType:
        """The type of the transformed values."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Other columns whose values, before they are transformed, it works with."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Counts for the report, of all batches so far."""

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Return the transformed values, missing ones missing.

        Raises:
            CellsError: with the positions of values that cannot be transformed.
        """

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Return the original values, where the technique is reversible.

        Raises:
            CellsError: with the positions of values that are none of this technique.
        """

    def reverse_each(self, values: pa.Array) -> list[Any]:
        """Return the original values, each of the type that it tells itself, if it is to do so.

        Raises:
            CellsError: with the positions of values that are none of this technique.
        """


@dataclass(slots=True)
class Base:
    """What transforms have in common."""

    target: Target
    options: Any
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what only the type of the column tells; most transforms need nothing."""

    @property
    def output(self) -> pa.DataType:
        """The type of the column, where the technique does not change it."""
        return self.target.type

    @property
    def needs(self) -> tuple[str, ...]:
        """No other columns."""
        return ()

    def count(self, name: str, number: int) -> None:
        """Add to a count of the report."""
        if number:
            self.counts[name] = self.counts.get(name, 0) + int(number)

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Refuse what is not reversible."""
        raise NotImplementedError

    def reverse_each(self, values: pa.Array) -> list[Any]:
        """Refuse what does not describe itself."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Technique:
    """The declaration of a technique.

    Attributes:
        name: the name in rules.
        summary: what it does, in one sentence.
        term: what ISO/IEC 20889 calls it.
        options: what a rule may say.
        bind: returns the transform of a column; imports what is heavy.
        is_reversible: whether the original can be had with the key.
        is_keyed: whether it needs a keyset.
        is_keyless_at_random: whether it needs none with the policy random.
        policies: those that it knows; the others are refused.
        keeps_equality: whether equal values stay equal, so that frequencies show.
        hides_values: whether what comes out tells nothing of a value without a key; only such
            techniques are for values that were brought back to be pseudonymised anew.
        is_self_describing: whether what comes out names its key, and shows if it was changed.
        looks_at_no_value: whether all values become one, so that lists and objects can too.
        works_on_whole_column: whether it needs all rows before the first.
        needs_one_process: whether it keeps something that several processes cannot share.
        adapt: returns the technique as its options make it, where these say whether it needs keys.
    """

    name: str
    summary: str
    term: str
    options: type[Options]
    bind: Callable[[Any, Target], Transform]
    is_reversible: bool = False
    is_keyed: bool = False
    is_keyless_at_random: bool = False
    policies: tuple[PolicyName, ...] = ("deterministic", "per_dataset", "random")
    keeps_equality: bool = False
    hides_values: bool = False
    is_self_describing: bool = False
    looks_at_no_value: bool = False
    works_on_whole_column: bool = False
    needs_one_process: bool = False
    adapt: Callable[[Technique, Options], Technique] | None = None

    @property
    def is_for_one_process(self) -> bool:
        """Whether it works in one process alone, and on no cluster."""
        return self.works_on_whole_column or self.needs_one_process

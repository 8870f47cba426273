"""The built-in techniques: what rules may say of each, and which transform does the work."""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from field_pseudonymisation.techniques.technique import (
    Options,
    PolicyName,
    Target,
    Technique,
    Transform,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Normalise = Literal["none", "nfc", "nfkc", "casefold", "digits"]
AGAIN: bool = Field(
    default=False, description="Transform pseudonyms of an earlier pseudonymisation too."
)
VAULT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"


class KeyedOptions(Options):
    """What rules of techniques on values in the form of bytes may say."""

    model_config = ConfigDict(populate_by_name=True)

    normalise: Normalise = Field(
        default="none", description="A form in which texts count as equal before they are keyed."
    )
    as_: Literal["value", "text"] = Field(
        default="value",
        alias="as",
        description="'text' makes 1 and '1' equal; by default values of two types never are.",
    )
    again: bool = AGAIN


class HashOptions(KeyedOptions):
    """Of the keyed hash."""

    form: Literal["token", "hex", "base64url", "base32"] = Field(
        default="token", description="'token' names scheme and key; the others are bare."
    )
    bytes: int = Field(default=16, ge=16, le=32, description="How many bytes of the HMAC are kept.")


class EncryptOptions(KeyedOptions):
    """Of authenticated encryption."""

    mode: Literal["deterministic", "random"] | None = Field(
        default=None,
        description="AES-SIV, equal values stay equal; or AES-GCM. Default what the policy says.",
    )
    form: Literal["token", "tink"] = Field(
        default="token",
        description="'tink': Tink's wire format of deterministic AEAD, in Base64url.",
    )
    bound_to: Literal["domain", "column"] = Field(
        default="domain",
        description="Where a token can be read: in all columns of its domain, or in its own.",
    )

    @model_validator(mode="after")
    def _tink_is_deterministic(self) -> EncryptOptions:
        if self.form == "tink" and "random" in {self.mode, self.policy}:
            raise ValueError("'form: tink' is for the mode 'deterministic'")
        return self


class FormatPreservingOptions(Options):
    """Of format-preserving encryption."""

    alphabet: str = Field(
        default="digits",
        description=(
            "digits, hex, hex_upper, lower, upper, letters, alphanumeric, alphanumeric_upper, "
            "alphanumeric_lower, or the characters themselves."
        ),
    )
    separators: str = Field(default="", description="Characters that stay where they are.")
    keep_prefix: int = Field(default=0, ge=0, description="Characters of the alphabet kept first.")
    keep_suffix: int = Field(default=0, ge=0, description="Characters of the alphabet kept last.")
    preserve_from: str = Field(
        default="", max_length=1, description="From this character on all stays, such as '@'."
    )
    check_digit: Literal["none", "luhn", "mod97", "iban"] = Field(
        default="none", description="Is checked, and computed anew."
    )
    width: int | None = Field(
        default=None, ge=6, le=38, description="Digits of an integer; it becomes a text of so many."
    )
    length: int | None = Field(
        default=None, ge=1, description="Of all values in the alphabet, if it is known beforehand."
    )
    on_unencryptable: Literal["error", "null"] = Field(
        default="error", description="What becomes of values that are too short, or strange."
    )
    again: bool = AGAIN

    @model_validator(mode="before")
    @classmethod
    def _length_of_width(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("width") and "length" not in values:
            return {**values, "length": values["width"]}
        return values


class TokeniseOptions(KeyedOptions):
    """Of tokens out of a vault."""

    vault: str = Field(default="default", pattern=VAULT_NAME, description="The vault, by its name.")


class MaskOptions(Options):
    """Of masking."""

    keep_first: int = Field(default=0, ge=0, description="Characters shown at the beginning.")
    keep_last: int = Field(default=0, ge=0, description="Characters shown at the end.")
    character: str = Field(default="*", min_length=1, max_length=1, description="What hides.")
    separators: str = Field(default="", description="Characters that stay where they are.")
    length: int | None = Field(
        default=None, ge=1, description="Hide behind so many characters; default the true length."
    )
    form: Literal["text", "email"] = Field(
        default="text", description="'email' shows the first of several characters, and the domain."
    )


class RedactOptions(Options):
    """Of redaction."""

    text: str = Field(default="[REDACTED]", description="The text; a public constant.")
    hide_nulls: bool = Field(default=False, description="Also where there is no value.")


class ReplaceOptions(Options):
    """Of replacement."""

    value: Any = Field(description="The value, of the column's own type; a public constant.")
    hide_nulls: bool = Field(default=False, description="Also where there is no value.")


class GeneraliseOptions(Options):
    """Of generalisation."""

    by: Literal["bins", "edges", "rounding", "date", "prefix", "ip"] = Field(
        description="What the classes are."
    )
    width: float | None = Field(default=None, gt=0, description="Of bins: how wide each is.")
    origin: float = Field(default=0, description="Of bins: where one begins.")
    edges: tuple[float, ...] = Field(default=(), description="Of edges: in ascending order.")
    base: float | None = Field(default=None, gt=0, description="Of rounding: to its multiples.")
    level: Literal["decade", "year", "quarter", "month", "week"] | None = Field(
        default=None, description="Of date: how much of it stays."
    )
    format: str = Field(default="%Y-%m-%d", description="How texts write dates (strftime).")
    keep: int | None = Field(default=None, ge=1, description="Of prefix: characters that stay.")
    ipv4: int = Field(default=24, ge=0, le=32, description="Of ip: bits of a network.")
    ipv6: int = Field(default=48, ge=0, le=128, description="Of ip: bits of a network.")

    @field_validator("edges")
    @classmethod
    def _ascending(cls, edges: Sequence[float]) -> Sequence[float]:
        if any(a >= b for a, b in itertools.pairwise(edges)):
            raise ValueError("the edges must ascend")
        return edges

    @model_validator(mode="after")
    def _complete(self) -> GeneraliseOptions:
        wanted = {"bins": "width", "edges": "edges", "rounding": "base", "date": "level"}
        wanted["prefix"] = "keep"
        name = wanted.get(self.by)
        if name is not None and getattr(self, name) in {None, ()}:
            raise ValueError(f"'by: {self.by}' wants '{name}'")
        return self


class DateShiftOptions(Options):
    """Of shifted dates."""

    entity: str = Field(description="The column whose value decides on the days, such as a person.")
    days: int = Field(default=365, ge=1, le=36_500, description="At most so many, either way.")
    format: str = Field(default="%Y-%m-%d", description="How texts write dates (strftime).")


class NoiseOptions(Options):
    """Of noise."""

    distribution: Literal["gaussian", "laplace", "uniform"] = Field(
        default="gaussian", description="Of the noise."
    )
    scale: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="Standard deviation, b of Laplace, or half the width.",
    )
    minimum: float | None = Field(
        default=None, allow_inf_nan=False, description="What is less becomes this."
    )
    maximum: float | None = Field(
        default=None, allow_inf_nan=False, description="What is more becomes this."
    )

    @model_validator(mode="after")
    def _leaves_room(self) -> NoiseOptions:
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError("'minimum' must be less than 'maximum'")
        return self


class ShuffleOptions(Options):
    """Of shuffling."""

    within: tuple[str, ...] = Field(
        default=(), description="Columns: values move between rows that are equal in these."
    )


def _lazily(module: str, name: str) -> Callable[[Any, Target], Transform]:
    """Return what binds a transform of a module that is imported then, and not before."""

    def bind(options: Any, target: Target) -> Transform:
        found = import_module(f"field_pseudonymisation.techniques.{module}")
        transform: Transform = getattr(found, name)(target, options)
        return transform

    return bind


def _encrypt(options: Any, target: Target) -> Transform:
    is_random = (options.mode or target.policy) == "random"
    name = "RandomEncryption" if is_random else "DeterministicEncryption"
    return _lazily("encryption", name)(options, target)


_nullify = _lazily("constants", "Nullify")
DROP, RETAIN = "drop", "retain"
REPEATABLE: tuple[PolicyName, ...] = ("deterministic", "per_dataset")


def built_in_techniques() -> Iterable[Technique]:
    """Return the techniques of this package."""
    return (
        Technique(
            name="hash",
            summary="HMAC-SHA256 under a key of the domain.",
            term="pseudonymisation (keyed hash)",
            options=HashOptions,
            bind=_lazily("hashing", "KeyedHash"),
            hides_values=True,
            is_keyed=True,
            policies=REPEATABLE,
            keeps_equality=True,
        ),
        Technique(
            name="encrypt",
            summary="AES-SIV, or AES-GCM where equal values are to differ.",
            term="pseudonymisation (encryption)",
            options=EncryptOptions,
            bind=_encrypt,
            hides_values=True,
            is_self_describing=True,
            is_reversible=True,
            is_keyed=True,
            keeps_equality=True,
        ),
        Technique(
            name="format_preserving_encrypt",
            summary="FF1 of NIST SP 800-38G: texts of the same length and alphabet.",
            term="format-preserving encryption",
            options=FormatPreservingOptions,
            bind=_lazily("format_preserving", "FormatPreservingEncryption"),
            hides_values=True,
            is_reversible=True,
            is_keyed=True,
            policies=REPEATABLE,
            keeps_equality=True,
        ),
        Technique(
            name="tokenise",
            summary="Random tokens out of an encrypted vault.",
            term="pseudonymisation (mapping table)",
            options=TokeniseOptions,
            bind=_lazily("tokenisation", "Tokenisation"),
            needs_one_process=True,
            hides_values=True,
            is_self_describing=True,
            is_reversible=True,
            is_keyed=True,
            keeps_equality=True,
        ),
        Technique(
            name="mask",
            summary="Hides characters.",
            term="masking",
            options=MaskOptions,
            bind=_lazily("masking", "Mask"),
        ),
        Technique(
            name="redact",
            summary="One text in place of every value.",
            term="local suppression",
            options=RedactOptions,
            bind=_lazily("constants", "Redact"),
            looks_at_no_value=True,
            hides_values=True,
        ),
        Technique(
            name="replace",
            summary="One declared value in place of every value.",
            term="local suppression",
            options=ReplaceOptions,
            bind=_lazily("constants", "Replace"),
            looks_at_no_value=True,
            hides_values=True,
        ),
        Technique(
            name="nullify",
            summary="No value at all.",
            term="local suppression",
            options=Options,
            bind=_nullify,
            looks_at_no_value=True,
            hides_values=True,
        ),
        Technique(
            name=DROP,
            summary="The column is left out.",
            term="attribute suppression",
            options=Options,
            bind=_nullify,
            looks_at_no_value=True,
            hides_values=True,
        ),
        Technique(
            name=RETAIN,
            summary="The values stay as they are.",
            term="none",
            options=Options,
            bind=_lazily("constants", "Retain"),
            is_reversible=True,
        ),
        Technique(
            name="generalise",
            summary="A wider class in place of each value.",
            term="generalisation (rounding, local generalisation)",
            options=GeneraliseOptions,
            bind=_lazily("generalisation", "Generalise"),
        ),
        Technique(
            name="date_shift",
            summary="Dates moved by days that are the same for all dates of an entity.",
            term="noise addition (keyed)",
            options=DateShiftOptions,
            bind=_lazily("dates", "DateShift"),
            is_reversible=True,
            is_keyed=True,
            policies=REPEATABLE,
        ),
        Technique(
            name="noise",
            summary="Numbers changed by random amounts.",
            term="noise addition",
            options=NoiseOptions,
            bind=_lazily("noise", "Noise"),
            is_keyed=True,
            is_keyless_at_random=True,
            keeps_equality=True,
        ),
        Technique(
            name="shuffle",
            summary="The values of a column dealt out anew.",
            term="permutation",
            options=ShuffleOptions,
            bind=_lazily("noise", "Shuffle"),
            works_on_whole_column=True,
        ),
    )

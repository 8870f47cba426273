"""Policies: which technique is for which columns, under which keys and in which domain."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import yaml
from pydantic import ValidationError

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.registry import technique
from field_pseudonymisation.techniques.catalogue import RETAIN, EncryptOptions
from field_pseudonymisation.techniques.technique import Options, PolicyName, Technique
from util_services.errors import printable, quoted, quoted_name
from util_services.models import RULES

Unmatched = Literal["error", "keep", "drop"]
ARROW = "->"  # between a column and a path inside it
WILD = "*"
KEY_BYTES = frozenset({16, 24, 32, 48, 64})
FREE_TEXTS = frozenset({"alphabet", "format", "text"})  # options that may look like anything
OLDER_KEYS = {  # of the platform's former configuration, and what to write here
    "used_function": "'rules', a technique for each column",
    "function": "'technique'",
    "columns": "'rules', by the name of each column",
    "pii": "'rules', by the name of each column",
    "algorithm": "nothing: 'hash' is HMAC-SHA256 under a key, and there is no hash without one",
    "key_name": "'keyset', the name of a keyset",
    "key": "'keyset', the name of a keyset; keys themselves are never in a config",
    "secret_key": "'keyset', the name of a keyset; keys themselves are never in a config",
    "salt": "'keyset'; a key takes the place of a salt",
    "new_value": "'value' of 'replace', or 'text' of 'redact'",
    "input_path": "the 'path' of read_dataset",
    "output_path": "the 'path' of write_dataset",
    "bucket_name": "the 'path' of read_dataset and write_dataset",
    "file_key": "the 'path' of read_dataset and write_dataset",
}
OLDER_TECHNIQUES = {"decrypt": "the job 'depseudonymise_structured'"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the columns, or of a place inside them, that a pattern names."""

    pattern: str  # as it is written
    column: str
    path: str | None
    technique: Technique
    options: Options
    domain: str  # its own or the policy's, in normal form C
    policy: PolicyName  # that of its mode, its own, or the policy's

    @property
    def is_keyed(self) -> bool:
        """Whether it needs a keyset."""
        is_fresh = self.technique.is_keyless_at_random and self.policy == "random"
        return self.technique.is_keyed and not is_fresh

    @property
    def is_undone(self) -> bool:
        """Whether the way back brings anything back; what is retained is there already."""
        return self.technique.is_reversible and self.technique.name != RETAIN

    @property
    def keeps_equality(self) -> bool:
        """Whether equal values stay equal, so that frequencies show."""
        return self.technique.keeps_equality and self.policy != "random"

    def describe(self) -> dict[str, Any]:
        """Return technique and options as plain data."""
        return self.options.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True)
class PseudonymisationPolicy:
    """Which technique is for which columns.

    Args:
        keyset: the name of the keyset; it may be left out where no technique needs keys.
        domain: within which equal values get equal pseudonyms.
        rules: a technique with its options, by the name of a column, a pattern of names with
            ``*``, or a place inside a column: ``payload -> $.contacts[*].phone``.
        unmatched: what becomes of columns, and of places inside columns with such rules, for
            which there is no rule.
        policy: whether equal values stay equal in all datasets of the domain
            (``deterministic``), in each alone (``per_dataset``), or nowhere (``random``).

    Raises:
        PolicyError: in one sentence, if it cannot be carried out.
    """

    keyset: str = ""
    domain: str = ""
    rules: Mapping[str, Any] = field(default_factory=dict)
    unmatched: Unmatched = "error"
    policy: PolicyName = "deterministic"

    def __post_init__(self) -> None:
        """Check all that can be checked without a dataset."""
        for name, value, allowed in (
            ("unmatched", self.unmatched, get_args(Unmatched)),
            ("policy", self.policy, get_args(PolicyName)),
        ):
            if value not in allowed:
                raise PolicyError(f"'{name}' must be one of {quoted(allowed)}.")
        for name, text in (("keyset", self.keyset), ("domain", self.domain)):
            if not isinstance(text, str):
                raise PolicyError(f"'{name}' must be a text.")
            refuse_key_material(name, text)
        if not isinstance(self.rules, Mapping):
            raise PolicyError("'rules' must be a mapping of columns to techniques.")
        made = [
            make_rule(str(pattern), rule, domain=self.domain, policy=self.policy)
            for pattern, rule in self.rules.items()
        ]
        object.__setattr__(self, "_rules", tuple(made))
        if any(rule.is_keyed and not rule.domain for rule in made):
            raise PolicyError(
                "'domain' is missing; name within what equal values may be joined, such as a study."
            )
        for rule in made:
            _refuse_contradiction(rule)
            if rule.policy not in rule.technique.policies:
                raise PolicyError(
                    f"rules.{printable(rule.pattern)}: '{rule.technique.name}' cannot be "
                    f"{quoted_name(rule.policy)}; use 'encrypt' or 'tokenise'."
                )

    @property
    def made_rules(self) -> tuple[Rule, ...]:
        """The rules, checked."""
        return tuple(self._rules)  # type: ignore[attr-defined]

    @property
    def needs_keys(self) -> bool:
        """Whether any technique needs a keyset."""
        return any(rule.is_keyed for rule in self.made_rules)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> PseudonymisationPolicy:
        """Return the policy that plain data, such as a YAML file, describes.

        Raises:
            PolicyError: if it is none.
        """
        if not isinstance(fields, Mapping):
            raise PolicyError("A policy is a mapping with 'keyset', 'domain' and 'rules'.")
        known = set(cls.__dataclass_fields__)
        for name in fields:
            if name not in known:
                raise PolicyError(unknown_key(str(name), sorted(known)))
        return cls(**dict(fields))

    @classmethod
    def from_yaml(cls, text: str | bytes) -> PseudonymisationPolicy:
        """Return the policy of a YAML file.

        Raises:
            PolicyError: if it is none.
        """
        try:
            fields = yaml.safe_load(text)
        except (yaml.YAMLError, UnicodeDecodeError):
            raise PolicyError("The policy file is no YAML; correct it.") from None
        return cls.from_dict(fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as plain data, with the defaults of its rules filled in."""
        return {
            "keyset": self.keyset,
            "domain": self.domain,
            "policy": self.policy,
            "unmatched": self.unmatched,
            "rules": {rule.pattern: rule.describe() for rule in self.made_rules},
        }

    def rules_of(self, columns: list[str]) -> dict[str, tuple[Rule, ...]]:
        """Return the rules of each column; none for columns that are unmatched and stay.

        Raises:
            PolicyError: if rules overlap, match nothing, or leave a column out.
        """
        found: dict[str, list[Rule]] = {name: [] for name in columns}
        for made in self.made_rules:
            rule = _whole_if_column(made, columns)
            names = _named(rule.column, columns)
            if not names:
                raise PolicyError(
                    f"rules.{printable(rule.pattern)}: matches no column; the dataset has "
                    f"{quoted(columns)}."
                )
            for name in names:
                found[name].append(rule)
        for name, rules in found.items():
            whole = [rule for rule in rules if rule.path is None]
            if len(rules) > 1 and whole:
                raise PolicyError(
                    f"The column {quoted_name(name)} is matched by several rules: "
                    f"{quoted([rule.pattern for rule in rules])}; leave one."
                )
        left = [name for name, rules in found.items() if not rules]
        if left and self.unmatched == "error":
            raise PolicyError(
                f"There is no rule for {quoted(left)}; add rules (such as 'technique: retain'), or "
                "set 'unmatched' to 'keep' or 'drop'."
            )
        return {name: tuple(rules) for name, rules in found.items()}


def _refuse_contradiction(rule: Rule) -> None:
    """Refuse an encryption whose mode or form says something else than its policy.

    Raises:
        PolicyError: naming the rule.
    """
    options, chosen, place = rule.options, rule.policy, f"rules.{printable(rule.pattern)}"
    if not isinstance(options, EncryptOptions):
        return
    if options.mode == "random" and options.policy not in {None, "random"}:
        raise PolicyError(
            f"{place}: 'mode: random' and 'policy: {options.policy}' contradict; leave one."
        )
    if options.mode == "deterministic" and chosen == "random":
        raise PolicyError(
            f"{place}: 'mode: deterministic' contradicts the policy 'random'; leave it out, or "
            "give the rule 'policy: deterministic'."
        )
    if options.form == "tink" and chosen == "random":
        raise PolicyError(
            f"{place}: 'form: tink' is deterministic; give the rule 'policy: deterministic'."
        )


def make_rule(
    pattern: str, given: Any, *, domain: str = "", policy: PolicyName = "deterministic"
) -> Rule:
    """Return a rule from what a user wrote: a mapping, or the name of a technique alone.

    Domain and policy are those that it has unless it names others.

    Raises:
        PolicyError: naming the rule and the option.
    """
    place = f"rules.{printable(pattern)}"
    fields = {"technique": given} if isinstance(given, str) else given
    if not isinstance(fields, Mapping) or not isinstance(fields.get("technique"), str):
        raise PolicyError(f"{place}: must be a mapping with 'technique'.")
    for name, value in fields.items():
        if name not in FREE_TEXTS and isinstance(value, str):
            refuse_key_material(f"{place}.{name}", value)
    if fields["technique"] in OLDER_TECHNIQUES:
        raise PolicyError(
            f"{place}: '{fields['technique']}' is a technique of the platform's former "
            f"configuration; here it is {OLDER_TECHNIQUES[fields['technique']]}."
        )
    try:
        found = technique(fields["technique"])
    except PolicyError as error:
        raise PolicyError(f"{place}: {error}.") from None
    try:
        options = found.options.model_validate({str(key): value for key, value in fields.items()})
    except ValidationError as error:
        raise PolicyError(f"{place}{_told(error, found)}") from None
    if found.adapt is not None:
        found = found.adapt(found, options)
    column, _, path = pattern.partition(ARROW)
    own = normal_domain(options.domain or domain), _policy_of(options, policy)
    if not path:
        return Rule(pattern, pattern, None, found, options, *own)
    if found.works_on_whole_column or "entity" in found.options.model_fields:
        raise PolicyError(f"{place}: '{found.name}' does not work inside of a column.")
    return Rule(pattern, column.strip(), path.strip(), found, options, *own)


def normal_domain(domain: str) -> str:
    """Return a domain in Unicode's normal form C, in which equal names are equal."""
    return unicodedata.normalize("NFC", domain)


def _policy_of(options: Options, policy: PolicyName) -> PolicyName:
    if isinstance(options, EncryptOptions) and options.mode == "random":
        return "random"
    return options.policy or policy


def unknown_key(name: str, known: list[str]) -> str:
    """Return the sentence about a key that is none, with the counterpart of an older one."""
    if name in OLDER_KEYS:
        return (
            f"'{name}' is a key of the platform's former configuration; here it is "
            f"{OLDER_KEYS[name]}."
        )
    return f"unknown key {quoted_name(name)}; known are {', '.join(known)}."


def refuse_key_material(place: str, text: str) -> None:
    """Refuse a text that looks like a key: 16 to 64 bytes in hexadecimal digits or Base64.

    Raises:
        PolicyError: naming the place, never the text.
    """
    if _looks_like_key(text):
        raise PolicyError(
            f"{place}: the text looks like a key; name a keyset instead, for keys are never here."
        )


def _looks_like_key(text: str) -> bool:
    bare = text.strip()
    try:
        return len(bytes.fromhex(bare)) in KEY_BYTES
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9+/_-]{22,88}={0,2}", bare) or not re.search(r"\d", bare):
            return False
        if bare == bare.lower() or bare == bare.upper():
            return False
        try:
            padded = bare.rstrip("=").replace("-", "+").replace("_", "/")
            content = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
        except (binascii.Error, ValueError):
            return False
    return len(content) in KEY_BYTES and len(set(content)) > len(content) // 2


def _whole_if_column(rule: Rule, columns: list[str]) -> Rule:
    """Return a rule as one for a column in whose name the arrow stands, if it is that."""
    return replace(rule, column=rule.pattern, path=None) if rule.pattern in columns else rule


def _named(pattern: str, columns: list[str]) -> list[str]:
    """Return the columns that a pattern names; the exact name of one names that alone."""
    if pattern in columns or WILD not in pattern:
        return [name for name in columns if name == pattern]
    wild = re.compile(".*".join(map(re.escape, pattern.split(WILD))), re.DOTALL)
    return [name for name in columns if wild.fullmatch(name)]


def _told(error: ValidationError, found: Technique) -> str:
    found_errors = error.errors(include_url=False, include_input=False)
    first = next((one for one in found_errors if one["type"] == "extra_forbidden"), found_errors[0])
    path = "".join(f".{printable(str(part))}" for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [info.alias or name for name, info in found.options.model_fields.items()]
        return f": {unknown_key(str(first['loc'][-1]), known)}"
    if first["type"] == "missing":
        return f"{path}: is missing; add it."
    kind = "list_type" if first["type"] == "tuple_type" else first["type"]
    rule = RULES.get(kind, first["msg"].removeprefix("Value error, ").rstrip("."))
    return f"{path}: {rule[:1].lower()}{rule[1:]}."

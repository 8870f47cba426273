"""The calls for notebooks and scripts: what is in a text, and what the columns of a frame hold."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.detectors.scanner import MINIMUM_SCORE, Scanner
from field_pseudonymisation.frames import columns_of
from field_pseudonymisation.policy import PseudonymisationPolicy
from field_pseudonymisation.text.proposals import policy_text, propose
from field_pseudonymisation.text.registry import chosen_detectors, detectors_with

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from field_pseudonymisation.detectors.detector import Span


def detect(
    text: str,
    detectors: Iterable[str] = (),
    *,
    model: str = "",
    minimum_score: float = MINIMUM_SCORE,
) -> list[Span]:
    """Return where a text holds personal data, in order and without overlaps.

    Names of people, places and organisations are looked for by a language model alone.

    Args:
        text: the text.
        detectors: what is looked for, by entity or detector; everything if empty.
        model: an installed model of spaCy, such as ``en_core_web_lg``, for names; needs
            ``field-pseudonymisation[presidio]``.
        minimum_score: how sure a finding must be, from 0 to 1.

    Returns:
        Spans whose ``start`` and ``end`` count code points: ``text[span.start : span.end]``.

    Raises:
        PolicyError: for a name that no detector has, or a model that is not installed.
    """
    return _scanner(tuple(detectors), model, minimum_score).scan([text])[0]


@lru_cache(maxsize=32)
def _scanner(names: tuple[str, ...], model: str, minimum_score: float) -> Scanner:
    return Scanner(chosen_detectors(names, detectors_with(model)), minimum_score)


def detect_personal_data(
    frame: Any,
    *,
    keyset: str = "",
    domain: str = "personal-data",
    sample_rows: int = 10_000,
    detectors: Sequence[str] = (),
    minimum_share: float = 0.5,
) -> tuple[PseudonymisationPolicy, dict[str, Any]]:
    """Return a policy that is proposed for a frame, and a report with its reasons.

    Args:
        frame: a pandas DataFrame or an Arrow table; it is not changed.
        keyset: the keyset that the policy names.
        domain: the domain that the policy names.
        sample_rows: how many rows are looked at, spread evenly.
        detectors: what is looked for, by entity or detector; everything if empty.
        minimum_share: of the values of a column that must be such values as a whole.

    Returns:
        The policy, and a report with counts and no values; its ``policy`` is the policy as YAML
        with its reasons as comments, for somebody to read first.

    Raises:
        PolicyError: for a name that no detector has.
    """
    columns, _ = columns_of(frame)
    step = max(1, -(-len(frame) // sample_rows))
    sample = {name: values[::step] for name, values in columns.items()}
    proposals = propose(sample, chosen_detectors(detectors), minimum_share)
    text = policy_text(proposals, keyset, domain)
    report = {
        "operation": "detect_personal_data",
        "rows": len(frame),
        "columns": [one.to_dict() for one in proposals],
        "policy": text,
    }
    return PseudonymisationPolicy.from_yaml(text), report

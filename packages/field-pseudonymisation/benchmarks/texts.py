"""Precision, recall and speed of the detectors on labelled sentences, beside Presidio's patterns.

    uv run --no-sync --with presidio-analyzer python texts.py

Sentences are those of DATA_SERVICES_TEST_DATA (`pii/english_sentences.json`). A finding counts if
it and a label of its kind overlap by more than half of the longer one. Half of the templates of
sentences are for tuning, whose errors `--errors` shows, the others for reporting. Presidio runs its
recognisers of patterns without a language model, at the threshold given.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import resource
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.detectors.catalogue import built_in_detectors
from field_pseudonymisation.detectors.payment import IBAN_LENGTHS
from field_pseudonymisation.detectors.phones import EUROPE
from field_pseudonymisation.detectors.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {  # labels, and what finds them here and in Presidio
    "EMAIL_ADDRESS": ({"email"}, {"EMAIL_ADDRESS"}),
    "PHONE_NUMBER": ({"phone"}, {"PHONE_NUMBER"}),
    "CREDIT_CARD": ({"payment_card"}, {"CREDIT_CARD"}),
    "IBAN_CODE": ({"iban"}, {"IBAN_CODE"}),
    "US_SSN": ({"national_id"}, {"US_SSN"}),
    "IP_ADDRESS": ({"ip_address"}, {"IP_ADDRESS"}),
    "DOMAIN_NAME": ({"url"}, {"URL"}),
    "DATE_TIME": ({"date", "date_of_birth"}, {"DATE_TIME"}),
    "ZIP_CODE": ({"postcode"}, set()),
    "US_DRIVER_LICENSE": ({"driving_licence"}, {"US_DRIVER_LICENSE"}),
}
WITHIN = {"ZIP_CODE": {"STREET_ADDRESS"}}  # labels whose text holds such values unlabelled
RUNS = 5
ABOUT = {  # what stands around values
    "PHONE_NUMBER": (("You can call me at ", " from nine to five."), ("Tel: ", "\nMail: none")),
    "IBAN_CODE": (("Please pay to ", " today."), ("Account ", ", thank you")),
    "CREDIT_CARD": (("It was charged to ", "."), ("card no. ", " expires 12/29")),
    "EMAIL_ADDRESS": (("Write to ", "."), ("<", ">, he said")),
    "DOMAIN_NAME": (("See ", "."), ("(at ", ")")),
    "IP_ADDRESS": (("Blocked ", " again."), ("host=", ";")),
    "": (("The order ", " was sent."), ("see page ", ".")),
}
TRAPS = (
    *("2019-2024", "1,234,567.89", "12:30:45.123456", "3.14159265", "10.1000/182", "v1.2.3"),
    *("978-3-16-148410-0", "A4-2024-00123", "17-03-42", "0.0001", "RFC 2822", "x86_64"),
)
Sentence = dict[str, Any]
Found = tuple[int, int, str]


def template(one: Sentence) -> str:
    """Return a sentence with its labels in place of its values."""
    text = one["text"]
    for span in sorted(one["spans"], key=lambda s: -s["start"]):
        text = f"{text[: span['start']]}<{span['entity']}>{text[span['end'] :]}"
    return re.sub(r"\s+", " ", text)


def is_tuning(one: Sentence) -> bool:
    return hashlib.sha256(template(one).encode()).digest()[0] < 128


def hits(span: Found, label: dict[str, Any]) -> bool:
    overlap = min(span[1], label["end"]) - max(span[0], label["start"])
    return overlap > 0.5 * max(label["end"] - label["start"], span[1] - span[0])


def lies_in(span: Found, labels: list[dict[str, Any]]) -> bool:
    return any(one["start"] <= span[0] and span[1] <= one["end"] for one in labels)


def measured(
    sentences: list[Sentence], found: list[list[Found]], place: int
) -> tuple[dict[str, list[int]], list[Any]]:
    """Return true and false findings and misses by label."""
    result = defaultdict(lambda: [0, 0, 0])
    errors = []
    for sentence, spans in zip(sentences, found, strict=True):
        for label, kinds in KINDS.items():
            wanted = [s for s in sentence["spans"] if s["entity"] == label]
            addresses = [s for s in sentence["spans"] if s["entity"] in WITHIN.get(label, ())]
            mine = [s for s in spans if s[2] in kinds[place] and not lies_in(s, addresses)]
            for span in mine:
                is_hit = any(hits(span, one) for one in wanted)
                result[label][0 if is_hit else 1] += 1
                if not is_hit:
                    errors.append((label, "false", sentence, span))
            for one in wanted:
                if not any(hits(span, one) for span in mine):
                    result[label][2] += 1
                    errors.append((label, "missed", sentence, (one["start"], one["end"], label)))
    return result, errors


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the median of seconds of CPU time, and what the work returns."""
    seconds = []
    for _ in range(RUNS):
        began = time.process_time()
        result = work()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds), result


def ours(texts: list[str]) -> Callable[[], list[list[Found]]]:
    scanner = Scanner(built_in_detectors())
    scanner.scan(texts[:50])

    def work() -> list[list[Found]]:
        return [[(s.start, s.end, s.entity) for s in spans] for spans in scanner.scan(texts)]

    return work


def presidio(texts: list[str], threshold: float) -> Callable[[], list[list[Found]]]:
    from presidio_analyzer import RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers()
    recognisers = [
        r
        for r in registry.recognizers
        if r.supported_language == "en" and "Spacy" not in type(r).__name__
    ]

    def one(text: str) -> list[Found]:
        from presidio_analyzer import EntityRecognizer

        nothing = NlpArtifacts([], [], [], [], None, "en")
        spans = []
        for recogniser in recognisers:
            entities = recogniser.supported_entities
            spans += recogniser.analyze(text, entities, nothing) or []
        kept = [s for s in EntityRecognizer.remove_duplicates(spans) if s.score >= threshold]
        return [(s.start, s.end, s.entity_type) for s in kept]

    return lambda: [one(text) for text in texts]


def european() -> list[Sentence]:
    """Return sentences with phones, accounts, cards and identifiers of Europe, and with traps."""
    import phonenumbers
    from stdnum import iban, luhn

    chance = random.Random(17)
    digits = lambda size: "".join(chance.choices("0123456789", k=size))  # noqa: E731
    values: list[tuple[str, str]] = []
    for region in (*EUROPE, "US"):
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(region, kind)
            forms = (phonenumbers.format_number(number, form) for form in (0, 1, 2))
            values += [("PHONE_NUMBER", form) for form in forms]
    for country, size in IBAN_LENGTHS.items():
        bban = digits(size - 4)
        bare = country + iban.calc_check_digits(f"{country}00{bban}") + bban
        values += [("IBAN_CODE", bare), ("IBAN_CODE", iban.format(bare))]
    for prefix in ("4", "51", "2221", "34", "37", "3569", "6011", "62", "50", "36"):
        size = {"3": 15, "36": 14}.get(prefix if prefix == "36" else prefix[0], 16)
        size = 16 if prefix == "3569" else size
        start = prefix + digits(size - 1 - len(prefix))
        values.append(("CREDIT_CARD", start + luhn.calc_check_digit(start)))
        values.append(("", start + str((int(luhn.calc_check_digit(start)) + 3) % 10)))
    values += [("EMAIL_ADDRESS", f"user{n}@mail{n}.example.org") for n in range(20)]
    values += [("DOMAIN_NAME", f"https://www.example{n}.org/a?b={n}") for n in range(20)]
    values += [("IP_ADDRESS", f"192.0.2.{n}") for n in range(20)]
    values += [("", text) for text in TRAPS]
    sentences = []
    for label, value in values:
        for before, after in ABOUT[label]:
            text = f"{before}{value}{after}"
            span = {"entity": label, "start": len(before), "end": len(before) + len(value)}
            sentences.append({"text": text, "spans": [span] if label else []})
    return sentences


def table(
    title: str,
    sentences: list[Sentence],
    ours_found: list[list[Found]],
    theirs_found: list[list[Found]] | None,
) -> list[Any]:
    print(f"\n{title}: {len(sentences)} sentences")
    print(f"{'label':20} {'here':>14} {'Presidio':>14}   true/false/missed here")
    mine, errors = measured(sentences, ours_found, 0)
    theirs = measured(sentences, theirs_found, 1)[0] if theirs_found else {}
    for label in KINDS:
        cells = []
        for result in (mine, theirs):
            true, false, missed = result.get(label, (0, 0, 0))
            precision = true / (true + false) if true + false else float("nan")
            recall = true / (true + missed) if true + missed else float("nan")
            cells.append(f"{precision:.2f} / {recall:.2f}")
        print(f"{label:20} {cells[0]:>14} {cells[1]:>14}   {mine[label]}")
    return errors


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--threshold", type=float, default=0.0, help="of Presidio")
    arguments.add_argument("--without-presidio", action="store_true")
    arguments.add_argument("--errors", action="store_true", help="show those of the tuning half")
    options = arguments.parse_args()
    data = Path(os.environ["DATA_SERVICES_TEST_DATA"]) / "pii/english_sentences.json"
    sentences = json.loads(data.read_text(encoding="utf-8"))
    texts = [one["text"] for one in sentences]

    seconds, found = cpu(ours(texts))
    print(f"here: {len(texts) / seconds:,.0f} texts/s")
    theirs = None
    if not options.without_presidio:
        their_seconds, theirs = cpu(presidio(texts, options.threshold))
        print(f"Presidio's patterns: {len(texts) / their_seconds:,.0f} texts/s")
        print(f"ratio: {their_seconds / seconds:.1f}x")
    halves = [is_tuning(one) for one in sentences]
    for title, wanted in (("tuning half", True), ("reporting half", False), ("all", None)):
        chosen = [n for n, half in enumerate(halves) if wanted is None or half == wanted]
        errors = table(
            title,
            [sentences[n] for n in chosen],
            [found[n] for n in chosen],
            theirs and [theirs[n] for n in chosen],
        )
        if options.errors and wanted:
            for label, kind, sentence, (start, end, what) in errors:
                text = sentence["text"]
                around = (
                    f"{text[max(0, start - 50) : start]}«{text[start:end]}»{text[end : end + 20]}"
                )
                print(label, kind, what, repr(around))
    sentences = european()
    texts = [one["text"] for one in sentences]
    found, theirs = ours(texts)(), None
    if not options.without_presidio:
        theirs = presidio(texts, options.threshold)()
    errors = table("European forms", sentences, found, theirs)
    if options.errors:
        for label, kind, sentence, (start, end, _) in errors:
            print(label, kind, repr(sentence["text"]), (start, end))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()

r"""Techniques on columns against the tools that a user would pick, in one process.

    cd packages/field-pseudonymisation/benchmarks
    uv run --no-sync --with ff3 --with pyffx --with tink-fpe --with presidio-structured \\
        python columns.py

Peers that are not installed are left out. CPU time of the process, the best of some runs; peers
that are slow get fewer rows, for they are linear.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import importlib
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.ff1 import FF1
from field_pseudonymisation.plan import compile_policy
from util_services.keys import Keyset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEYSET = Keyset.generate()
GENERATOR = np.random.default_rng(20261120)


def rate(work: Callable[[Any], Any], values: Any, runs: int = 3) -> float:
    """Return values per second of CPU time."""
    seconds = []
    for _ in range(runs):
        began = time.process_time()
        work(values)
        seconds.append(time.process_time() - began)
    return len(values) / min(seconds)


def show(name: str, own: float, peers: Mapping[str, float], wanted: str) -> None:
    """Print a line for each peer."""
    if not peers:
        print(f"{name:34} {own:14,.0f}/s")
    for peer, its in peers.items():
        print(f"{name:34} {own:14,.0f}/s  {own / its:8.1f}x {peer} ({its:,.0f}/s; wanted {wanted})")


def transform(**rule: Any) -> Any:
    """Return a technique as it works on a column."""
    policy = PseudonymisationPolicy("", "bench", {"a": rule})
    plan = compile_policy(policy, [("a", pa.string())], KEYSET)
    (column,) = plan.columns
    return column


def digits(rows: int, length: int) -> pa.Array:
    """Return texts of digits."""
    raw = GENERATOR.integers(0, 10, (rows, length), dtype=np.uint8) + 48
    return pa.array(raw.view(f"S{length}").ravel().astype(f"U{length}").tolist())


def emails(rows: int, distinct: int | None = None) -> pa.Array:
    """Return addresses of several lengths."""
    numbers = (
        GENERATOR.permutation(rows) if distinct is None else GENERATOR.integers(0, distinct, rows)
    )
    hosts = ("example.org", "mail.example.com", "clinic.example.no")
    return pa.array([f"user{n * 7919:x}@{hosts[n % 3]}" for n in numbers.tolist()])


def ff1(rows: int) -> None:
    key = secrets.token_bytes(32)
    for length in (11, 16, 20):
        values = digits(rows, length)
        few = values[:4000].to_pylist()
        peers = ff1_peers(few, length, key)
        own = FF1(key)
        crypted = own.encrypt(values)
        assert own.decrypt(crypted).equals(values)
        show(f"FF1 encrypt, {length} digits", rate(own.encrypt, values), peers, "100x, 2.5 M/s")
        show(f"FF1 decrypt, {length} digits", rate(own.decrypt, crypted), peers, "100x, 2.5 M/s")


def ff1_peers(values: list[str], length: int, key: bytes) -> dict[str, float]:
    """Return the rates of other libraries, one value at a time."""
    found = {}
    if ff3 := module("ff3"):
        cipher = ff3.FF3Cipher(key.hex(), "D8E7920AFA330A")
        found["ff3"] = rate(lambda some: [cipher.encrypt(v) for v in some], values, 1)
    if (tink := module("tink")) and (tink_fpe := module("tink_fpe")):
        tink_fpe.register()
        handle = tink.new_keyset_handle(tink_fpe.fpe_key_templates.FPE_FF31_256_ALPHANUMERIC)
        fpe = handle.primitive(tink_fpe.Fpe)
        some = [value.encode() for value in values[:2000]]
        found["tink-fpe"] = rate(lambda v: [fpe.encrypt(x) for x in v], some, 1)
    if pyffx := module("pyffx"):
        other = pyffx.String(key, alphabet="0123456789", length=length)
        found["pyffx"] = rate(lambda some: [other.encrypt(v) for v in some], values[:1000], 1)
    return found


def one_hash(rows: int) -> None:
    """One hashed column of a frame, with all that a call does around it."""
    frame = pd.DataFrame({"a": emails(rows).to_pandas()})
    policy = PseudonymisationPolicy("", "bench", {"a": "hash"})
    own = rate(lambda some: pseudonymise(some, policy, KEYSET), frame)
    peers = {}
    if structured := module("presidio_structured"):
        entities = module("presidio_anonymizer.entities")
        engine = structured.StructuredEngine(data_processor=structured.PandasDataProcessor())
        analysis = structured.StructuredAnalysis(entity_mapping={"a": "EMAIL_ADDRESS"})
        operators = {"EMAIL_ADDRESS": entities.OperatorConfig("hash", {"hash_type": "sha256"})}
        peers["presidio-structured"] = rate(
            lambda some: engine.anonymize(some.copy(), analysis, operators=operators),
            frame[:100_000],  # its rate falls with the number of rows
            1,
        )
    show("one hashed column of a frame", own, peers, "200x")


def module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def siv(rows: int) -> None:
    values = emails(rows)
    column = transform(technique="encrypt")
    tokens = column.transform.apply(values, {})
    assert column.transform.reverse(tokens, {}).equals(values)
    cipher = AESSIV(secrets.token_bytes(64))
    some = [text.encode() for text in values[: rows // 5].to_pylist()]
    peer = rate(lambda v: [base64.b64encode(cipher.encrypt(x, [b"bench"])) for x in v], some)
    show(
        "AES-SIV, unique e-mails",
        rate(lambda v: column.transform.apply(v, {}), values),
        {"cryptography per row": peer},
        "3x",
    )
    sealed = [cipher.encrypt(x, [b"bench"]) for x in some]
    peer = rate(lambda v: [cipher.decrypt(x, [b"bench"]) for x in v], sealed)
    show(
        "AES-SIV back, unique e-mails",
        rate(lambda v: column.transform.reverse(v, {}), tokens),
        {"cryptography per row": peer},
        "-",
    )


def hashes(rows: int) -> None:
    values = emails(rows)
    column = transform(technique="hash")
    key, some = secrets.token_bytes(32), values.to_pylist()
    peer = rate(
        lambda v: [hmac.new(key, x.encode(), hashlib.sha256).hexdigest() for x in v], some, 2
    )
    own = rate(lambda v: column.transform.apply(v, {}), values)
    show("HMAC, unique e-mails", own, {"hmac.new": peer}, "2x")


def few_distinct(rows: int) -> None:
    unique, few = emails(rows), emails(rows, rows // 20)
    for rule in (
        {"technique": "hash"},
        {"technique": "encrypt"},
        {
            "technique": "format_preserving_encrypt",
            "alphabet": "alphanumeric",
            "preserve_from": "@",
        },
    ):
        column = transform(**rule)
        slow = rate(lambda v, c=column: c.transform.apply(v, {}), unique, 2)
        fast = rate(lambda v, c=column: c.transform.apply(v, {}), few, 2)
        show(f"5 % distinct, {rule['technique'][:16]}", fast, {"unique": slow}, "5x or 4 M/s")


def masks(rows: int) -> None:
    values = digits(rows, 16)
    frame = pd.Series(values.to_pandas(), dtype="str")
    objects = frame.astype(object)
    for name, rule, work in (
        (
            "mask, true length, last 4",
            {"technique": "mask", "keep_last": 4},
            lambda s: "*" * 12 + s.str[-4:],
        ),
        (
            "mask, fixed length, last 4",
            {"technique": "mask", "keep_last": 4, "length": 4},
            lambda s: "****" + s.str[-4:],
        ),
        (
            "redact",
            {"technique": "redact"},
            lambda s: s.str.replace(r".*", "[REDACTED]", regex=True),
        ),
    ):
        column = transform(**rule)
        own = rate(lambda v, c=column: c.transform.apply(v, {}), values)
        show(
            name,
            own,
            {
                "pandas .str, str": rate(work, frame, 2),
                "pandas .str, object": rate(work, objects, 2),
            },
            "10x",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "parts", nargs="*", default=["ff1", "siv", "hashes", "few_distinct", "masks", "one_hash"]
    )
    chosen = parser.parse_args()
    for part in chosen.parts:
        getattr(sys.modules[__name__], part)(chosen.rows)


if __name__ == "__main__":
    main()

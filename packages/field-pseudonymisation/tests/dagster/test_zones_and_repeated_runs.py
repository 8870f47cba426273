"""A job makes of moments what Python makes of them, and notices what another run has done."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.jobs import anonymise_pseudonymise_structured_job
from util_services.keys import Keyset

MOMENTS = [dt.datetime(2024, 1, 31, 23, 30, tzinfo=dt.UTC), None]


OF_DATES = [
    {"technique": "generalise", "by": "date", "level": "month"},
    {"technique": "date_shift", "entity": "id"},
]
OF_ANY = [
    {"technique": "mask", "keep_first": 13},
    {"technique": "hash", "as": "text"},
    {"technique": "hash"},
    {"technique": "nullify"},
]
MOMENT_KINDS = [pa.timestamp("us", "Europe/Oslo"), pa.timestamp("ms")]
CASES = [(kind, rule) for kind in MOMENT_KINDS for rule in (*OF_DATES, *OF_ANY)]
CASES += [(pa.time32("s"), rule) for rule in OF_ANY]


@pytest.mark.parametrize(
    ("kind", "rule"), CASES, ids=[f"{kind}-{rule['technique']}{len(rule)}" for kind, rule in CASES]
)
def test_moments_are_those_of_their_own_zone_and_unit_in_a_job_too(run, root, kind, rule):
    values = [5, None] if pa.types.is_time(kind) else MOMENTS
    table = pa.table({"id": ["a", "b"], "t": pa.array(values, kind)})
    rules = {"id": {"technique": "retain"}, "t": rule}
    pq.write_table(table, root / "in.parquet")
    options = {"keyset": "clinic", "domain": "clinic-a", "rules": rules}

    assert run(
        anonymise_pseudonymise_structured_job, "in.parquet", "out.parquet", **options
    ).success
    policy = PseudonymisationPolicy("clinic", "clinic-a", rules)
    done, _ = pseudonymise(pq.read_table(root / "in.parquet"), policy, Keyset.load("clinic"))
    assert pq.read_table(root / "out.parquet")["t"].to_pylist() == done["t"].to_pylist()


@pytest.mark.parametrize(
    "rule",
    [
        {"technique": "hash", "form": "hex"},
        {"technique": "format_preserving_encrypt", "alphabet": "hex"},
        {"technique": "encrypt", "form": "tink"},
    ],
    ids=lambda rule: rule["technique"],
)
def test_pseudonyms_in_a_bare_form_are_not_pseudonymised_twice_unawares(run, root, reason, rule):
    (root / "in.csv").write_text("id,n\n1234567,1\n7654321,2\n")
    options = {"keyset": "clinic", "domain": "d", "unmatched": "keep"}
    first = {"id": {"technique": "format_preserving_encrypt"}}

    def done(source, target, rules):
        job = anonymise_pseudonymise_structured_job
        return run(job, source, target, rules=rules, **options)

    assert done("in.csv", "out.csv", first).success
    twice = done("out.csv", "twice.csv", {"id": rule})
    other = done("out.csv", "other.csv", {"n": {"technique": "hash"}})
    asked = done("out.csv", "asked.csv", {"id": rule | {"again": True}})

    assert "'id': pseudonyms of an earlier run" in reason(twice)
    assert not (root / "twice.csv").exists()
    assert other.success
    assert asked.success

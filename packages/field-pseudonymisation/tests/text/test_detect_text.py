"""The technique for free texts: each value by its rule, exact on the way back, or nothing."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from field_pseudonymisation import (
    PseudonymisationPolicy,
    depseudonymise,
    detect,
    pseudonymise,
)
from field_pseudonymisation.errors import AppliedTwiceError, CellsError, PolicyError, TokenError
from field_pseudonymisation.text.markers import mark, marked_in
from field_pseudonymisation.text.transform import Place, _require_readable
from util_services.keys import Keyset
from util_services.keys.errors import UnknownKeyError

KEYS = Keyset.generate("clinic")
VALUES = ("ann@example.org", "bob@example.org", "+47 22 12 34 56", "4111 1111 1111 1111")
REVERSIBLE = {
    "email": {"technique": "encrypt"},
    "phone": {"technique": "encrypt", "mode": "random"},
    "payment_card": {
        "technique": "format_preserving_encrypt",
        "separators": " -",
        "check_digit": "luhn",
        "keep_prefix": 6,
    },
    "*": {"technique": "encrypt"},
}


def policy(entities, **more):
    rule = {"technique": "detect_text", "entities": entities, **more}
    return PseudonymisationPolicy("clinic", "clinic-a", {"note": rule}, unmatched="keep")


def replaced(texts, entities, **more):
    frame = pd.DataFrame({"note": texts})
    done, report = pseudonymise(frame, policy(entities, **more), KEYS)
    return done["note"].tolist(), report


TEXTS = st.lists(
    st.one_of(st.sampled_from(VALUES), st.text("aé e\u0301😀\n.,;(){}漢", max_size=8)), max_size=8
).map(" ".join)


@given(st.lists(st.one_of(st.none(), TEXTS), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_texts_come_back_as_they_were(texts):
    table = pa.table({"note": pa.array(texts, pa.string())})

    done, report = pseudonymise(table, policy(REVERSIBLE), KEYS)

    for text in done["note"].to_pylist():
        assert not any(value in (text or "") for value in VALUES)
    if any(detect(text or "") for text in texts):
        back, _ = depseudonymise(done, report, KEYS)
        assert back.equals(table)


def test_equal_values_get_equal_pseudonyms_in_all_texts_and_columns_of_a_domain():
    frame = pd.DataFrame({"note": ["ann@example.org and ann@example.org", "ann@example.org"]})
    frame["email"] = "ann@example.org"
    rules = {
        "note": {"technique": "detect_text", "entities": {"*": {"technique": "encrypt"}}},
        "email": {"technique": "encrypt"},
    }

    done, _ = pseudonymise(frame, PseudonymisationPolicy("clinic", "clinic-a", rules), KEYS)

    marked = mark("email", done["email"][0])
    assert done["note"].tolist() == [f"{marked} and {marked}", marked]


def test_surrogates_are_numbered_anew_in_each_text():
    texts = ["b@x.org a@x.org B@X.org", "a@x.org", "a@x.org +47 22 12 34 56 +4722123456"]

    done, report = replaced(texts, {"*": "surrogate"})

    assert done == ["[EMAIL 1] [EMAIL 2] [EMAIL 1]", "[EMAIL 1]", "[EMAIL 1] [PHONE 1] [PHONE 1]"]
    assert report["columns"][0]["reversible"] is False
    assert report["columns"][0]["key_id"] is None


def test_an_entity_may_stay_equal_in_all_datasets_where_others_do_not():
    entities = {"email": {"technique": "hash", "policy": "deterministic"}, "*": "hash"}
    text = "a@x.org 192.0.2.1"

    first, second = (replaced([text], entities, policy="per_dataset")[0][0] for _ in range(2))

    assert first.split()[0] == second.split()[0]
    assert first.split()[1] != second.split()[1]


def test_each_entity_and_detector_has_its_own_rule():
    text = "a@x.org, +47 22 12 34 56, BSN 111222333, DNI 12345678Z, 192.0.2.1, https://x.org/y"
    entities = {
        "email": {"technique": "mask", "form": "email"},
        "phone": {"technique": "redact", "text": "(phone)"},
        "nl_bsn": {"technique": "replace", "value": "BSN"},
        "national_id": {"technique": "redact"},
        "ip_address": {"technique": "retain"},
        "*": {"technique": "hash"},
    }

    (done,), _ = replaced([text], entities)

    head, _, tail = done.rpartition(", ")
    assert head == "***@x.org, (phone), BSN BSN, DNI [NATIONAL_ID], 192.0.2.1"
    assert tail.startswith("URL(36):mac1.")


def test_only_what_is_reversible_comes_back():
    texts = ["a@x.org +4722123456 192.0.2.1"]
    entities = {"email": "encrypt", "phone": {"technique": "hash"}, "*": "redact"}
    done, report = replaced(texts, entities)

    back, told = depseudonymise(pd.DataFrame({"note": done}), report, KEYS)

    assert told["restored"] == ["note"]
    first, second, third = back["note"][0].split()
    assert (first, third) == ("a@x.org", "[IP_ADDRESS]")
    assert second.startswith("PHONE(")


@pytest.mark.parametrize("technique", ["encrypt", "tokenise"])
def test_a_changed_pseudonym_brings_nothing_back(technique, tmp_path):
    frame = pd.DataFrame({"note": ["x", "a@x.org and b@x.org"]})
    done, report = pseudonymise(frame, policy({"*": technique}), KEYS, vaults=tmp_path)
    text = done["note"][1]
    place = text.index(" and") - 5
    other = "A" if text[place] != "A" else "B"
    changed = pd.DataFrame({"note": ["x", text[:place] + other + text[place + 1 :]]})

    with pytest.raises(TokenError) as caught:
        depseudonymise(changed, report, KEYS, vaults=tmp_path)

    assert "Column 'note', row 1" in str(caught.value)
    assert "entity '*'" in str(caught.value)


def test_another_key_brings_nothing_back():
    done, report = replaced(["a@x.org"], {"*": "encrypt"})

    with pytest.raises(UnknownKeyError):
        depseudonymise(pd.DataFrame({"note": done}), report, Keyset.generate("clinic"))


@pytest.mark.parametrize("text", ["see EMAIL(3):abc", "FOO(0):"])
def test_texts_with_pseudonyms_are_refused(text):
    with pytest.raises(AppliedTwiceError, match="'again: true'"):
        replaced(["x", text], {"*": "encrypt"})

    assert replaced([text], {"*": "redact"})[0] == [text]
    done, report = replaced([text], {"*": "encrypt"}, again=True)
    assert done == [text]
    assert report["columns"][0]["reversible"] is False


def test_texts_that_are_done_once_are_refused_the_second_time():
    done, _ = replaced(["a@x.org"], {"*": "hash"})

    with pytest.raises(AppliedTwiceError):
        replaced(done, {"*": "hash"})


def test_a_value_that_cannot_be_transformed_ends_it_without_showing_it():
    text = "born 29.2.1980 and a@x.org"

    with pytest.raises(CellsError) as caught:
        replaced(["x", text], {"*": {"technique": "format_preserving_encrypt"}})

    told = str(caught.value)
    assert "Column 'note', row 1" in told
    assert "entity '*'" in told
    assert "1980" not in told
    assert "x.org" not in told


def test_what_cannot_be_encrypted_is_redacted_if_asked():
    entities = {"*": {"technique": "format_preserving_encrypt", "on_unencryptable": "null"}}

    done, report = replaced(["a@x.org, BSN 111222333"], entities)

    assert done[0].startswith("[EMAIL], BSN NATIONAL_ID(9):")
    assert report["warnings"] == [
        "1 values of 'note' could not be encrypted and are missing now, as "
        "'on_unencryptable: null' says."
    ]


def test_the_report_counts_and_says_what_was_not_looked_for():
    texts = ["a@x.org b@x.org", None, "nothing", "+47 22 12 34 56"]

    _, report = replaced(texts, {"*": "redact"}, detectors=["email", "phone"])

    (told,) = report["texts"]
    assert told["found"] == {"email": 2, "phone_international": 1}
    assert (told["texts"], told["texts_with_findings"]) == (3, 2)
    assert "iban" not in told["looked_for"]
    limit = report["limits"][-1]
    assert limit.startswith("Not looked for in texts: names of people; ")
    assert "iban" in limit
    assert "email" not in limit
    assert "Free texts are not searched for personal data." not in report["limits"]


@pytest.mark.parametrize(
    ("entities", "more", "sentence"),
    [
        ({"emial": "redact", "*": "redact"}, {}, "did you mean 'email'?"),
        ({"PHONE_NUMBERS": "redact"}, {}, "former configuration; here it is phone"),
        ({"email": "redact"}, {}, "there is no rule for"),
        ({}, {}, "names no entity"),
        ({"*": {"technique": "shuffle"}}, {}, "'shuffle' is not for values in a text"),
        ({"*": {"technique": "drop"}}, {}, "'drop' is not for values in a text"),
        ({"*": {"technique": "date_shift", "entity": "id"}}, {}, "is not for values in a text"),
        ({"*": {"technique": "detect_text"}}, {}, "is not for values in a text"),
        ({"*": {"technique": "surrogate", "x": 1}}, {}, "'surrogate' has no options"),
        ({"*": {"technique": "hash", "policy": "random"}}, {}, "cannot be 'random'"),
        ({"*": {"technique": "hash", "policy": "per_dataset"}}, {}, "for the whole column"),
        ({"*": {"technique": "hsah"}}, {}, "did you mean 'hash'?"),
        ({"*": "redact"}, {"detectors": ["mail"]}, "nothing looks for 'mail'"),
        ({"*": "redact"}, {"minimum_score": 2}, "less than or equal to 1"),
    ],
)
def test_rules_that_cannot_be_carried_out_are_refused_in_one_sentence(entities, more, sentence):
    with pytest.raises(PolicyError) as caught:
        replaced(["x"], entities, **more)

    assert sentence in str(caught.value)
    assert "rules.note" in str(caught.value)


def test_columns_without_texts_are_refused():
    frame = pd.DataFrame({"note": [1, 2]})

    with pytest.raises(PolicyError, match="works on texts, not on int64"):
        pseudonymise(frame, policy({"*": "redact"}), KEYS)


def test_no_keys_are_needed_where_no_rule_needs_them():
    done, report = pseudonymise(
        pd.DataFrame({"note": ["a@x.org"]}),
        PseudonymisationPolicy(rules={"note": {"technique": "detect_text"}}),
    )

    assert done["note"].tolist() == ["[EMAIL]"]
    assert report["recipe"]["seal"] is None


def test_texts_inside_of_json_are_searched_too():
    frame = pd.DataFrame({"doc": ['{"a": [{"note": "ask a@x.org"}], "b": 1}']})
    rules = {"doc -> $.a[*].note": {"technique": "detect_text", "entities": {"*": "encrypt"}}}
    given_policy = PseudonymisationPolicy("clinic", "d", rules, unmatched="keep")

    done, report = pseudonymise(frame, given_policy, KEYS)
    back, _ = depseudonymise(done, report, KEYS)

    assert "ask EMAIL(" in done["doc"][0]
    assert back["doc"][0] == '{"a":[{"note":"ask a@x.org"}],"b":1}'


def test_a_pseudonym_that_could_not_be_read_back_is_not_written():
    place = Place(3, 1, 8, "*", "email", "a@x.org")

    with pytest.raises(CellsError) as caught:
        _require_readable({3: "AEMAIL(1):x"}, [place], ["EMAIL(1):x"])

    assert caught.value.positions == (3,)
    _require_readable({3: "A EMAIL(1):x"}, [place], ["EMAIL(1):x"])


@given(st.text("AB_(1):é ", max_size=30), st.text("x😀()1:", max_size=8))
def test_markers_are_read_as_they_are_written(before, pseudonym):
    text = f"{before} {mark('email', pseudonym)}"

    found = list(marked_in(text))

    if not list(marked_in(before)) and not before.rstrip().endswith(":"):
        assert [(one.type, one.pseudonym) for one in found][-1:] == [("email", pseudonym)]

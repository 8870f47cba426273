"""What other tools get wrong, each as a test; the numbers are those of the reference."""

import base64
import copy
import datetime as dt
import json
import pickle
import re
import secrets
from decimal import Decimal
from importlib.metadata import requires

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.detectors.catalogue import built_in_detectors
from field_pseudonymisation.detectors.linear import compiled
from field_pseudonymisation.errors import (
    AppliedTwiceError,
    CellsError,
    PolicyError,
    SmallDomainError,
    TokenError,
    UnencryptableError,
)
from util_services.errors import DataServicesError
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.errors import DisabledKeyError, UnknownKeyError, WrongPurposeError

KEYS = Keyset.generate("clinic")


def policy(domain="clinic-a", **options):
    rules = options.pop("rules", {})
    return PseudonymisationPolicy("clinic", domain, rules, **options)


def one(values, keys=KEYS, domain="clinic-a", **rule):
    """Pseudonymise a column; return the frame and the report."""
    frame = values if isinstance(values, pd.DataFrame) else pd.DataFrame({"a": values})
    return pseudonymise(frame, policy(domain, rules={"a": rule}), keys)


@pytest.mark.parametrize("technique", ["hash", "encrypt"])
def test_fp01_a_repeated_index_decides_on_nothing_and_comes_back(technique):
    frame = pd.DataFrame({"a": ["x", "y", "z"]}, index=[0, 0, 1])

    done, report = one(frame, technique=technique)
    plain, _ = one(["x", "y", "z"], technique=technique)

    assert done["a"].tolist() == plain["a"].tolist()
    assert done.index.tolist() == [0, 0, 1]
    if technique == "encrypt":
        pd.testing.assert_frame_equal(depseudonymise(done, report, KEYS)[0], frame)


def test_fp02_lists_inside_of_json_keep_length_order_and_missing_keys():
    documents = [
        {"who": [{"tel": "1"}, {"tel": "2"}, {}], "n": [[1, 2], [3]]},
        {"who": [], "n": []},
        {"n": [[None, 0]]},
    ]
    frame = pd.DataFrame({"a": [*map(json.dumps, documents), None]})
    rules = {
        "a -> $.who[*].tel": {"technique": "encrypt"},
        "a -> $.n[*][*]": {"technique": "encrypt"},
    }

    done, report = pseudonymise(frame, policy(rules=rules), KEYS)
    back, _ = depseudonymise(done, report, KEYS)

    first = json.loads(done["a"][0])
    assert [len(part) for part in first["n"]] == [2, 1]
    assert first["who"][2] == {}
    assert len({first["who"][0]["tel"], first["who"][1]["tel"]}) == 2
    assert [json.loads(text) for text in back["a"][:3]] == documents
    assert pd.isna(back["a"][3])


def test_fp02_lists_and_structs_of_arrow_keep_their_form():
    kind = pa.struct([("tel", pa.list_(pa.string())), ("n", pa.int32())])
    values = [{"tel": ["1", None, ""], "n": 0}, None, {"tel": [], "n": None}, {"tel": None, "n": 7}]
    table = pa.table({"a": pa.array(values, kind)})
    rules = {"a -> $.tel[*]": {"technique": "encrypt"}, "a -> $.n": {"technique": "encrypt"}}

    done, report = pseudonymise(table, policy(rules=rules), KEYS)
    back, _ = depseudonymise(done, report, KEYS)

    assert done.schema.field("a").type.field("n").type == pa.string()
    assert done["a"][0].as_py()["tel"][2].startswith("siv1.")
    assert back.schema == table.schema
    assert back["a"].to_pylist() == values


@pytest.mark.parametrize("values", [[0, 5], ["", "x"], [False, True], [0.0, 1.5]])
@pytest.mark.parametrize("technique", ["hash", "encrypt"])
def test_fp03_zero_empty_and_false_are_values(values, technique):
    done, _ = one(values, technique=technique)

    assert done["a"].str.match(r"(mac|siv)1\.").all()


@pytest.mark.parametrize(
    "values",
    [
        ["a", None, "b"],
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.5, np.nan, -2.0]),
        pd.Series(["x", "y", None], dtype="category"),
        pd.Series([3, 4, None], dtype="category"),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([b"\x00", None, b"z"], dtype=object),
        pd.to_datetime(pd.Series(["2020-02-29 12:00:00.000000001", None, "1999-12-31 00:00:00.0"])),
        pd.Series([pd.Timestamp.min, None, pd.Timestamp.max, pd.Timestamp(-1)]).astype(
            "datetime64[ns]"
        ),
        pd.to_datetime(pd.Series(["2020-03-29 00:59:00", None, "2020-10-25 00:30:00"]))
        .dt.tz_localize("UTC")
        .dt.tz_convert("Europe/Oslo"),
        pd.Series([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], dtype=object),
        pd.Series([Decimal("1.50"), None, Decimal("-0.01")], dtype=object),
        pd.Series([2**53 + 1, None, -(2**63)], dtype="Int64"),
        pd.Series(["١٢", "x\0y", "🙂é"]),
        pd.Series(["", None, "a" * 100_000]),
    ],
    ids=str,
)
def test_fp04_and_fp11_nulls_and_types_of_all_kinds_come_back_exactly(values):
    frame = pd.DataFrame({"a": values})
    before = frame.copy(deep=True)

    done, report = one(frame, technique="encrypt")
    back, _ = depseudonymise(done, report, KEYS)

    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(back, before)
    assert done["a"].isna().tolist() == before["a"].isna().tolist()


def test_fp04_columns_of_several_levels_keep_their_labels():
    labels = pd.MultiIndex.from_tuples([("p", "a"), ("p", "b")], names=["x", "y"])
    frame = pd.DataFrame([["1", "2"]], columns=labels)

    done, _ = pseudonymise(frame, policy(rules={"p.a": "hash", "p.b": "drop"}), KEYS)

    assert done.columns.tolist() == [("p", "a")]
    assert done.columns.names == ["x", "y"]


@pytest.mark.parametrize("value", ["AB", "123", "Åse", "", "12345", "12 34x56"])
def test_fp05_short_and_odd_values_are_refused_and_not_passed_on(value):
    with pytest.raises(UnencryptableError, match="row 1 ") as refusal:
        one(["1234567", value], technique="format_preserving_encrypt")

    assert (refusal.value.column, refusal.value.positions) == ("a", (1,))
    assert not value or value not in str(refusal.value)


def test_fp05_on_request_they_are_missing_and_counted():
    done, report = one(
        ["1234567", "12", None, "x234567"],
        technique="format_preserving_encrypt",
        on_unencryptable="null",
    )

    assert done["a"].isna().tolist() == [False, True, True, True]
    assert report["columns"][0]["counts"] == {"unencryptable_nulls": 2}
    assert "2 values of 'a'" in report["warnings"][0]


def test_fp06_domains_are_large_enough_and_leading_zeros_stay():
    frame = pd.DataFrame({"a": [7, 999_999, 0]})
    with pytest.raises(PolicyError, match="'width' is missing"):
        one(frame, technique="format_preserving_encrypt")
    with pytest.raises(PolicyError, match="1,000,000 possible values"):
        one(
            ["1" * 16],
            technique="format_preserving_encrypt",
            length=16,
            keep_prefix=6,
            keep_suffix=5,
        )

    done, report = one(frame, technique="format_preserving_encrypt", width=6)

    assert done["a"].str.fullmatch(r"\d{6}").all()
    pd.testing.assert_frame_equal(depseudonymise(done, report, KEYS)[0], frame)


def test_fp06_a_card_that_keeps_ten_digits_is_allowed_but_not_with_a_check_digit():
    card = ["4111111111111111"]

    done, _ = one(card, technique="format_preserving_encrypt", keep_prefix=6, keep_suffix=4)

    assert (done["a"][0][:6], done["a"][0][-4:]) == ("411111", "1111")
    for check in ({"keep_suffix": 4}, {"keep_prefix": 10, "length": 16}):
        with pytest.raises(PolicyError):
            one(card, technique="format_preserving_encrypt", check_digit="luhn", **check)


def test_fp07_there_is_no_hash_without_a_key():
    with pytest.raises(PolicyError, match="keyset"):
        pseudonymise(pd.DataFrame({"a": ["x"]}), PseudonymisationPolicy("", "d", {"a": "hash"}))
    with pytest.raises(PolicyError, match="unknown key 'keyed'"):
        one(["x"], technique="hash", keyed=False)


def test_fp08_equal_values_stay_equal_between_runs_and_the_report_says_so():
    first, report = one(["x"], technique="hash")
    second, _ = one(["x"], technique="hash")

    assert first["a"][0] == second["a"][0]
    assert report["columns"][0]["policy"] == "deterministic"


@pytest.mark.parametrize("technique", ["hash", "encrypt", "format_preserving_encrypt"])
def test_fp09_domains_share_nothing_and_columns_of_one_domain_join(technique):
    frame = pd.DataFrame({"a": ["1234567"], "b": ["1234567"], "c": ["1234567"]})
    rule = {"technique": technique}
    rules = {"a": rule, "b": rule, "c": rule | {"domain": "other"}}

    done, _ = pseudonymise(frame, policy(rules=rules), KEYS)

    assert done["a"][0] == done["b"][0] != done["c"][0]


def test_policies_decide_where_equal_values_stay_equal():
    def tokens(chosen):
        return one(["x", "x"], technique="encrypt", policy=chosen)[0]["a"].tolist()

    per_dataset, again = tokens("per_dataset"), tokens("per_dataset")
    assert per_dataset[0] == per_dataset[1] != again[0]
    assert len({*tokens("random"), *tokens("random")}) == 4
    with pytest.raises(PolicyError, match="'hash' cannot be 'random'"):
        one(["x"], technique="hash", policy="random")


@pytest.mark.parametrize("mode", ["deterministic", "random"])
@pytest.mark.parametrize("place", ["scheme", "key", "first", "middle", "last", "cut", "longer"])
def test_fp10_whatever_is_changed_in_a_token_is_refused(mode, place):
    done, report = one(["secret value", None, "other value"], technique="encrypt", mode=mode)
    token = done["a"][2]
    changed = {
        "scheme": "xxx1" + token[4:],
        "key": token[:5] + ("0" if token[5] != "0" else "1") + token[6:],
        "first": token[:14] + ("A" if token[14] != "A" else "B") + token[15:],
        "middle": token[:30] + ("A" if token[30] != "A" else "B") + token[31:],
        "last": token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:],
        "cut": token[:-4],
        "longer": token + "AAAA",
    }[place]
    done["a"] = pd.Series([done["a"][0], None, changed], dtype="str")

    with pytest.raises((TokenError, UnknownKeyError)) as refusal:
        depseudonymise(done, report, KEYS)

    assert "value'" not in str(refusal.value)
    assert changed not in str(refusal.value)


def test_fp10_tokens_moved_to_another_domain_or_column_are_refused():
    frame = pd.DataFrame({"a": ["1"], "b": ["2"]})
    for rules in (
        {"a": {"technique": "encrypt"}, "b": {"technique": "encrypt", "domain": "other"}},
        {name: {"technique": "encrypt", "bound_to": "column"} for name in "ab"},
        {name: {"technique": "encrypt", "bound_to": "column", "mode": "random"} for name in "ab"},
        {"a": {"technique": "encrypt"}, "b": {"technique": "encrypt", "mode": "random"}},
    ):
        done, report = pseudonymise(frame, policy(rules=rules), KEYS)
        moved = done.rename(columns={"a": "b", "b": "a"})

        with pytest.raises(TokenError, match=r"nothing was decrypted|no token"):
            depseudonymise(moved, report, KEYS)


@pytest.mark.parametrize("technique", ["encrypt", "format_preserving_encrypt"])
def test_fp10_another_keyset_or_a_disabled_key_is_refused(technique):
    keys = Keyset.generate("clinic")
    done, report = one(["1234567"], keys, technique=technique)
    rotated = keys.changed(KeysetInfo.rotated)
    disabled = rotated.changed(lambda info: info.disabled(keys.primary.id))

    assert depseudonymise(done, report, rotated)[0]["a"][0] == "1234567"
    with pytest.raises(UnknownKeyError):
        depseudonymise(done, report, Keyset.generate("clinic"))
    with pytest.raises(DisabledKeyError, match=keys.primary.id):
        depseudonymise(done, report, disabled)


def test_one_key_has_one_purpose():
    with pytest.raises(WrongPurposeError):
        one(["x"], Keyset.generate("clinic", purpose="audit"), technique="hash")


@pytest.mark.parametrize(
    "write",
    [bytes.hex, lambda key: base64.b64encode(key).decode(), lambda key: key.hex().upper()],
)
def test_fp12_what_looks_like_a_key_is_refused_and_not_repeated(write):
    secret = write(secrets.token_bytes(32))
    for make in (
        lambda: PseudonymisationPolicy(secret, "d", {"a": "hash"}),
        lambda: PseudonymisationPolicy("k", secret, {"a": "hash"}),
        lambda: PseudonymisationPolicy("k", "d", {"a": {"technique": "hash", "domain": secret}}),
    ):
        with pytest.raises(PolicyError, match="looks like a key") as refusal:
            make()
        assert secret not in str(refusal.value)


def test_fp13_errors_name_column_row_and_reason_survive_pickling_and_hold_no_value():
    with pytest.raises(CellsError) as refusal:
        one(["1234567", None, "tell-nobody"], technique="format_preserving_encrypt")

    error = refusal.value
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert str(again) == str(error)
    assert (again.column, again.positions) == ("a", (2,))
    chain, frames = error, []
    while chain is not None:
        trace = chain.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame.f_code.co_filename)
            trace = trace.tb_next
        assert "tell-nobody" not in str(chain)
        chain = chain.__cause__


def test_fp14_forms_of_unicode_are_told_and_can_be_made_one():
    both = ["\u00e9", "e\u0301"]

    plain, report = one(both, technique="hash")
    same, _ = one(both, technique="hash", normalise="nfc")

    assert plain["a"].nunique() == 2
    assert "normal form C" in " ".join(report["warnings"])
    assert same["a"].nunique() == 1


@pytest.mark.parametrize(
    ("form", "first", "second"),
    [
        ("casefold", "Straße", "STRASSE"),
        ("digits", "+47 12-34", "4712 34"),
        ("nfkc", "\uff11", "1"),
    ],
)
def test_fp14_other_forms_are_made_one_on_request(form, first, second):
    done, _ = one([first, second], technique="hash", normalise=form)

    assert done["a"].nunique() == 1


def test_fp16_frequencies_that_tell_are_told():
    _many, report = one(["flu"] * 50 + [f"x{n}" for n in range(60)], technique="hash")
    _few, other = one(["m", "f"] * 50, technique="hash")

    assert "45% of 'a'" in report["warnings"][0]
    assert (report["columns"][0]["distinct"], report["columns"][0]["top_frequency"]) == (61, 50)
    assert "2 different values" in other["warnings"][0]
    assert not one(["m", "f"] * 50, technique="encrypt", policy="random")[1]["warnings"]


@pytest.mark.parametrize(
    ("rule", "chosen", "sentence"),
    [
        ({"mode": "deterministic"}, "random", "'mode: deterministic' contradicts"),
        ({"mode": "deterministic", "policy": "random"}, "deterministic", "contradicts the policy"),
        ({"mode": "random", "policy": "deterministic"}, "random", "contradict; leave one"),
        ({"mode": "random", "policy": "per_dataset"}, "deterministic", "contradict; leave one"),
        ({"form": "tink"}, "random", "'form: tink' is deterministic"),
    ],
)
def test_fp08_a_mode_that_contradicts_its_policy_is_refused(rule, chosen, sentence):
    with pytest.raises(PolicyError, match=f"rules.a: .*{sentence}"):
        policy(rules={"a": {"technique": "encrypt", **rule}}, policy=chosen)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, "deterministic"),
        ({"mode": "random"}, "random"),
        ({"mode": "deterministic"}, "deterministic"),
        ({"policy": "random"}, "random"),
    ],
)
def test_fp08_the_report_says_whether_equal_values_stay_equal(rule, expected):
    done, report = one(["x", "x"], technique="encrypt", **rule)

    assert report["columns"][0]["policy"] == expected
    assert report["recipe"]["columns"][0]["rules"][0]["policy"] == expected
    assert (done["a"][0] == done["a"][1]) == (expected == "deterministic")
    assert depseudonymise(done, report, KEYS)[0]["a"].tolist() == ["x", "x"]


def test_fp17_the_way_back_takes_the_reversible_columns_and_names_the_rest():
    frame = pd.DataFrame({"a": ["1"], "b": ["2"], "c": ["3"], "d": ["4"]})
    rules = {"a": "encrypt", "b": "hash", "c": "retain", "d": "drop"}

    done, report = pseudonymise(frame, policy(rules=rules), KEYS)
    back, told = depseudonymise(done, report, KEYS)

    assert back.to_dict("records") == [{"a": "1", "b": done["b"][0], "c": "3"}]
    assert (told["restored"], told["kept"]) == (["a"], ["b", "c"])
    with pytest.raises(PolicyError, match=r"brought back of 'b'"):
        depseudonymise(done, report, KEYS, columns=["a", "b"])


def test_fp18_the_recipe_is_plain_data_without_values_and_keys():
    _, report = one(["needle", "haystack"], technique="encrypt")
    text = json.dumps(report)

    assert "needle" not in text
    for material in KEYS.materials.values():
        assert material.reveal().hex() not in text
    assert report["recipe"]["columns"][0]["rules"][0]["key_id"] == KEYS.primary.id


@pytest.mark.parametrize(
    "change",
    [
        lambda rule: rule["options"].update(alphabet="9876543210"),
        lambda rule: rule.update(domain="clinic-b"),
        lambda rule: rule["options"].update(keep_prefix=1),
        lambda rule: rule.update(key_check="0" * 16),
    ],
)
def test_fp10_a_changed_recipe_is_refused_where_the_values_could_not_tell(change):
    done, report = one(["1234567", "7654321"], technique="format_preserving_encrypt")
    change(report["recipe"]["columns"][0]["rules"][0])

    with pytest.raises(PolicyError, match=r"not as it was written|another one than was used"):
        depseudonymise(done, report, KEYS)


def test_fp10_a_recipe_without_its_seal_is_refused():
    done, report = one(["1234567"], technique="format_preserving_encrypt")
    report["recipe"]["seal"] = None

    with pytest.raises(PolicyError, match="not as it was written"):
        depseudonymise(done, report, KEYS)


def test_fp21_tokens_are_not_pseudonymised_twice_unawares():
    done, _ = one(["x", None], technique="hash")

    with pytest.raises(AppliedTwiceError, match="row 0 "):
        one(done, technique="encrypt")
    assert one(done, technique="encrypt", again=True)[0]["a"][0].startswith("siv1.")


def test_fp22_values_of_two_types_are_never_equal_unless_asked():
    columns = [["1"], [1], [1.0], [True]]

    apart = {one(values, technique="hash")[0]["a"][0] for values in columns}
    texts = {one(values, technique="hash", **{"as": "text"})[0]["a"][0] for values in columns[:2]}

    assert len(apart) == 4
    assert len(texts) == 1


@pytest.mark.parametrize(
    "dtype", [object, "str", "category", "string[pyarrow]", "large_string[pyarrow]"]
)
@pytest.mark.parametrize(
    "rule",
    [
        {"technique": "hash"},
        {"technique": "encrypt"},
        {"technique": "format_preserving_encrypt", "separators": "-"},
        {"technique": "mask", "keep_last": 2},
        {"technique": "generalise", "by": "prefix", "keep": 2},
    ],
    ids=lambda rule: rule["technique"],
)
def test_fp23_results_depend_on_values_alone(dtype, rule):
    values = ["123-4567", None, "000-0000", "123-4567", "987-65432"] * 40
    expected = one(values, **rule)[0]["a"].tolist()
    if dtype == "large_string[pyarrow]":
        series = pd.Series(
            pd.arrays.ArrowExtensionArray(pa.chunked_array([values], pa.large_string()))
        )
    else:
        series = pd.Series(values, dtype=dtype)

    found = one(pd.DataFrame({"a": series}), **rule)[0]["a"]
    backwards = one(values[::-1], **rule)[0]["a"].tolist()[::-1]
    alone = [one([value], **rule)[0]["a"][0] for value in values[:5]]

    def same(one_list, other):
        return [None if pd.isna(v) else v for v in one_list] == [
            None if pd.isna(v) else v for v in other
        ]

    assert same(found, expected)
    assert same(backwards, expected)
    assert same(alone, expected[:5])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1, "1"], "several kinds"),
        ([True, 1], "several kinds"),
        ([1.5, 2], "several kinds"),
        (["x", "\ud800"], "lone surrogate"),
        ([1, 2**70], "beyond 64 bits"),
        ([{1}, {2}], "several kinds"),
    ],
    ids=str,
)
def test_values_that_no_column_holds_are_refused_in_a_sentence(values, reason):
    with pytest.raises(CellsError, match=reason):
        one(pd.DataFrame({"a": pd.Series(values, dtype=object)}), technique="hash")


def test_repeated_columns_are_refused():
    frame = pd.DataFrame([["1", "2"]], columns=["a", "a"])

    with pytest.raises(PolicyError, match="several columns named 'a'"):
        one(frame, technique="hash")


@pytest.mark.parametrize("values", [[], [None, None]])
@pytest.mark.parametrize(
    "rule",
    [
        {"technique": "hash"},
        {"technique": "encrypt"},
        {"technique": "encrypt", "mode": "random"},
        {"technique": "format_preserving_encrypt"},
        {"technique": "mask"},
        {"technique": "redact"},
        {"technique": "nullify"},
        {"technique": "shuffle"},
        {"technique": "generalise", "by": "ip"},
        {"technique": "generalise", "by": "date", "level": "week"},
    ],
    ids=str,
)
def test_empty_and_all_missing_columns_stay_so(values, rule):
    frame = pd.DataFrame({"a": pd.Series(values, dtype="str")})

    done, report = one(frame, **rule)

    assert len(done) == len(values)
    assert done["a"].isna().all()
    if report["columns"][0]["reversible"]:
        pd.testing.assert_frame_equal(depseudonymise(done, report, KEYS)[0], frame)


def test_refusals_are_errors_of_data_services():
    for kind in (PolicyError, CellsError, TokenError, SmallDomainError):
        assert issubclass(kind, DataServicesError)
    assert copy.copy(SmallDomainError(10, 3, 1_000_000)).length == 3


def test_fp15_mentions_in_a_text_stay_apart_and_those_of_one_value_together():
    note = "ann@example.org wrote to bob@example.org, who answered ann@example.org."
    entities = {"email": {"technique": "surrogate"}}
    marked = {"email": {"technique": "encrypt"}}

    done, _ = one([note], technique="detect_text", entities=entities, detectors=["email"])
    there, report = one([note], technique="detect_text", entities=marked, detectors=["email"])

    assert done["a"].tolist() == ["[EMAIL 1] wrote to [EMAIL 2], who answered [EMAIL 1]."]
    assert len(set(re.findall(r"EMAIL\(\d+\):siv1\.\S{8}\.[\w-]+", there["a"][0]))) == 2
    assert depseudonymise(there, report, KEYS)[0]["a"].tolist() == [note]


def test_fp19_detectors_have_no_pattern_that_an_engine_with_backtracking_would_have_to_search():
    chosen = [detector for detector in built_in_detectors() if detector.pattern]

    engines = {type(compiled(one.pattern, one.name)).__module__ for one in chosen}

    assert len(chosen) > 30
    assert {name.split(".")[0] for name in engines} == {"re2"}
    with pytest.raises(PolicyError, match="none in the syntax of RE2"):
        compiled(r"(a+)+\1", "one")


def test_fp20_the_only_cryptography_that_is_installed_with_the_package_is_cryptography():
    needed = {re.split(r"[^\w-]", one)[0] for one in requires("field-pseudonymisation")}

    assert "cryptography" in needed
    assert not needed & {"tink", "ff3", "pycryptodome", "pycryptodomex", "pyffx", "pynacl", "fpe"}
    assert not any("urllib3" in one for one in needed)


def test_fp24_what_cannot_be_finished_gives_nothing_and_changes_nothing():
    frame = pd.DataFrame({"b": ["x", "y"], "a": ["123456", "12"]})
    before = frame.copy(deep=True)
    rules = {"b": {"technique": "hash"}, "a": {"technique": "format_preserving_encrypt"}}

    with pytest.raises(UnencryptableError, match=r"Column 'a', row 1 "):
        pseudonymise(frame, policy(rules=rules), KEYS)
    pd.testing.assert_frame_equal(frame, before)

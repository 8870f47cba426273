"""What wants one process is refused on a cluster by name, before a session is opened or a row read.

No test here starts Spark: what is refused never gets to it.
"""

import pytest

from field_pseudonymisation import jobs
from field_pseudonymisation.registry import techniques
from util_services.errors import ConfigurationError
from util_services.runs.execute import check_before_run

CURE = (
    "in one process, which the engine 'spark' does not have; set DATA_SERVICES_ENGINE=local, or "
    "use another technique."
)


@pytest.fixture
def check(root, monkeypatch):
    """Return a function that checks a config of a job before its run, with a cluster chosen."""
    (root / "in.csv").write_text("id,text\n7,jane@example.org\n")
    monkeypatch.setenv("DATA_SERVICES_ENGINE", "spark")
    monkeypatch.delenv("DATA_SERVICES_SPARK_MASTER", raising=False)

    def check_config(name, path="in.csv", **config):
        ops = {
            "read_dataset": {"config": {"path": path}},
            name: {"config": config},
            "write_dataset": {"config": {"path": "out.csv"}},
        }
        check_before_run(getattr(jobs, f"{name}_job"), {"ops": ops}, "run")

    return check_config


KEYS = {"keyset": "clinic", "domain": "study"}


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"technique": "tokenise"}, f"rules.text: 'tokenise' needs a vault {CURE}"),
        ({"technique": "shuffle"}, f"rules.text: 'shuffle' needs all rows of a column {CURE}"),
        (
            {"technique": "detect_text", "entities": {"*": {"technique": "tokenise"}}},
            f"rules.text: 'detect_text' needs a vault {CURE}",
        ),
    ],
)
def test_a_technique_for_one_process_is_refused_by_its_name(check, rule, sentence):
    with pytest.raises(ConfigurationError) as refused:
        check("anonymise_pseudonymise_structured", rules={"text": rule}, unmatched="keep", **KEYS)

    assert str(refused.value).endswith(sentence)


def test_texts_whose_values_go_to_a_vault_are_refused(check):
    with pytest.raises(ConfigurationError, match="'detect_text' needs a vault"):
        check(
            "anonymise_pseudonymise_unstructured",
            columns=["text"],
            entities={"*": {"technique": "tokenise"}},
            **KEYS,
        )


def test_new_pseudonyms_out_of_a_vault_are_refused(check):
    with pytest.raises(ConfigurationError, match=r"rules\.id: 'tokenise' needs a vault"):
        check("repseudonymise_structured", rules={"id": {"technique": "tokenise"}})


def test_the_way_back_out_of_a_vault_is_refused(run, check, root, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ENGINE", "local")
    rules = {"id": {"technique": "tokenise"}, "text": {"technique": "redact"}}
    assert run(
        jobs.anonymise_pseudonymise_structured_job, "in.csv", "tokens.csv", rules=rules, **KEYS
    ).success
    (root / "approval.token").write_text("none")
    monkeypatch.setenv("DATA_SERVICES_ENGINE", "spark")
    asked = {"purpose": "complaint 17", "requester": "bob", "approval": "approval.token"}

    with pytest.raises(ConfigurationError) as refused:
        check(
            "depseudonymise_structured",
            path="tokens.csv",
            recipe="tokens.csv.pseudonymisation.json",
            columns=["id"],
            **asked,
        )

    assert str(refused.value).endswith(f"The recipe of 'id': 'tokenise' needs a vault {CURE}")


def test_all_other_techniques_are_for_any_engine():
    for_one = {name for name, one in techniques().items() if one.is_for_one_process}

    assert for_one == {"tokenise", "shuffle"}

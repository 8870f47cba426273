"""Neither values nor keys are anywhere but where they belong, after success and failure."""

import base64
import contextlib
import io
import json
import logging

import pytest

from field_pseudonymisation.jobs import (
    anonymise_pseudonymise_structured_job,
    depseudonymise_structured_job,
    repseudonymise_structured_job,
)
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.providers.choice import key_provider

CANARY = "canary-7731-personal"
RULES = {
    "who": {"technique": "encrypt"},
    "number": {"technique": "format_preserving_encrypt"},
    "note": {"technique": "tokenise"},
    "doc -> $.x": {"technique": "encrypt"},
    "memo": {"technique": "detect_text", "entities": {"*": {"technique": "encrypt"}}},
}


def content(number="1234567"):
    memo = f"write to {CANARY}@example.org"
    lines = [f'{CANARY},{number},note of {CANARY},"{{""x"": ""{CANARY}""}}",{memo}'] * 3
    return "\n".join(["who,number,note,doc,memo", *lines]) + "\n"


def forms(keyset):
    """Return what a key would look like if it were written anywhere."""
    found = []
    for key_id, material in keyset.materials.items():
        secrets = [material.reveal()]
        key = keyset.key(key_id)
        for use, length in (
            ("encrypt", 64),
            ("format_preserving_encrypt", 32),
            ("tokenise-find", 32),
            ("tokenise-seal", 64),
        ):
            secrets.append(key.subkey("clinic-a", use, length=length).reveal())
        for secret in secrets:
            found += [
                secret,
                secret.hex().encode(),
                base64.b64encode(secret)[:40],
                base64.urlsafe_b64encode(secret)[:40],
            ]
    return found


@pytest.fixture
def scene(run, root, instance, approval):
    """Run a case, and return all that was written but the datasets, their keysets and vaults."""

    def play(case):
        log, handler = io.StringIO(), None
        handler = logging.StreamHandler(log)
        logging.getLogger().addHandler(handler)
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                results = case()
        finally:
            logging.getLogger().removeHandler(handler)
        texts = [log.getvalue().encode()]
        for result in results:
            texts += [str(event).encode() for event in result.all_events]
            texts += [
                json.dumps(instance.get_run_by_id(result.run_id).tags).encode(),
                *(
                    str(record.event_log_entry).encode()
                    for record in instance.get_records_for_run(result.run_id).records
                ),
            ]
        holds_values = {"in.csv", "back.csv", "default.vault"}
        for file in root.parent.rglob("*"):
            if file.is_file() and file.name not in holds_values and "keys" not in file.parts:
                texts.append(file.read_bytes())
        return results, b"\n".join(texts)

    return play


def cases(run, root, approval):
    options = {"keyset": "clinic", "domain": "clinic-a", "rules": RULES}
    ask = {"purpose": "p", "requester": "bob"}

    def forward(text, target="out.csv", **more):
        (root / "in.csv").write_text(text)
        return run(anonymise_pseudonymise_structured_job, "in.csv", target, **(options | more))

    def there_and_back():
        first = forward(content())
        second = run(repseudonymise_structured_job, "out.csv", "new.csv", domain="clinic-b")
        token = approval("out.csv")
        asked = {"purpose": "complaint 17", "requester": "bob", "approval": token}
        return [first, second, run(depseudonymise_structured_job, "out.csv", "back.csv", **asked)]

    def unapproved():
        token = approval("out.csv") if forward(content()).success else ""
        return [run(depseudonymise_structured_job, "out.csv", "back.csv", approval=token, **ask)]

    def disabled():
        forward(content())
        provider = key_provider()
        old = provider.describe("clinic").require_primary().id
        provider.update("clinic", KeysetInfo.rotated)
        provider.update("clinic", lambda info: info.disabled(old))
        return [run(repseudonymise_structured_job, "out.csv", "new.csv")]

    return {
        "there and back": there_and_back,
        "unencryptable": lambda: [forward(content(f"12{CANARY}"))],
        "no json": lambda: [forward(content().replace('""x""', "x"))],
        "no rule": lambda: [forward(content(), rules={"who": {"technique": "encrypt"}})],
        "applied twice": lambda: [forward(content().replace(CANARY, "siv1.00a1b2c3." + "A" * 40))],
        "unapproved": unapproved,
        "disabled key": disabled,
    }


@pytest.mark.parametrize(
    "name",
    [
        "there and back",
        "unencryptable",
        "no json",
        "no rule",
        "applied twice",
        "unapproved",
        "disabled key",
    ],
)
def test_no_value_and_no_key_is_left_behind(run, root, approval, scene, name):
    keyset = Keyset.load("clinic")

    results, everything = scene(cases(run, root, approval)[name])

    is_good = name == "there and back"
    assert all(result.success == is_good for result in results)
    assert all(result.run_id.encode() in everything for result in results)
    assert CANARY.encode() not in everything
    for secret in forms(keyset):
        assert secret not in everything
    if not is_good:
        assert not (root / "new.csv").exists()
        assert not (root / "back.csv").exists()

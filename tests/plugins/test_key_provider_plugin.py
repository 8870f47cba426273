"""A provider of keysets that a package of a third party brings, built and installed for real."""

import base64
import json
import os
import sys

import pytest

CONFORMANCE = """
from util_services.keys.conformance import check_key_provider
from util_services.keys.providers.choice import key_provider
check_key_provider(key_provider)
"""
CHECK_PLUGIN = (
    "from util_services.plugins.conformance import check_plugin as c; c('key-safe-plugin')"
)


@pytest.fixture
def variables(tmp_path):
    return {
        "DATA_SERVICES_KEYS": str(tmp_path / "keys"),
        "DATA_SERVICES_KEY_PROVIDER": "key-safe",
        "KEY_SAFE_KEY": base64.b64encode(os.urandom(32)).decode(),
    }


def test_it_keeps_the_contract_of_providers_and_that_of_plugins(run, variables):
    for program in (CONFORMANCE, CHECK_PLUGIN):
        answer = run(["key-safe-plugin"], sys.executable, "-c", program, **variables)

        assert (answer.returncode, answer.stderr) == (0, "")


def test_the_command_line_keeps_keysets_with_it(data_services, variables, tmp_path):
    audit = ("keys", "create", "audit", "--purpose", "audit")  # what is done to keys is recorded
    data_services(["key-safe-plugin"], *audit, **variables)
    made = data_services(["key-safe-plugin"], "keys", "create", "demo", **variables)
    listed = data_services(["key-safe-plugin"], "keys", "list", "--json", **variables)

    assert (made.returncode, made.stderr) == (0, "")
    report = json.loads(listed.stdout)
    names = [keyset["name"] for keyset in report["keysets"]]
    assert (report["provider"], names) == ("key-safe", ["audit", "demo"])
    document = json.loads((tmp_path / "keys/demo.json").read_text())
    assert [held["wrapping"] for held in document["materials"].values()] == ["key-safe"]


def test_without_the_package_the_provider_is_unknown(data_services, variables):
    answer = data_services([], "keys", "list", **variables)

    assert answer.returncode == 2
    assert answer.stderr == (
        "error: DATA_SERVICES_KEY_PROVIDER names 'key-safe', which no installed package brings; "
        "use 'environment', 'file', 'kms'.\n"
    )


def test_a_setting_that_the_provider_misses_is_one_sentence(data_services, variables):
    del variables["KEY_SAFE_KEY"]

    answer = data_services(["key-safe-plugin"], "keys", "list", **variables)

    assert answer.returncode == 2
    assert answer.stderr == "error: There is no key of the safe; set KEY_SAFE_KEY.\n"

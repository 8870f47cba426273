"""Every example in the help of the commands on keys and approvals runs, in the order of a life."""

import base64
import json
import shlex

import click
import pytest

from util_services.approvals.trust import Approver, add_approver
from util_services.cli.approve import approve
from util_services.cli.keys import keys
from util_services.encryption.secret import Secret
from util_services.keys.key_pairs import PublicKey
from util_services.keys.keyset import check_of
from util_services.storage.private import write_whole

NOW = "2026-05-04T08:00:00Z"
RFC_8037 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # appendix A.2, as the example of revoke
UNSEALED = ("recovery-key", "identity create")


def examples(group, *names):
    """Give the example of each command, by its name."""
    for command in group.commands.values():
        name = " ".join((*names, command.name))
        if isinstance(command, click.Group):
            yield from examples(command, *names, command.name)
        yield name, " ".join(command.help.partition("Example: data-services ")[2].split())


def keyset_file(*key_ids):
    materials = {key_id: Secret.random(32) for key_id in key_ids}
    times = {"created": NOW, "changed": NOW}
    return {
        "kind": "data-services/keyset",
        "schema": 1,
        "name": "demo",
        "purpose": "pseudonymisation",
        "created": NOW,
        "revision": 1,
        "keys": [
            {"id": key_id, "state": state, "check": check_of(materials[key_id]), **times}
            for key_id, state in zip(key_ids, ("primary", "active"), strict=True)
        ],
        "history": [{"at": NOW, "action": "created", "key": key_ids[0], "by": "", "reason": ""}],
        "materials": {
            key_id: {"wrapping": "plain", "content": base64.b64encode(key.reveal()).decode()}
            for key_id, key in materials.items()
        },
    }


def run_all(program, found, order):
    """Run examples in an order, which names all of them; what they say goes to the error."""
    assert sorted(order) == sorted(found)
    for name in order:
        unsealed = ["--without-passphrase"] if name in UNSEALED else []
        done = program(*shlex.split(found[name]), *unsealed)
        assert done.returncode == 0, f"{found[name]}\n{done.stderr}"


@pytest.fixture
def first_lines(tmp_path):
    """What the examples take for granted."""
    (tmp_path / "visits.csv").write_text("email\nx\n")
    key = PublicKey("approval", "RFC 8037", NOW, base64.b64decode(RFC_8037))
    add_approver(tmp_path / "trust", Approver(key, "RFC 8037"))


def test_the_examples_of_keys_run(program, tmp_path):
    found = dict(examples(keys))
    order = [
        "show", "list", "export", "rotate", "disable", "enable", "recovery-key", "backup",
        "destroy",
    ]  # fmt: skip
    (tmp_path / "keys").mkdir(mode=0o700)
    content = json.dumps(keyset_file("ffffffff", "00a1b2c3")).encode()
    write_whole(tmp_path / "keys/demo.json", Secret(content), replace=False)
    last = {name: found.pop(name) for name in ("create", "restore")}

    run_all(program, found, order)

    (tmp_path / "keys/demo.json").rename(tmp_path / "taken away")
    run_all(program, {"restore": last["restore"]}, ["restore"])
    (tmp_path / "keys/demo.json").unlink()
    run_all(program, {"create": last["create"]}, ["create"])


def test_the_examples_of_approvals_run(program, tmp_path, first_lines):
    found = dict(examples(approve))
    groups = {name: found.pop(name) for name in ("identity", "trust")}
    order = ["identity create", "identity show", "trust add", "new", "show", "verify",
             "trust list", "trust revoke"]  # fmt: skip
    found["new"] += " --out approval.token"

    run_all(program, found, order)

    assert set(groups.values()) <= {found["identity create"], found["trust list"]}

"""``data-services keys``: what it says, how it exits, and that it shows no key."""

import json
import os
import pty
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import click
import pytest

from util_services.cli.keys import keys
from util_services.encryption.secret import Secret
from util_services.keys.leaks import is_shown
from util_services.keys.providers.file import FileProvider

PROGRAM = Path(sys.executable).with_name("data-services")


def ended(done, status, stdout=None, stderr=None):
    """Check how a command ended, and give what it printed."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    if stdout is not None:
        assert done.stdout == stdout
    if stderr is not None:
        assert done.stderr == stderr
    return done.stdout


def keyset_of(done):
    report = json.loads(ended(done, 0))
    assert report["schema"] == 1
    return report["keyset"]


AUDIT = "audit: audit, keys 1, primary {}\n"  # made for the first record


def primary(name):
    return FileProvider.from_environment().describe(name).primary.id


def materials(name="demo"):
    provider = FileProvider.from_environment()
    return list(provider.load(name, with_disabled=True).materials.values())


@pytest.mark.parametrize("command", keys.commands.values(), ids=keys.commands)
def test_the_help_of_every_command_has_an_example(command):
    assert f"Example: data-services keys {command.name}" in command.help


def test_a_keyset_lives_from_making_to_destruction(program, tmp_path):
    ended(program("keys", "create", "demo"), 0, "The keyset 'demo' is made; back it up now.\n")
    first = keyset_of(program("keys", "show", "demo", "--json"))["keys"][0]["id"]

    rotated = keyset_of(program("keys", "rotate", "demo", "--json"))
    second = rotated["keys"][0]["id"]
    assert ended(program("keys", "disable", "demo", first), 0) == (
        f"The key {first} of 'demo' is disabled.\n"
    )
    assert ended(program("keys", "enable", "demo", first), 0) == (
        f"The key {first} of 'demo' is enabled.\n"
    )
    assert ended(program("keys", "list"), 0) == (
        f"{AUDIT.format(primary('audit'))}demo: pseudonymisation, keys 2, primary {second}\n"
    )
    destroyed = program("keys", "destroy", "demo", first, "--reason", "the study ends", "--yes")
    assert ended(destroyed, 0) == ("Destroyed. Keys left in 'demo': 1. Destroy its backups too.\n")
    shown = ended(program("keys", "show", "demo"), 0)
    assert f"  {first}  destroyed  since " in shown
    assert f"destroyed {first} by " in shown
    assert shown.endswith(": the study ends\n")
    ended(program("keys", "destroy", "demo", "--yes"), 0)
    assert ended(program("keys", "list"), 0).endswith(
        "demo: pseudonymisation, keys 0, primary none\n"
    )


def test_every_report_in_json_is_what_may_be_known_of_the_keyset(program):
    created = keyset_of(program("keys", "create", "demo", "--purpose", "audit", "--json"))
    listed = json.loads(ended(program("keys", "list", "--json"), 0))
    exported = json.loads(ended(program("keys", "export", "demo"), 0))

    assert created["purpose"] == "audit"
    *_, found = listed["keysets"]
    assert found == created
    assert listed | {"keysets": []} == {
        "schema": 1,
        "provider": "file",
        "keysets": [],
        "faults": [],
    }
    assert exported == created | {"kind": "data-services/keyset-description", "schema": 1}
    assert keyset_of(program("keys", "show", "demo", "--json")) == created


def test_no_command_shows_a_key(program, tmp_path, passphrase_file):
    first = keyset_of(program("keys", "create", "demo", "--json"))["keys"][0]["id"]
    private = tmp_path / "recovery.key"
    commands = [
        ["show", "demo"],
        ["show", "demo", "--json"],
        ["rotate", "demo", "--json"],
        ["list", "--json"],
        ["export", "demo"],
        ["export", "demo", "--out", "demo.description"],
        ["recovery-key", private, "--owner", "DPO", "--passphrase-file", passphrase_file],
        ["backup", "demo", "--out", "1.backup", "--passphrase-file", passphrase_file, "--json"],
        ["backup", "demo", "--out", "2.backup", "--recipient", f"{private}.pub"],
        ["restore", "1.backup", "--check", "--json", "--passphrase-file", passphrase_file],
        ["disable", "demo", first, "--json"],
        ["destroy", "demo"],
        ["create", "demo"],
    ]

    done = [program("keys", *command) for command in commands]

    assert [one.returncode for one in done] == [0] * 11 + [2, 2]
    written = b"".join(
        file.read_bytes()
        for file in tmp_path.iterdir()
        if file.is_file() and file != passphrase_file
    )
    printed = "".join(one.stdout + one.stderr for one in done).encode()
    phrase = Secret(passphrase_file.read_bytes().strip())
    for secret in (*materials(), phrase):
        assert not is_shown(secret, printed + written)


def test_destroying_asks_for_the_name_unless_it_may_not(program):
    first = keyset_of(program("keys", "create", "demo", "--json"))["keys"][0]["id"]

    ended(
        program("keys", "destroy", "demo", given="demo\n"),
        2,
        "",
        "error: There is no terminal to ask at; give '--yes' to destroy without a question.\n",
    )
    ended(
        program("keys", "destroy", "demo", first, "--yes"),
        2,
        "",
        f"error: The key '{first}' is the primary key of 'demo'; rotate first, or destroy the "
        "whole keyset by naming no key.\n",
    )
    assert keyset_of(program("keys", "show", "demo", "--json"))["keys"][0]["state"] == "primary"


def at_a_terminal(command, *answers):
    """Run a command at a real terminal; each answer is typed once it is asked for."""
    terminal, ours = pty.openpty()
    process = subprocess.Popen(
        [str(PROGRAM), *map(str, command)],
        stdin=ours,
        stdout=ours,
        stderr=ours,
        start_new_session=True,
    )
    os.close(ours)
    shown = b""
    for answer in (*answers, None):
        shown += read_until_asked(terminal) if answer is not None else read_to_the_end(terminal)
        if answer is not None:
            os.write(terminal, answer.encode() + b"\n")
    os.close(terminal)
    return process.wait(), shown.decode()


def read_to_the_end(terminal):
    read = b""
    with suppress(OSError):  # the program has ended
        while piece := os.read(terminal, 4096):
            read += piece
    return read


def read_until_asked(terminal):
    """Read up to a prompt, until the terminal shows nothing of what is typed next."""
    asked = b""
    while not asked.rstrip().endswith(b":"):
        asked += os.read(terminal, 4096)
    if b"assphrase" in asked:
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
    return asked


def test_at_a_terminal_the_name_is_asked_for_and_another_destroys_nothing(program):
    keyset_of(program("keys", "create", "demo", "--json"))

    status, shown = at_a_terminal(["keys", "destroy", "demo"], "dem")
    assert (status, "nothing was destroyed" in shown) == (2, True)
    assert keyset_of(program("keys", "show", "demo", "--json"))["keys"][0]["state"] == "primary"

    status, shown = at_a_terminal(["keys", "destroy", "demo"], "demo")
    assert status == 0, shown
    assert "This destroys every key of 'demo' and cannot be undone." in shown
    assert keyset_of(program("keys", "show", "demo", "--json"))["keys"][0]["state"] == "destroyed"


def test_at_a_terminal_a_passphrase_is_asked_for_and_not_shown(program, tmp_path):
    keyset_of(program("keys", "create", "demo", "--json"))
    phrase = os.urandom(12).hex()
    file = tmp_path / "demo.backup"

    status, shown = at_a_terminal(["keys", "backup", "demo", "--out", file], phrase, phrase)
    assert status == 0, shown
    status, again = at_a_terminal(["keys", "restore", file, "--check"], phrase)
    assert status == 0, again

    assert phrase not in shown + again
    assert "The backup opens" in again


def test_a_backup_is_restored_on_another_machine(program, tmp_path, passphrase_file):
    created = keyset_of(program("keys", "create", "demo", "--json"))
    phrase = ["--passphrase-file", passphrase_file]
    ended(program("keys", "backup", "demo", "--out", "demo.backup", *phrase), 0)
    elsewhere = {
        "DATA_SERVICES_KEYS": str(tmp_path / "elsewhere"),
        "DATA_SERVICES_AUDIT_DIR": str(tmp_path / "audit-elsewhere"),
    }

    restored = keyset_of(program("keys", "restore", "demo.backup", "--json", *phrase, **elsewhere))

    assert restored["keys"] == created["keys"]
    assert (tmp_path / "elsewhere/demo.json").stat().st_mode & 0o777 == 0o600
    ended(
        program("keys", "restore", "demo.backup", *phrase, **elsewhere),
        2,
        "",
        f"error: The keyset 'demo' in '{tmp_path / 'elsewhere'}' exists already; choose another "
        "name.\n",
    )
    ended(
        program("keys", "restore", "demo.backup", "--name", "other", *phrase, **elsewhere),
        2,
        "",
        f"error: The key '{created['keys'][0]['id']}' is primary in the keyset 'demo'; a key "
        "belongs to one keyset, and a destroyed one does not come back.\n",
    )


def test_a_backup_for_a_recovery_key_opens_with_it_alone(program, tmp_path, passphrase_file):
    keyset_of(program("keys", "create", "demo", "--json"))
    for name in ("right", "wrong"):
        making = ["--owner", "DPO", "--without-passphrase"]
        ended(program("keys", "recovery-key", f"{name}.key", *making), 0)
    backup = ["--out", "demo.backup", "--recipient", "right.key.pub"]
    ended(program("keys", "backup", "demo", *backup), 0, "The keyset 'demo' is sealed in "
          "'demo.backup'.\n")  # fmt: skip

    wrong = program("keys", "restore", "demo.backup", "--recovery-key", "wrong.key", "--check")
    right = program("keys", "restore", "demo.backup", "--recovery-key", "right.key", "--check")
    phrase = program("keys", "restore", "demo.backup", "--passphrase-file", passphrase_file)

    assert "stays closed. It was sealed for the recovery key" in wrong.stderr
    assert "It was sealed with a recovery key and not with a passphrase" in phrase.stderr
    assert (wrong.returncode, phrase.returncode) == (2, 2)
    assert ended(right, 0).startswith("The backup opens; it was made at ")


def test_a_passphrase_may_come_by_a_descriptor(program, tmp_path):
    keyset_of(program("keys", "create", "demo", "--json"))
    phrase = os.urandom(12).hex()
    command = [str(PROGRAM), "keys", "backup", "demo", "--out", str(tmp_path / "demo.backup")]
    reading, writing = os.pipe()
    os.write(writing, phrase.encode())
    os.close(writing)

    done = subprocess.run(
        [*command, "--passphrase-fd", str(reading)],
        pass_fds=[reading],
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(reading)

    ended(done, 0)
    checked = program("keys", "restore", "demo.backup", "--check", "--passphrase-fd", "0",
                      given=phrase)  # fmt: skip
    ended(checked, 0)


REFUSALS = {
    "a missing keyset": (["show", "absent"], "error: There is no keyset 'absent' in "),
    "a name of no form": (["create", "No_Name"], "error: 'No_Name' cannot name a keyset; use "),
    "a purpose of no form": (
        ["create", "x", "--purpose", "A B"],
        "error: 'A B' cannot name a purpose; use ",
    ),
    "an unknown key": (["disable", "demo", "ffffffff"], "error: The keyset 'demo' has no key "),
    "a taken name": (["create", "demo"], "error: The keyset 'demo' in "),
    "a file of another kind": (
        ["restore", "passphrase", "--passphrase-file", "passphrase"],
        "error: The backup cannot be used: it is no JSON",
    ),
    "a short passphrase": (
        ["backup", "demo", "--out", "x", "--passphrase-file", "short"],
        "error: The passphrase has fewer than 12 characters; ",
    ),
    "an open passphrase": (
        ["backup", "demo", "--out", "x", "--passphrase-file", "open"],
        "error: 'open' is open to others (mode 0644), and a passphrase is for its owner alone",
    ),
    "a passphrase of two lines": (
        ["backup", "demo", "--out", "x", "--passphrase-file", "lines"],
        "error: A passphrase is one line of text in UTF-8; ",
    ),
    "no passphrase": (
        ["backup", "demo", "--out", "x"],
        "error: There is no terminal to ask at; give '--passphrase-file' or '--passphrase-fd'.",
    ),
    "a file in the way": (
        ["backup", "demo", "--out", "passphrase", "--passphrase-file", "passphrase"],
        "error: 'passphrase' exists already; choose another name.",
    ),
    "a closed descriptor": (
        ["backup", "demo", "--out", "x", "--passphrase-fd", "99"],
        "error: '/dev/fd/99' cannot be read (No such file or directory); correct the path.",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_is_refused_is_one_sentence_and_status_2(program, tmp_path, passphrase_file, refusal):
    ended(program("keys", "create", "demo"), 0)
    for name, content, mode in (
        ("short", "elevenchars", 0o600),
        ("open", "long enough a phrase", 0o644),
        ("lines", "long enough\na phrase", 0o600),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    arguments, sentence = REFUSALS[refusal]

    done = program("keys", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_a_damaged_keyset_is_listed_as_such_with_status_1(program, tmp_path):
    ended(program("keys", "create", "demo"), 0)
    (tmp_path / "keys/broken.json").write_text("{}")
    (tmp_path / "keys/broken.json").chmod(0o600)

    done = program("keys", "list", "--json")

    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert [keyset["name"] for keyset in report["keysets"]] == ["audit", "demo"]
    assert [fault["name"] for fault in report["faults"]] == ["broken"]
    assert done.stderr.startswith("error: The keyset 'broken' in ")
    assert program("keys", "list").stdout.splitlines()[1].startswith("demo: ")


def test_a_provider_that_only_reads_says_so(program):
    done = program("keys", "create", "audit", DATA_SERVICES_KEY_PROVIDER="environment")

    ended(done, 2, "", None)
    assert done.stderr.startswith("error: The key provider 'environment' only reads keysets; ")


def test_no_command_takes_a_secret_as_an_argument():
    names = {
        option
        for command in keys.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }

    assert not {name for name in names if name in ("--passphrase", "--password", "--key")}
    assert {"--passphrase-file", "--passphrase-fd"} <= names

"""Vaults: one token for each value and one value for each token, whatever happens meanwhile."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, depseudonymise, pseudonymise
from field_pseudonymisation.errors import PolicyError, TokenError
from field_pseudonymisation.plan import compile_policy
from field_pseudonymisation.techniques.technique import Target
from field_pseudonymisation.techniques.vault import Vault, forget_tokens
from util_services.keys import Keyset, KeysetInfo


def policy(domain="clinic-a", **rule):
    return PseudonymisationPolicy("k", domain, {"a": {"technique": "tokenise", **rule}})


def target(keys, folder, domain="clinic-a"):
    return Target("a", pa.string(), domain, "deterministic", "", keys, vaults=folder)


def tokens(values, keys, folder, **rule):
    done, report = pseudonymise(pa.table({"a": values}), policy(**rule), keys, vaults=folder)
    return done["a"].to_pylist(), report


def test_values_keep_their_tokens_also_after_a_rotation(tmp_path):
    keys = Keyset.generate()
    first, report = tokens(["x", "y", None, "x"], keys, tmp_path)
    rotated = keys.changed(KeysetInfo.rotated)
    second, _ = tokens(["y", "z", "x"], rotated, tmp_path)

    assert first[0] == first[3] != first[1]
    assert first[2] is None
    assert (second[0], second[2]) == (first[1], first[0])
    assert second[1].split(".")[1] == rotated.primary.id
    table = pa.table({"a": [*first, second[1]]})
    back, _ = depseudonymise(table, report, rotated, vaults=tmp_path, other_dataset=True)
    assert back["a"].to_pylist() == ["x", "y", None, "x", "z"]


def test_once_renewed_a_token_is_the_one_of_the_new_key_for_all(tmp_path):
    keys = Keyset.generate()
    (old,), _ = tokens(["x"], keys, tmp_path)
    rotated = keys.changed(KeysetInfo.rotated)
    field = [("a", pa.string())]

    former = compile_policy(policy(), field, keys, vaults=tmp_path).columns[0].transform
    plan = compile_policy(policy(), field, rotated, vaults=tmp_path, former=lambda *_: former)
    new = plan.apply({"a": pa.array(["x", "x"])}, 2)["a"].to_pylist()

    assert new == [new[0]] * 2
    assert new[0].split(".")[1] == rotated.primary.id != old.split(".")[1]
    assert tokens(["x"], rotated, tmp_path)[0] == new[:1]


def test_the_file_is_for_its_owner_alone_and_holds_no_value(tmp_path):
    tokens(["needle in the vault"], Keyset.generate(), tmp_path)
    (file,) = tmp_path.iterdir()

    assert file.stat().st_mode & 0o777 == 0o600
    assert b"needle" not in file.read_bytes()


def test_a_folder_that_everybody_can_change_is_refused(tmp_path):
    tmp_path.chmod(0o777)

    with pytest.raises(PolicyError, match=r"changed by everybody \(mode 0777\)"):
        tokens(["x"], Keyset.generate(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_random_tokens_differ_for_equal_values_and_lead_back(tmp_path):
    keys = Keyset.generate()

    found, report = tokens(["x", "x"], keys, tmp_path, policy="random")

    assert found[0] != found[1]
    back, _ = depseudonymise(pa.table({"a": found}), report, keys, vaults=tmp_path)
    assert back["a"].to_pylist() == ["x", "x"]


def test_domains_share_no_tokens_and_read_none_of_one_another(tmp_path):
    keys = Keyset.generate()
    first, _ = tokens(["x"], keys, tmp_path)
    second, report = tokens(["x"], keys, tmp_path, domain="clinic-b")

    assert first != second
    with pytest.raises(TokenError):
        depseudonymise(pa.table({"a": first}), report, keys, vaults=tmp_path)


def test_what_is_forgotten_or_changed_in_the_vault_is_refused(tmp_path):
    keys = Keyset.generate()
    found, report = tokens(["x", "y"], keys, tmp_path)
    (file,) = tmp_path.iterdir()
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT token, sealed FROM tokens").fetchall()
        database.execute("UPDATE tokens SET sealed = ? WHERE token = ?", (rows[0][1], rows[1][0]))
    database.close()

    with pytest.raises(TokenError):
        depseudonymise(pa.table({"a": found}), report, keys, vaults=tmp_path)
    assert forget_tokens(file, [row[0] for row in rows]) == 2
    with pytest.raises(TokenError, match="forgotten"):
        depseudonymise(pa.table({"a": found}), report, keys, vaults=tmp_path)


def test_writers_at_once_agree_on_every_token(tmp_path):
    keys = Keyset.generate()
    values = [f"v{number}" for number in range(300)]
    found = []

    def write(order):
        mine, _ = tokens(values[::order], keys, tmp_path)
        found.append(mine[::order])

    threads = [threading.Thread(target=write, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert all(one == found[0] for one in found)
    assert len(set(found[0])) == 300


KILLED = """
import sys, pathlib, pyarrow as pa
from field_pseudonymisation.techniques.technique import Target
from field_pseudonymisation.techniques.vault import Vault
from util_services.keys.providers.choice import key_provider
folder = pathlib.Path(sys.argv[1])
keys = key_provider().load("clinic")
vault = Vault(folder / "a.vault", Target("a", pa.string(), "d", "deterministic", "", keys))
vault.tokens_for([b"s0"])  # and what it imports is there
print("ready", flush=True)
for batch in range(10_000):
    vault.tokens_for([b"s%d" % number for number in range(batch * 40, batch * 40 + 80)])
"""


def test_a_killed_writer_leaves_one_token_for_each_value(tmp_path, monkeypatch):
    from util_services.keys.providers.choice import key_provider

    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    (tmp_path / "keys").mkdir(mode=0o700)
    key_provider().create(Keyset.generate("clinic"))
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()

    keys = key_provider().load("clinic")
    vault = Vault(tmp_path / "a.vault", Target("a", pa.string(), "d", "deterministic", "", keys))
    with sqlite3.connect(vault.file) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = [token for (token,) in database.execute("SELECT token FROM tokens")]
    database.close()
    values = vault.values_of(keys.primary.id, kept)
    assert kept
    assert None not in values
    assert len(set(values)) == len(values)
    assert [token for _, token in vault.tokens_for(values)] == kept

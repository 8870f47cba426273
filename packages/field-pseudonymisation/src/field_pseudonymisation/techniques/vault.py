"""Vaults of tokens: which token stands for which value, in an encrypted SQLite database.

A row holds a MAC of the value, by which it is found again, a random token, and the value encrypted
with AES-SIV, with domain and token as associated data. Whoever has the file alone learns how many
values there are. A batch is one transaction: a process that is killed leaves a vault in which each
value has one token and each token one value.
"""

from __future__ import annotations

import secrets
import sqlite3
import stat
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.techniques.hashing import hmac_sha256
from util_services import settings
from util_services.encryption.secret import discreet
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from field_pseudonymisation.techniques.technique import Target

ENDING = ".vault"
TOKEN_BYTES = 16
MAC_BYTES = 32
SIV_KEY = 64
WAIT_SECONDS = 120  # for other processes
AT_ONCE = 500  # parameters of a query
SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
    token BLOB PRIMARY KEY, mac BLOB UNIQUE, key_id TEXT NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID
"""


def vault_folder() -> Path:
    """Return the folder of vaults: ``DATA_SERVICES_VAULTS``, or one of this user's own."""
    named = settings.text("VAULTS")
    return Path(named) if named else Path.home() / ".local/share/data-services/vaults"


@dataclass(frozen=True, slots=True)
class Vault:
    """The tokens of a domain.

    Args:
        file: the database; it is made, for its owner alone, where there is none.
        target: domain and keys.
    """

    file: Path
    target: Target

    @classmethod
    def of(cls, name: str, target: Target) -> Vault:
        """Return the vault of a name."""
        folder = target.vaults or vault_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            raise PolicyError(
                f"The folder of vaults, {folder}, cannot be made; set DATA_SERVICES_VAULTS."
            ) from None
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & stat.S_IWOTH:
            raise PolicyError(
                f"The folder of vaults, {folder}, can be changed by everybody (mode {mode:04o}); "
                "run 'chmod o-w' on it."
            )
        return cls(folder / f"{name}{ENDING}", target)

    @discreet
    def tokens_for(self, values: Sequence[bytes]) -> list[tuple[str, bytes]]:
        """Return key id and token of each value, new ones where there are none yet."""
        key_id = self.target.key().id
        with _transaction(self.file) as database:
            known = self._known(database, values)
            missing = [value for value in dict.fromkeys(values) if value not in known]
            macs: list[bytes | None] = [*self._macs(key_id, missing)]
            tokens = self._added(database, key_id, macs, missing)
            known |= {value: (key_id, token) for value, token in zip(missing, tokens, strict=True)}
        return [known[value] for value in values]

    @discreet
    def new_tokens(self, values: Sequence[bytes]) -> list[tuple[str, bytes]]:
        """Return key id and a token of its own for each value, also for equal ones."""
        key_id = self.target.key().id
        with _transaction(self.file) as database:
            tokens = self._added(database, key_id, [None] * len(values), values)
        return [(key_id, token) for token in tokens]

    @discreet
    def values_of(self, key_id: str, tokens: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each token, None where the vault has none that is authentic."""
        found: dict[bytes, bytes] = {}
        if not self.file.exists():
            return [None] * len(tokens)
        with _opened(self.file) as database:
            for first in range(0, len(tokens), AT_ONCE):
                some = tokens[first : first + AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT token, sealed FROM tokens WHERE key_id = ? AND token IN ({marks})"  # noqa: S608 - marks
                found |= dict(database.execute(query, [key_id, *some]))
        cipher = self._cipher(key_id)
        return [self._unsealed(cipher, token, found.get(token)) for token in tokens]

    def _known(
        self, database: sqlite3.Connection, values: Sequence[bytes]
    ) -> dict[bytes, tuple[str, bytes]]:
        """Return the tokens that values have already: under the key for new data, or another."""
        known: dict[bytes, tuple[str, bytes]] = {}
        keyset, newest = self.target.keyset, self.target.key()
        others = () if keyset is None or self.target.renews else keyset.keys
        for key in (newest, *(one for one in others if one.id != newest.id)):
            left = [value for value in dict.fromkeys(values) if value not in known]
            by_mac = dict(zip(self._macs(key.id, left), left, strict=True))
            macs = list(by_mac)
            for first in range(0, len(macs), AT_ONCE):
                some = macs[first : first + AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT mac, key_id, token FROM tokens WHERE mac IN ({marks})"  # noqa: S608 - marks
                for mac, key_id, token in database.execute(query, some):
                    known[by_mac[mac]] = key_id, token
        return known

    def _added(
        self,
        database: sqlite3.Connection,
        key_id: str,
        macs: Sequence[bytes | None],
        values: Sequence[bytes],
    ) -> list[bytes]:
        """Return a new token for each value, which the vault has from then on."""
        cipher, domain = self._cipher(key_id), self.target.domain.encode()
        tokens = [secrets.token_bytes(TOKEN_BYTES) for _ in values]
        database.executemany(
            "INSERT INTO tokens VALUES (?, ?, ?, ?)",  # 128 random bits are none that are there
            (
                (token, mac, key_id, cipher.encrypt(value, [domain, token]))
                for token, mac, value in zip(tokens, macs, values, strict=True)
            ),
        )
        return tokens

    def _unsealed(self, cipher: AESSIV, token: bytes, sealed: bytes | None) -> bytes | None:
        if sealed is None:
            return None
        try:
            return cipher.decrypt(sealed, [self.target.domain.encode(), token])
        except InvalidTag:
            return None

    def _macs(self, key_id: str, values: Sequence[bytes]) -> list[bytes]:
        key = self.target.subkey("tokenise-find", key_id=key_id)
        macs = hmac_sha256(key, pa.array(values, pa.large_binary()), MAC_BYTES)
        return [macs[at : at + MAC_BYTES] for at in range(0, len(macs), MAC_BYTES)]

    def _cipher(self, key_id: str) -> AESSIV:
        key = self.target.subkey("tokenise-seal", length=SIV_KEY, key_id=key_id)
        return AESSIV(key.reveal())


def vault_file(name: str) -> Path:
    """Return the file of a vault that is there.

    Raises:
        PolicyError: if there is none.
    """
    file = vault_folder() / f"{name}{ENDING}"
    if file.parent != vault_folder() or not file.is_file():
        raise PolicyError(
            f"There is no vault {quoted_name(name)} in {vault_folder()}; correct the name, or set "
            "DATA_SERVICES_VAULTS."
        )
    return file


@discreet
def forget_tokens(file: Path, tokens: Sequence[bytes]) -> int:
    """Delete what leads from tokens to their values for good, and return how many there were."""
    with _transaction(file) as database:
        cursor = database.executemany(
            "DELETE FROM tokens WHERE token = ?", [(token,) for token in tokens]
        )
        return cursor.rowcount


@contextmanager
def _transaction(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a vault to one writer, and keep all that it did or nothing; made if it is not there."""
    if not file.exists():
        file.touch(mode=0o600)
    with _opened(file) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a vault.

    Raises:
        PolicyError: if it is none, or something goes wrong with its file.
    """
    try:
        database = sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None)
        with closing(database):
            database.execute("PRAGMA secure_delete = ON")
            database.execute("PRAGMA synchronous = FULL")
            database.execute(SCHEMA)
            yield database
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise PolicyError(
            f"The vault {file} cannot be used ({name}); check the file and the "
            "disk, or restore a backup."
        ) from None

"""The key with which a deployment signs what it releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from util_services import settings
from util_services.keys.key_files import key_file, read_private_key
from util_services.releases.envelope import STATEMENT_TYPE, Envelope
from util_services.releases.errors import SigningError

if TYPE_CHECKING:
    from util_services.keys.key_pairs import KeyPair
    from util_services.releases.statement import Statement

SETTING = "RELEASE_KEY"


def release_key() -> KeyPair:
    """Return the key pair in the file that ``DATA_SERVICES_RELEASE_KEY`` names.

    Raises:
        SigningError: if it names none, or one that nobody is there to give a passphrase for.
        DataServicesError: if the file holds no such key, or others can read it.
    """
    configured = settings.text(SETTING)
    if configured is None:
        raise SigningError(
            "This deployment has no key to sign releases with; make one with 'data-services "
            "release key', and set DATA_SERVICES_RELEASE_KEY to its private file."
        )
    file = Path(configured).expanduser().absolute()
    held = read_private_key(file, "release")
    if held.is_sealed:
        raise SigningError(
            "The key of DATA_SERVICES_RELEASE_KEY is sealed, and a run cannot ask for its "
            "passphrase; make one with 'data-services release key --without-passphrase'."
        )
    with key_file(file):
        return held.open(None)


def signed(statement: Statement) -> Envelope:
    """Return a statement with the signature of this deployment."""
    return Envelope.sealed(STATEMENT_TYPE, statement.to_json(), release_key())

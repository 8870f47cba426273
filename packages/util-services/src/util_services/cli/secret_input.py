"""Where a command takes a passphrase or a private key from.

A passphrase comes from a prompt, a file or an open descriptor, never from an argument or a
variable, which other processes can see.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from util_services.encryption.secret import Secret
    from util_services.keys.key_pairs import KeyPair, PublicKey, Use
    from util_services.keys.sealing import Passphrase


@dataclass(frozen=True, slots=True)
class PassphraseSource:
    """Where the passphrase is, as the options of a command say."""

    file: Path | None
    descriptor: int | None

    def new(self, what: str) -> Passphrase:
        """Return a passphrase to seal something with; at a prompt it is asked for twice.

        Raises:
            KeysError: if it is too short, or there is nowhere to take it from.
        """
        from util_services.keys.sealing import Passphrase

        return Passphrase.new(self._text(f"New passphrase for {what}", is_new=True))

    @property
    def is_given(self) -> bool:
        """Whether it need not be asked for at a terminal."""
        return self.file is not None or self.descriptor is not None

    def known(self, what: str) -> Passphrase:
        """Return the passphrase that something was sealed with.

        Raises:
            KeysError: if there is nowhere to take it from.
        """
        from util_services.keys.sealing import Passphrase

        return Passphrase(self._text(f"Passphrase of {what}", is_new=False))

    def _text(self, prompt: str, *, is_new: bool) -> Secret:
        from util_services.encryption.secret import Secret
        from util_services.storage.private import read_handed_over

        if self.file is not None and self.descriptor is not None:
            raise click.UsageError("Give '--passphrase-file' or '--passphrase-fd', not both.")
        if self.descriptor is not None:
            return one_line(read_handed_over(Path(f"/dev/fd/{self.descriptor}")))
        if self.file is not None:
            return one_line(read_handed_over(self.file))
        require_terminal("give '--passphrase-file' or '--passphrase-fd'")
        asked = click.prompt(prompt, hide_input=True, confirmation_prompt=is_new, err=True)
        return one_line(Secret(asked.encode(errors="surrogateescape")))


def with_passphrase(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where a passphrase is, as the argument ``phrase``."""

    @click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path),
        help="Read the passphrase from this file, which others must not be able to read.",
    )
    @click.option(
        "--passphrase-fd",
        type=click.IntRange(0),
        metavar="N",
        help="Read the passphrase from this open file descriptor.",
    )
    @wraps(command)
    def with_source(
        *, passphrase_file: Path | None, passphrase_fd: int | None, **options: Any
    ) -> None:
        command(phrase=PassphraseSource(passphrase_file, passphrase_fd), **options)

    return with_source


def read_key_pair(file: Path, use: Use, phrase: PassphraseSource) -> KeyPair:
    """Return the key pair of a private file, asking for its passphrase if it is sealed.

    Raises:
        KeysError: if it holds none for this use, or the passphrase is wrong.
    """
    from util_services.keys.key_files import key_file, read_private_key

    held = read_private_key(file, use)
    with key_file(file):
        return held.open(phrase.known(f"'{file}'") if held.is_sealed else None)


def make_key_pair(
    file: Path, use: Use, owner: str, phrase: PassphraseSource, *, is_sealed: bool
) -> PublicKey:
    """Make a key pair and write both of its files.

    Raises:
        KeysError: if the owner's name or the passphrase cannot be one.
        DataServicesError: if a file is there, or cannot be written.
    """
    from util_services.keys.key_files import write_key_pair
    from util_services.keys.key_pairs import KeyPair

    pair = KeyPair.generate(use, owner)
    write_key_pair(pair, file, phrase.new(f"'{file}'") if is_sealed else None)
    return pair.public


def require_terminal(cure: str) -> None:
    """Check that somebody can be asked.

    Raises:
        KeysError: if there is no terminal.
    """
    from util_services.keys.errors import KeysError

    if not (sys.stdin.isatty() and os.isatty(2)):
        raise KeysError(f"There is no terminal to ask at; {cure}.")


def one_line(content: Secret) -> Secret:
    """Return a passphrase without the line end that editors put behind it.

    Raises:
        KeysError: if it is empty, no UTF-8, or of several lines.
    """
    from util_services.encryption.secret import Secret
    from util_services.keys.errors import KeysError

    line = Secret(content.reveal().removesuffix(b"\n").removesuffix(b"\r"))
    if not len(line) or b"\n" in line.reveal() or not _is_text(line):
        raise KeysError("A passphrase is one line of text in UTF-8; correct what holds it.")
    return line


def _is_text(line: Secret) -> bool:
    try:
        line.reveal().decode()
    except UnicodeDecodeError:
        return False
    return True

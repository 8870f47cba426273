"""Keysets: named keys of one purpose, where they are kept, and how they are backed up.

Importing this package imports no cryptography.
"""

from util_services.keys.errors import KeysError
from util_services.keys.info import KeyInfo, KeysetInfo
from util_services.keys.keyset import Key, Keyset

__all__ = ["Key", "KeyInfo", "KeysError", "Keyset", "KeysetInfo"]

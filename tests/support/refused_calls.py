"""A kernel that refuses system calls to this process, as file systems refuse hard links.

Linux only (seccomp); it cannot be undone, so use it in a process of its own.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVILEGES = 22, 38
MODE_FILTER, ALLOW, ERRNO = 2, 0x7FFF0000, 0x00050000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBERS = {
    "x86_64": {"link": (86, 265), "renameat2": (316,)},
    "aarch64": {"link": (37,), "renameat2": (276,)},
}


def refuse(**calls: int) -> None:
    """Let system calls fail with an error number from now on: ``refuse(link=errno.EPERM)``."""
    numbers = NUMBERS[platform.machine()]
    program = [(LOAD, 0, 0, 0)]
    for call, number in calls.items():
        for system_call in numbers[call]:
            program += [(EQUAL, 0, 1, system_call), (RETURN, 0, 0, ERRNO | number)]
    program.append((RETURN, 0, 0, ALLOW))
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        (PR_SET_SECCOMP, MODE_FILTER, header, 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), errno.errorcode[ctypes.get_errno()])

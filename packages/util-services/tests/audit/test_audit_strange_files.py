"""What is named like a file of the audit and is none stops nobody, and is named."""

import os
import socket

import pytest

from util_services.audit.place import Segment, new_chain, realm_of

NAMES = ["pipe", "folder", "socket", "link"]


def put(kind, place):
    match kind:
        case "pipe":
            os.mkfifo(place)
        case "folder":
            place.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as bound:
                former = os.open(".", os.O_RDONLY)
                os.chdir(place.parent)  # the address of a socket is short
                try:
                    bound.bind(place.name)
                finally:
                    os.fchdir(former)
                    os.close(former)
        case "link":
            place.with_name("elsewhere").touch()
            place.symlink_to("elsewhere")


@pytest.mark.parametrize("kind", NAMES)
def test_it_is_named_by_a_verification_and_passed_over_by_writers(audit, kind):
    links = audit.write(2)
    strange = audit.directory / Segment(new_chain(realm_of(audit.directory)), 1).name
    put(kind, strange)

    links += audit.write(2)

    [finding] = audit.verify(*links).findings
    assert str(finding) == (
        f"{strange.name}: it is no regular file, and nothing that the audit has made; remove it."
    )
    assert len(audit.lines(next(file for file in audit.files() if file != strange))) == 6


@pytest.mark.parametrize("kind", NAMES)
def test_a_chain_that_cannot_go_on_for_it_is_followed_by_another(audit, kind):
    chosen = audit.writer(segment_bytes=900)
    first, *_ = audit.write(1, chosen)
    strange = audit.directory / Segment(first.chain, 2).name
    put(kind, strange)

    links = audit.write(4, chosen)

    assert links[-1].chain != first.chain
    assert [finding.file for finding in audit.verify(*links).findings] == [strange.name]

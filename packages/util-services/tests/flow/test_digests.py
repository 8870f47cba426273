"""Digests of files against published vectors, and against the libraries on larger contents."""

import hashlib

import pytest
from blake3 import blake3

from util_services.flow.digests import PIECE_BYTES, digest_of, digests_of, digests_of_bytes

# SHA-256 of FIPS 180-4's examples; BLAKE3 of the official test vectors (empty) and of "abc".
KNOWN = {
    b"": (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    ),
    b"abc": (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
    ),
}


@pytest.mark.parametrize("content", KNOWN)
def test_digests_are_those_that_were_published(tmp_path, content):
    file = tmp_path / "file"
    file.write_bytes(content)

    both = digests_of(file, with_blake3=True)

    assert (both.sha256, both.blake3) == KNOWN[content]
    assert digests_of_bytes(content, with_blake3=True) == both
    assert digest_of(file) == both.sha256
    assert digests_of(file, with_blake3=False).blake3 is None


@pytest.mark.parametrize("size", [PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 1])
def test_a_content_of_several_pieces_is_hashed_whole(tmp_path, size):
    content = bytes(number % 251 for number in range(size))
    (tmp_path / "file").write_bytes(content)

    both = digests_of(tmp_path / "file", with_blake3=True)

    assert both.sha256 == hashlib.sha256(content).hexdigest()
    assert both.blake3 == blake3(content).hexdigest()

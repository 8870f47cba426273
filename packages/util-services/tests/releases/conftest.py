"""Who signs policies and releases."""

import pytest

from util_services.approvals import Approver, Trust
from util_services.approvals.trust import add_approver
from util_services.keys.key_pairs import KeyPair


@pytest.fixture(scope="session")
def ada():
    """The identity of an approver."""
    return KeyPair.generate("approval", "Ada Lovelace")


@pytest.fixture(scope="session")
def clinic():
    """The key of a deployment."""
    return KeyPair.generate("release", "Clinic A")


@pytest.fixture
def trust(tmp_path, ada):
    """A deployment that trusts Ada."""
    add_approver(tmp_path / "trust", Approver(ada.public, "Ada Lovelace", ("ada",)))
    return Trust.load(tmp_path / "trust")

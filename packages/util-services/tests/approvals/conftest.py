"""Two people and a deployment that trusts one of them."""

from datetime import UTC, datetime, timedelta

import pytest

from util_services.approvals import ApprovalRequest, Approver, Trust, approve
from util_services.approvals.trust import add_approver
from util_services.keys.key_pairs import KeyPair

NOW = datetime(2026, 5, 4, 8, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def ada():
    """The key pair of an approver."""
    return KeyPair.generate("approval", "Ada Lovelace")


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def trust_folder(tmp_path, clean_environment, monkeypatch):
    """The folder that the environment names; it is not there yet."""
    monkeypatch.setenv("DATA_SERVICES_TRUST", str(tmp_path / "trust"))
    return tmp_path / "trust"


@pytest.fixture
def trust(trust_folder, ada):
    """A deployment that trusts Ada, who also has the account ``ada``."""
    add_approver(trust_folder, Approver(ada.public, "Ada Lovelace", ("ada", "A. Lovelace")))
    return Trust.load(trust_folder)


@pytest.fixture
def request_():
    """What Bob wants to do."""
    return ApprovalRequest(
        job="depseudonymise_structured_job",
        dataset="ab" * 32,
        purpose="complaint 17",
        requester="bob",
        columns=("iban", "email"),
    )


@pytest.fixture
def sign(ada, request_, now):
    """Return a function that signs an approval of eight hours, of Bob's request as it is."""

    def make(request=None, pair=ada, valid_for=timedelta(hours=8), at=now, **options):
        return approve(request or request_, pair, valid_for, now=at, **options)

    return make

"""Errors about keys and approvals are one sentence, and cross processes as executors need."""

import pickle

import pytest

from util_services.approvals import errors as of_approvals
from util_services.errors import DataServicesError
from util_services.keys import errors as of_keys

FACTS = {
    of_keys.KeysetNotFoundError: ("demo", "'folder'"),
    of_keys.WrongPurposeError: ("demo", "audit", "vault"),
    of_keys.UnknownKeyError: ("demo", "00a1b2c3"),
    of_keys.DisabledKeyError: ("demo", "00a1b2c3"),
    of_keys.DestroyedKeyError: ("demo", "00a1b2c3", "2026-05-04T08:00:00Z"),
    of_keys.DamagedKeysetError: ("The keyset 'demo'", "it is no JSON"),
    of_keys.ReadOnlyProviderError: ("environment", "ask somebody else."),
    of_keys.UnknownProviderError: ("vault", ("file", "kms")),
    of_keys.WrongProviderError: ("The keyset 'demo'", "aws-kms", "file"),
    of_keys.BusyKeysetError: ("demo",),
    of_approvals.OtherJobError: ("id", "one", "other"),
    of_approvals.OtherPurposeError: ("id", "one", "other"),
    of_approvals.OtherRequesterError: ("id", "one", "other"),
    of_approvals.OtherDatasetError: ("id", "sha256:ab", "sha256:cd"),
    of_approvals.OtherApproverError: ("id", "Ada", "Eve"),
    of_approvals.RevokedApproverError: ("id", "Ada", "2026-05-04T08:00:00Z"),
    of_approvals.UntrustedApproverError: ("id", "key"),
    of_approvals.SelfApprovalError: ("id", "Ada"),
    of_approvals.ForgedApprovalError: ("id",),
    of_approvals.ColumnScopeError: ("id", ("email",)),
    of_approvals.RowScopeError: ("id",),
    of_approvals.ExpiredApprovalError: ("id", "2026-05-04T08:00:00Z"),
    of_approvals.EarlyApprovalError: ("id", "2026-05-04T08:00:00Z"),
    of_approvals.LifetimeError: ("id", 90),
    of_approvals.UsedApprovalError: ("id",),
    of_approvals.MalformedApprovalError: (None, "it is no token"),
}
BASES = {of_approvals.ApprovalRefusedError, of_approvals._OtherError}


def kinds():
    for module in (of_keys, of_approvals):
        for kind in vars(module).values():
            is_error = isinstance(kind, type) and issubclass(kind, DataServicesError)
            if is_error and kind.__module__ == module.__name__ and kind not in BASES:
                yield kind


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_an_error_is_one_sentence_that_survives_the_way_to_another_process(kind):
    error = kind(*FACTS.get(kind, ("A sentence.",)))

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (type(copy), str(copy), copy.args) == (kind, str(error), error.args)
    assert str(error).endswith(".")
    assert "\n" not in str(error)

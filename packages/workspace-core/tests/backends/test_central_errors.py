"""Errors of central workspaces: one sentence each, which crosses the border of a process."""

import pickle

import pytest

from workspace_core.sharing import central_errors as errors


@pytest.mark.parametrize(
    "error",
    [
        errors.OutOfReachError("s3://b/p", "no\x1b[2J\nway."),
        errors.UnpublishedError("/r", "No space left on device"),
        errors.LostRecordsError("/r\n", 12),
        errors.DamagedRecordsError("/r", "records/0000000001.json", "it is missing"),
        errors.SimultaneousChangeError(["tag best", "parameters of the workspace"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_one_sentence_and_survives_pickling(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert (type(again), str(again)) == (type(error), str(error))
    assert str(error).endswith(".")
    assert ". " not in str(error)
    assert not {"\n", "\x1b"} & set(str(error))

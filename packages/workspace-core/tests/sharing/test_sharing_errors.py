"""Errors of sharing: one sentence each, which crosses the border of a process."""

import pickle

import pytest

from workspace_core.sharing import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.RemoteError("s3://b/p", "it does not answer"),
        errors.DamagedRemoteError("/r", "packs/1.pack", "its end is missing"),
        errors.ForeignRemoteError("tags/-x.json", "it is none"),
        errors.NoRemoteError("/w", "content"),
        errors.LostRaceError("/r.git"),
        errors.MergeConflictError(["raw: a.csv", "tag best"]),
        errors.MergeConflictError(["raw: a.csv"], ["raw"]),
        errors.NotMergedError(["raw", "wards"]),
        errors.PartlyHereError("raw"),
    ],
)
def test_an_error_is_one_sentence_and_survives_pickling(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert (type(again), str(again)) == (type(error), str(error))
    assert str(error).endswith(".")
    assert "\n" not in str(error)


def test_a_line_end_in_what_a_remote_says_steers_no_terminal():
    assert "\x1b" not in str(errors.RemoteError("/r", "no\x1b[2J\nway"))
    assert "\n" not in str(errors.ForeignRemoteError("a\nb", "it is none"))

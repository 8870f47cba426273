"""Leftovers join classes without a table of all classes by all sensitive values."""

import tracemalloc

import numpy as np
import pandas as pd

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    LDiversity,
    anonymise,
)


def test_memory_does_not_grow_with_classes_times_values():
    """2,000 classes of 40,000 values would be 640 MB."""
    towns = np.repeat(np.arange(2000), 20)
    lone = np.arange(2000, 2005)
    town = np.concatenate([towns, lone])
    frame = pd.DataFrame({"town": town, "secret": np.arange(len(town)).astype(str)})
    policy = AnonymisationPolicy(
        models=[KAnonymity(k=20), LDiversity(l=2, variant="entropy")],
        quasi_identifiers=["town"],
        sensitive_attributes=["secret"],
        hierarchies={"town": Hierarchy.intervals([10, 100, 1000, 10_000])},
        algorithm="local",
        suppression_limit=0.0,
    )

    tracemalloc.start()
    result, report = anonymise(frame, policy)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(result) == len(frame)
    assert report["verified"]["holds"]
    assert peak < 300e6

import os
from pathlib import Path

import pandas as pd
import pytest

from dataframe_anonymisation import AnonymisationPolicy, Hierarchy

QUASI_IDENTIFIERS = (
    "age",
    "sex",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("DATA_SERVICES_") and name != "DATA_SERVICES_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def test_data():
    """The folder of the shared datasets."""
    folder = os.environ.get("DATA_SERVICES_TEST_DATA")
    if not folder:
        pytest.skip("DATA_SERVICES_TEST_DATA names no folder with the shared datasets")
    return Path(folder)


@pytest.fixture(scope="session")
def adult(test_data):
    """The Adult census data as text."""
    return pd.read_csv(test_data / "adult/adult.csv", sep=";", dtype=str)


@pytest.fixture(scope="session")
def adult_policy(test_data):
    """Make a policy for the Adult data, with its hierarchies."""
    hierarchies = {
        name: Hierarchy.from_file(str(test_data / f"adult/adult_hierarchy_{name}.csv"))
        for name in (*QUASI_IDENTIFIERS, "occupation")
    }

    def make(*models, **options):
        return AnonymisationPolicy(
            models=models,
            quasi_identifiers=QUASI_IDENTIFIERS,
            sensitive_attributes=["occupation"],
            insensitive_attributes=["salary-class"],
            hierarchies=hierarchies,
            **options,
        )

    return make


@pytest.fixture
def patients():
    """A small table: quasi-identifiers, a disease, and an order that means nothing."""
    return pd.DataFrame(
        {
            "zip": [
                "47677",
                "47602",
                "47678",
                "47905",
                "47909",
                "47906",
                "47605",
                "47673",
                "47607",
            ],
            "age": [29, 22, 27, 43, 52, 47, 30, 36, 32],
            "disease": [
                "heart",
                "heart",
                "heart",
                "flu",
                "heart",
                "cancer",
                "heart",
                "cancer",
                "flu",
            ],
        }
    )


@pytest.fixture
def patient_policy():
    """Make a policy for the small table."""

    def make(*models, **options):
        known = {
            "quasi_identifiers": ["zip", "age"],
            "sensitive_attributes": ["disease"],
            "hierarchies": {
                "zip": Hierarchy.mask([4, 3, 2]),
                "age": Hierarchy.intervals([5, 10, 20, 40]),
            },
            "suppression_limit": 0.0,
        }
        return AnonymisationPolicy(models=models, **(known | options))

    return make

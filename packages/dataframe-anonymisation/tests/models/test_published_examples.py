"""Worked examples of the papers, tested by the models and by the verifier alike."""

import numpy as np
import pandas as pd
import pytest

from dataframe_anonymisation import KAnonymity, LDiversity, TCloseness, verify_anonymity
from dataframe_anonymisation.hierarchies import Hierarchy
from dataframe_anonymisation.table import Cells, classes_of, tabulate
from dataframe_anonymisation.values import encode_series
from dataframe_anonymisation.verify.measures import ordered_distance, tree_distance

SALARIES = [f"{n}000" for n in range(3, 12)]


def classes(groups, values):
    """Return the classes of rows whose group and sensitive value are given."""
    codes, known = encode_series(pd.Series(groups, dtype=str), "group")
    taxonomy = Hierarchy.suppression().over("group", known)
    places = pd.Series([taxonomy.index[value] for value in known]).to_numpy()
    sensitive = encode_series(pd.Series(values, dtype=str), "value")
    cells = Cells(slice(None), *sensitive, np.ones(len(values), np.int64))
    table, tuples = tabulate([taxonomy], [places[codes]], {"value": cells})
    assert tuples.max() + 1 == len(known)
    return classes_of(table, pd.RangeIndex(len(known)).to_numpy(), len(known))


def test_sweeney_2002_figure_2_is_2_anonymous_and_no_more():
    rows = [
        ("Black", "1965", "m", "0214*", "short breath"),
        ("Black", "1965", "m", "0214*", "chest pain"),
        ("Black", "1965", "f", "0213*", "hypertension"),
        ("Black", "1965", "f", "0213*", "hypertension"),
        ("Black", "1964", "f", "0213*", "obesity"),
        ("Black", "1964", "f", "0213*", "chest pain"),
        ("White", "1964", "m", "0213*", "chest pain"),
        ("White", "1964", "m", "0213*", "obesity"),
        ("White", "1964", "m", "0213*", "short breath"),
        ("White", "1967", "m", "0213*", "chest pain"),
        ("White", "1967", "m", "0213*", "chest pain"),
    ]
    table = pd.DataFrame(rows, columns=["race", "birth", "gender", "zip", "problem"])
    quasi = ["race", "birth", "gender", "zip"]

    assert verify_anonymity(table, quasi, [KAnonymity(k=2)])["holds"]
    assert not verify_anonymity(table, quasi, [KAnonymity(k=3)])["holds"]


def machanavajjhala():
    """Return the inpatient table of the paper: 4-anonymous, and its 3-diverse form."""
    classes_in_order = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    homogeneous = ["heart"] * 2 + ["viral"] * 2 + ["cancer", "heart", "viral", "viral"]
    mixed = ["heart", "viral", "cancer", "cancer"] * 2 + ["heart", "viral", "cancer", "cancer"]
    anonymous = {"class": classes_in_order, "disease": [*homogeneous, *["cancer"] * 4]}
    return pd.DataFrame(anonymous), pd.DataFrame({"class": classes_in_order, "disease": mixed})


def test_machanavajjhala_2007_homogeneous_class_is_4_anonymous_and_not_diverse():
    anonymous, diverse = machanavajjhala()
    models = [KAnonymity(k=4), LDiversity(l=3, attribute="disease")]

    before = verify_anonymity(anonymous, ["class"], models)
    after = verify_anonymity(diverse, ["class"], models)

    assert [found["holds"] for found in before["models"]] == [True, False]
    assert before["models"][1]["measured"] == 1
    assert [found["holds"] for found in after["models"]] == [True, True]


@pytest.mark.parametrize(
    ("salaries", "distance"),
    [(["3000", "4000", "5000"], 0.375), (["6000", "8000", "11000"], 1 / 6)],
)
def test_li_2007_distances_of_salaries(salaries, distance):
    others = [salary for salary in SALARIES if salary not in salaries]
    found = classes(["a"] * 3 + ["b"] * 6, salaries + others)
    model = TCloseness(t=0.5, attribute="value", distance="ordered")

    assert model.distances(found)[0] == pytest.approx(distance)


def test_ordered_distances_count_10_behind_9():
    """AN-22: numbers, not texts, are in order."""
    found = classes(["a"] * 2 + ["b"] * 2, ["9", "10", "8", "11"])
    model = TCloseness(t=1, attribute="value", distance="ordered")

    assert model.distances(found).tolist() == pytest.approx([1 / 6, 1 / 6])


def test_the_verifier_measures_distances_by_itself():
    whole = np.ones(9)
    counts = np.zeros((1, 9))
    counts[0, :3] = 1

    assert ordered_distance(counts, whole, range(9))[0] == pytest.approx(0.375)
    paths = [[str(n), "low" if n < 3 else "high", "*"] for n in range(9)]
    assert tree_distance(counts, whole, paths)[0] == pytest.approx(2 / 3)

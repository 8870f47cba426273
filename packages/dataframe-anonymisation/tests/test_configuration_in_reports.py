"""What a run was asked for and what came of it stand in its report once, and with their meaning."""

import pytest

from dataframe_anonymisation import KAnonymity, PolicyError, anonymise
from dataframe_anonymisation.config import AnonymiseDataframeConfig, HierarchyConfig, ModelConfig
from dataframe_anonymisation.facts import brief
from dataframe_anonymisation.policies import MODELS, model_of
from dataframe_anonymisation.reporting import SHOWN


def test_a_hierarchy_is_written_with_the_options_of_its_kind():
    assert HierarchyConfig(kind="mask", keep=[3, 1]).model_dump(mode="json") == {
        "kind": "mask",
        "keep": [3, 1],
        "character": "*",
    }
    assert HierarchyConfig(kind="suppression").model_dump(mode="json") == {"kind": "suppression"}


@pytest.mark.parametrize(
    "given",
    [
        {"model": "k_anonymity", "k": 3},
        {"model": "l_diversity", "l": 2.5, "variant": "entropy"},
        {"model": "t_closeness", "t": 0.3, "distance": "ordered", "values_in_order": ["a", "b"]},
        {"model": "delta_presence", "minimum": 0.1, "maximum": 0.5, "value": "yes"},
    ],
)
def test_what_is_written_of_a_model_makes_it_anew(given):
    asked = ModelConfig(**given, attribute=None if given["model"] == "k_anonymity" else "s")
    whole = AnonymiseDataframeConfig(quasi_identifiers=["a"], models=[asked])

    (written,) = whole.model_dump(mode="json")["models"]

    assert None not in written.values()
    assert [] not in written.values()
    assert model_of(ModelConfig(**written)) == model_of(asked)


def test_every_model_names_what_it_needs():
    for name in MODELS:
        with pytest.raises(PolicyError, match=f"The model '{name}' needs"):
            model_of(ModelConfig(model=name))
        with pytest.raises(PolicyError, match=r"has no parameter|needs"):
            model_of(ModelConfig(model=name, beta=1, delta=1, k=1, t=1, l=1))


def test_what_the_sections_of_a_page_show_are_all_facts_of_a_run(patients, patient_policy):
    _, report = anonymise(patients, patient_policy(KAnonymity(k=3)))
    facts = {key: fact for key, fact in report.items() if key not in {"warnings", "limits"}}

    assert sorted(brief(facts)) == sorted(SHOWN)

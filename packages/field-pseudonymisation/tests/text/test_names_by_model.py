"""Names by a language model, through the real Presidio and spaCy with a tiny model of our own."""

import json
import shutil

import pandas as pd
import pytest

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.detectors import models
from field_pseudonymisation.errors import PolicyError

pytest.importorskip("presidio_analyzer", reason="Presidio is not installed")

pytestmark = pytest.mark.filterwarnings("ignore")  # of packages that Presidio brings along
INIT = """
from spacy.util import load_model_from_init_py

__version__ = "1.0.0"

def load(**overrides):
    return load_model_from_init_py(__file__, **overrides)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An installed package with a model that knows two names."""
    import spacy

    folder = tmp_path_factory.mktemp("site")
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "PERSON", "pattern": "Ada Lovelace"},
            {"label": "GPE", "pattern": "Bergen"},
            {"label": "ORG", "pattern": "Analytical Engines Ltd"},
            {"label": "DATE", "pattern": "yesterday"},
        ]
    )
    package = folder / "en_tiny"
    package.mkdir()
    nlp.to_disk(package / "en_tiny-1.0.0")
    meta = {"lang": "en", "name": "tiny", "version": "1.0.0"}
    (package / "meta.json").write_text(json.dumps(meta))
    (package / "__init__.py").write_text(INIT)
    record = folder / "en_tiny-1.0.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: en_tiny\nVersion: 1.0.0\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.syspath_prepend(str(folder))
        yield "en_tiny"
    models._analyser.cache_clear()
    models._names_in.cache_clear()
    shutil.rmtree(folder)


def replaced(texts, model, **more):
    rule = {"technique": "detect_text", "model": model, **more}
    policy = PseudonymisationPolicy(rules={"note": rule})
    done, report = pseudonymise(pd.DataFrame({"note": texts}), policy)
    return done["note"].tolist(), report


def test_names_are_replaced_like_everything_else(model):
    done, report = replaced(
        ["😀 Ada Lovelace (ada@example.org) of Bergen", None, "Analytical Engines Ltd yesterday"],
        model,
        entities={"person_name": "surrogate", "*": "redact"},
    )

    assert done[0] == "😀 [PERSON_NAME 1] ([EMAIL]) of [PLACE]"
    assert done[2] == "[ORGANISATION] yesterday"
    assert report["texts"][0]["found"] == {
        "email": 1,
        "organisation_by_model": 1,
        "person_name_by_model": 1,
        "place_by_model": 1,
    }
    assert "names of people" not in report["limits"][-1]
    assert "by a language model" in report["limits"][-2]


def test_names_in_long_texts_are_found_once_and_whole(model):
    filler = "word " * (models.AT_ONCE // 5)
    text = f"{filler[:-30]} Ada Lovelace {filler} Ada Lovelace"

    (done,), report = replaced([text], model)

    assert "Lovelace" not in done
    assert report["texts"][0]["found"] == {"person_name_by_model": 2}


def test_without_a_model_names_stay_and_the_report_says_so():
    (done,), report = replaced(["Ada Lovelace"], "")

    assert done == "Ada Lovelace"
    assert "names of people" in report["limits"][-1]


@pytest.mark.parametrize("name", ["en_core_web_nix", "nix_nix"])
def test_a_model_that_is_not_installed_is_refused_and_not_downloaded(name):
    with pytest.raises(PolicyError, match=f"'{name}' is not installed; install its package"):
        replaced(["Ada"], name)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "en core", "EN_x", "os"])
def test_a_model_is_a_package_and_never_a_path(name):
    with pytest.raises(PolicyError, match="pattern"):
        replaced(["Ada"], name)

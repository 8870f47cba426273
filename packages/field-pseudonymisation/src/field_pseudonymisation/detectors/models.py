"""Names of people, places and organisations, by a language model: Presidio with one of spaCy.

Needs ``field-pseudonymisation[presidio]`` and an installed model. Nothing is downloaded, and
nothing of both is imported before the first text.
"""

from __future__ import annotations

from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.detectors.detector import Detector
from field_pseudonymisation.errors import PolicyError
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {  # our entities, and those of Presidio
    "person_name": "PERSON",
    "place": "LOCATION",
    "organisation": "ORGANIZATION",
}
LABELS = {  # of spaCy's models, and what Presidio calls them
    "PER": "PERSON",
    "PERSON": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "ORG": "ORGANIZATION",
}
OTHER_LABELS = (
    *("CARDINAL", "DATE", "EVENT", "LANGUAGE", "LAW", "MISC", "MONEY", "NORP", "ORDINAL"),
    *("PERCENT", "PRODUCT", "QUANTITY", "TIME", "WORK_OF_ART"),
)
AT_ONCE = 50_000  # characters that a model is given; its memory grows with them
OVERLAP = 200  # characters that two pieces share, so that no name is cut in both


def model_detectors(model: str) -> tuple[Detector, ...]:
    """Return detectors of names by an installed model of spaCy; none without a model.

    Args:
        model: the name of its package, which begins with its language: ``en_core_web_lg``.

    Raises:
        PolicyError: if Presidio or the model is not installed.
    """
    if not model:
        return ()
    if find_spec("presidio_analyzer") is None:
        raise PolicyError(
            "'model' needs Presidio, which is not installed; install "
            "field-pseudonymisation[presidio], or leave 'model' out"
        )
    try:
        distribution(model)
    except PackageNotFoundError:
        raise PolicyError(
            f"the language model {quoted_name(model)} is not installed; install its package, for "
            "nothing is downloaded, or leave 'model' out"
        ) from None
    return tuple(
        Detector(
            name=f"{entity}_by_model",
            entity=entity,
            summary="names, as a language model tells them",
            find=partial(_find, model, theirs),
        )
        for entity, theirs in NAMES.items()
    )


def _find(model: str, entity: str, text: str) -> Iterator[tuple[int, int, float]]:
    for start, end, kind, score in _names_in(model, text):
        if kind == entity:
            yield start, end, score


@lru_cache(maxsize=1)  # the detectors of one text ask one behind the other
def _names_in(model: str, text: str) -> tuple[tuple[int, int, str, float], ...]:
    analyser, language = _analyser(model), _language(model)
    found = set()
    for first in range(0, max(len(text) - OVERLAP, 1), AT_ONCE - OVERLAP):
        results = analyser.analyze(
            text[first : first + AT_ONCE], language=language, entities=list(NAMES.values())
        )
        found |= {(first + r.start, first + r.end, r.entity_type, r.score) for r in results}
    return tuple(sorted(found))


@lru_cache(maxsize=2)
def _analyser(model: str) -> Any:
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    language = _language(model)
    engine = NlpEngineProvider(
        nlp_configuration={
            "nlp_engine_name": "spacy",
            "models": [{"lang_code": language, "model_name": model}],
            "ner_model_configuration": {
                "model_to_presidio_entity_mapping": LABELS,
                "labels_to_ignore": sorted(OTHER_LABELS),
            },
        }
    ).create_engine()
    recogniser = SpacyRecognizer(
        supported_language=language, supported_entities=list(NAMES.values())
    )
    registry = RecognizerRegistry(recognizers=[recogniser], supported_languages=[language])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])


def _language(model: str) -> str:
    return model.partition("_")[0]

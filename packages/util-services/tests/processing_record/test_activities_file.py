"""The file of what only people know: its rules, one sentence for each mistake, and its template."""

import re

import pytest
import yaml
from pydantic import BaseModel

from util_services.errors import ConfigurationError
from util_services.processing_record import Activities, read_activities
from util_services.processing_record.activities import PLACEHOLDER, template

MISTAKES = {
    "controler: {}": "unknown key 'controler'. Did you mean 'controller'? Known are controller,",
    "controller: {name: Clinic A}": "controller.contact: is missing; add it.",
    "controller: {name: Clinic A, contact: …}": (
        "controller.contact: still holds the '…' of the template; state it, or leave the key out."
    ),
    "controller: {name: ' ', contact: a}": "controller.name: must be words; leave the key out if",
    "controller: {name: 7, contact: a}": "controller.name: must be a text.",
    "measures: Staff are trained.": "measures: must be a list, such as [NAME].",
    "activities: [{name: a}]": "activities.0.purpose: is missing; add it.",
    "activities: [{name: a, purpose: b, legal_bases: c}]": (
        "activities.0: unknown key 'legal_bases'. Did you mean 'legal_basis'?"
    ),
    "activities: [{name: a, purpose: b}, {name: c, purpose: b}]": (
        "'activities' holds two of one name, or of one purpose and dataset; join them."
    ),
    "controller: {}\ncontroller: {}": "has the key 'controller' a second time in line 2;",
    "controller: [": "is no YAML in line",
    "- controller": "is no mapping; 'data-services processing template' writes one to fill in.",
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "activities.yaml"


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(file, text):
    file.write_text(text)

    with pytest.raises(ConfigurationError) as caught:
        read_activities(file)

    told = str(caught.value)
    assert told.startswith("The file of activities 'activities.yaml'")
    assert MISTAKES[text] in told
    assert "\n" not in told


def test_bytes_that_are_no_text_are_refused(file):
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="is no text in UTF-8; correct it"):
        read_activities(file)


def test_the_template_states_nothing(file):
    file.write_text(template())

    assert read_activities(file).activities == Activities()


def uncommented():
    """Return the template with all of its keys."""
    lines = template().split("\n\n", 1)[1].splitlines()
    return "\n".join(re.sub("^# ", "", line) for line in lines)


def test_a_template_whose_places_are_not_filled_in_is_refused(file):
    file.write_text(uncommented())

    with pytest.raises(ConfigurationError, match="still holds the '…' of the template"):
        read_activities(file)


def test_the_template_has_every_key_and_no_other(file):
    text = uncommented().replace(PLACEHOLDER, "words")
    file.write_text(text)

    stated = read_activities(file).activities

    assert keys_of(stated) == stated.model_dump(exclude_unset=True, mode="json")
    assert stated.activities[0].personal_data[0].special is True
    assert yaml.safe_load(text)["controller"] == {"name": "words", "contact": "words"}


def keys_of(model):
    """Return all fields of a model, set or not."""
    match model:
        case BaseModel():
            return {name: keys_of(getattr(model, name)) for name in type(model).model_fields}
        case list() | tuple():
            return [keys_of(one) for one in model]
    return model


def test_a_source_names_the_line_and_the_digest_of_the_file(file):
    file.write_text(
        "# first\ncontroller:\n  name: Clinic A\n  contact: >\n    1 Street,\n    Town\n"
    )

    stated = read_activities(file)

    (source,) = stated.source("controller", "contact")
    assert source.name == "activities.yaml, line 4"
    assert dict(source.facts) == {"sha256": stated.sha256}
    assert stated.activities.controller.contact == "1 Street, Town"

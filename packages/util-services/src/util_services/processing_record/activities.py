"""What only people know of processing: the file of activities, its rules, and its template.

Every key may be left out. What is not stated is told as a gap; an empty list of transfers or of
recipients states that there are none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from util_services.errors import ConfigurationError, printable, quoted_name
from util_services.models import checked
from util_services.processing_record.document import Source
from util_services.yaml_text import YamlText

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

TEMPLATE = "activities.yaml"
PLACEHOLDER = "\N{HORIZONTAL ELLIPSIS}"


def _in_one_line(value: Any) -> Any:
    """Return words as one line, however YAML folded them."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    if PLACEHOLDER in text:
        raise ValueError(
            f"still holds the '{PLACEHOLDER}' of the template; state it, or leave the key out"
        )
    if not text or printable(text) != text:
        raise ValueError("must be words; leave the key out if nothing is to be stated")
    return text


Words = Annotated[str, BeforeValidator(_in_one_line)]


class Stated(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Party(Stated):
    """A person or body, and how to reach it."""

    name: Words = Field(description="Who it is.")
    contact: Words = Field(description="How to reach it: address, telephone, mail.")


class Category(Stated):
    """A category of personal data."""

    category: Words = Field(description="What the data are, such as data concerning health.")
    columns: tuple[Words, ...] = Field(description="The columns that hold them.")
    special: bool = Field(default=False, description="Whether article 9(1) names the category.")


class Recipient(Stated):
    """Whom the data are disclosed to."""

    name: Words = Field(description="Who it is, or which category of recipients.")
    releases: tuple[Words, ...] = Field(
        default=(), description="The releases that it has received, by their ids."
    )


class Transfer(Stated):
    """A transfer to a third country or an international organisation."""

    to: Words = Field(description="The country or organisation.")
    safeguards: Words = Field(description="The adequacy decision or the suitable safeguards.")


class Risk(Stated):
    """A risk to the rights and freedoms of data subjects, as people have assessed it."""

    risk: Words = Field(description="What may happen to whom.")
    likelihood: Words = Field(description="How likely it is.")
    severity: Words = Field(description="How severe it would be.")
    measures: tuple[Words, ...] = Field(default=(), description="What is done about it.")


class Assessment(Stated):
    """What a data protection impact assessment wants to know of people."""

    legitimate_interests: Words | None = Field(
        default=None, description="The interest that the controller pursues, if that is the basis."
    )
    necessity: Words | None = Field(
        default=None, description="Why the purpose needs this processing."
    )
    proportionality: Words | None = Field(
        default=None, description="Why less data, or a milder way, would not do."
    )
    risks: tuple[Risk, ...] | None = Field(default=None, description="The risks as assessed.")
    views_of_data_subjects: Words | None = Field(
        default=None, description="What data subjects or their representatives have said."
    )
    advice_of_the_officer: Words | None = Field(
        default=None, description="What the data protection officer has advised."
    )


class Activity(Stated):
    """A processing activity: one purpose, on one dataset."""

    name: Words = Field(description="What the activity is called.")
    purpose: Words = Field(description="Its purpose, in the words of its release policies.")
    dataset: Words | None = Field(
        default=None, description="Whose data, as release policies name them; all if not given."
    )
    reads: tuple[Words, ...] = Field(
        default=(),
        description="Inputs whose runs belong to it, as the audit names them; * is any text.",
    )
    legal_basis: Words | None = Field(default=None, description="Articles 6 and 9.")
    data_subjects: tuple[Words, ...] | None = Field(
        default=None, description="Categories of persons."
    )
    personal_data: tuple[Category, ...] | None = Field(
        default=None, description="Categories of personal data, and their columns."
    )
    recipients: tuple[Recipient, ...] | None = Field(
        default=None, description="Whom the data are disclosed to; [] for nobody."
    )
    transfers: tuple[Transfer, ...] | None = Field(
        default=None, description="To third countries; [] for none."
    )
    retention: Words | None = Field(default=None, description="When the data are erased.")
    measures: tuple[Words, ...] | None = Field(
        default=None, description="Organisational measures of this activity."
    )
    assessment: Assessment = Field(
        default_factory=Assessment, description="For a data protection impact assessment."
    )


class Activities(Stated):
    """All that people have stated."""

    controller: Party | None = Field(default=None, description="Whose processing it is.")
    joint_controllers: tuple[Party, ...] = Field(default=(), description="With whom.")
    representative: Party | None = Field(default=None, description="In the Union.")
    data_protection_officer: Party | None = Field(default=None, description="Who advises.")
    measures: tuple[Words, ...] | None = Field(
        default=None, description="Organisational measures of all activities."
    )
    activities: tuple[Activity, ...] = Field(default=(), description="One for each purpose.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        kept = [(one.purpose, one.dataset) for one in self.activities]
        names = [one.name for one in self.activities]
        if len(set(kept)) < len(kept) or len(set(names)) < len(names):
            raise ValueError(
                "'activities' holds two of one name, or of one purpose and dataset; join them"
            )
        return self


@dataclass(frozen=True, slots=True)
class StatedFile:
    """The file of activities, and where in it something stands."""

    name: str = ""
    sha256: str = ""
    activities: Activities = field(default_factory=Activities)
    text: YamlText | None = None

    def source(self, *path: str | int) -> tuple[Source, ...]:
        """Return the place of a key as a source."""
        if self.text is None:
            return ()
        line = self.text.line_of(path)
        return (Source("stated", f"{self.name}, line {line}", (("sha256", self.sha256),)),)


def read_activities(file: Path) -> StatedFile:
    """Return what a file states.

    Raises:
        ConfigurationError: naming the place and the rule, if it is no such file.
    """
    what = f"The file of activities {quoted_name(file.name)}"
    try:
        content = file.read_bytes()
        text = YamlText.of(content.decode(), what)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} is no text in UTF-8; correct it.") from None
    except OSError as error:
        raise ConfigurationError(
            f"{what} cannot be read ({type(error).__name__}); name another one."
        ) from None
    values = {} if text.value is None else text.value
    if not isinstance(values, dict):
        raise ConfigurationError(
            f"{what} is no mapping; 'data-services processing template' writes one to fill in."
        )
    stated = checked(Activities, values, what)
    return StatedFile(file.name, hashlib.sha256(content).hexdigest(), stated, text)


def template() -> str:
    """Return a file of activities to fill in: every key with a comment, and none stated."""
    return (files(__package__) / TEMPLATE).read_text("utf-8")

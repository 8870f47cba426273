"""Privacy models, each by its published definition, alone or tested jointly."""

from dataframe_anonymisation.models.base import Model
from dataframe_anonymisation.models.disclosure import BetaLikeness, DeltaDisclosure, DeltaPresence
from dataframe_anonymisation.models.k_anonymity import (
    AlphaKAnonymity,
    KAnonymity,
    KMap,
    PersonAnonymity,
    of_persons,
)
from dataframe_anonymisation.models.l_diversity import LDiversity
from dataframe_anonymisation.models.t_closeness import TCloseness

__all__ = [
    "AlphaKAnonymity",
    "BetaLikeness",
    "DeltaDisclosure",
    "DeltaPresence",
    "KAnonymity",
    "KMap",
    "LDiversity",
    "Model",
    "PersonAnonymity",
    "TCloseness",
    "of_persons",
]

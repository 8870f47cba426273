"""Avro files through fastavro, values exact in both directions.

Columns are nullable fields of a record. Any text is a column name here, but an Avro name is made of
letters, digits and underscores: another name is refused rather than changed unseen. Dates, times,
date-times with a zone (``timestamp-*``, an instant; the zone itself comes back as UTC) and without
(``local-timestamp-*``) and decimals are logical types; unsigned 64-bit integers are longs as far as
they fit. Fields of several types, of recursive types and durations are refused; enumerations and
UUIDs are read as their texts.
"""

from util_services.datasets.codecs.avro.read import read_avro as read
from util_services.datasets.codecs.avro.write import write_avro as write

__all__ = ["read", "write"]

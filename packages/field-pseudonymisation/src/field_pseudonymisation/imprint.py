"""What ties a recipe to its dataset: how many rows it has, and digests of the columns of texts.

Tokens are found out where they were changed or moved; shifted dates and FF1 are not, and another
dataset of the same columns would come back as plausible nonsense.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.flat import Flat
from field_pseudonymisation.techniques.encoding import is_text, plain
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

LENGTH = "<u8"  # of a text, as it is digested


@dataclass
class Imprint:
    """Rows and digests of columns, of all batches so far; the same however rows are batched.

    The digest of a column is SHA-256 of two more: of its texts in UTF-8, one behind the other, and
    of their lengths in bytes, each as eight bytes, the least significant first. Missing values
    count as empty texts, which not all formats tell apart.
    """

    columns: Iterable[str]
    rows: int = 0
    _parts: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def add(self, batch: Mapping[str, pa.Array], rows: int) -> None:
        """Take in the next rows."""
        self.rows += rows
        for name in self.columns:
            values = plain(batch[name])
            if not is_text(values.type):
                continue
            texts, lengths = self._parts.setdefault(name, (hashlib.sha256(), hashlib.sha256()))
            flat = Flat.of(values)
            texts.update(flat.data)
            lengths.update(flat.lengths.astype(LENGTH))

    def to_dict(self) -> dict[str, Any]:
        """Return the imprint as a recipe holds it."""
        digests = {
            name: hashlib.sha256(texts.digest() + lengths.digest()).hexdigest()
            for name, (texts, lengths) in self._parts.items()
        }
        return {"rows": self.rows, "sha256": digests}

    def require(self, written: Mapping[str, Any]) -> None:
        """Refuse a dataset whose columns here are not, row for row, those that were written.

        Raises:
            PolicyError: saying what is another.
        """
        found = self.to_dict()
        if found["rows"] != written["rows"]:
            raise _other(f"it has {found['rows']} rows and not {written['rows']}")
        for name, digest in found["sha256"].items():
            if written["sha256"].get(name, digest) != digest:
                raise _other(f"the values of {quoted_name(name)} are others, or in another order")


def _other(how: str) -> PolicyError:
    return PolicyError(
        f"The dataset is not the one that the recipe was written for: {how}; name the right "
        "recipe, or set 'other_dataset' for one that was made of it, such as some of its rows."
    )

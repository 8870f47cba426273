"""Noise: numbers changed by random amounts of a declared distribution and scale."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.techniques.distinct import per_distinct
from field_pseudonymisation.techniques.encoding import plain
from field_pseudonymisation.techniques.prf import numbers_of
from field_pseudonymisation.techniques.technique import Base

if TYPE_CHECKING:
    from collections.abc import Mapping

EXACT = float(1 << 53)  # integers up to here are exact as doubles


class Noise(Base):
    """Adds noise: from the value and the key, or fresh for each row with the policy random.

    The key is that of the column and of all options, so that releases of other scales or bounds
    have other noise: two of one noise would cancel it.
    """

    def __post_init__(self) -> None:
        kind = self.target.type
        if not pa.types.is_integer(kind) and not pa.types.is_floating(kind):
            raise PolicyError(f"'noise' works on integers and floats, not on {kind}; cast it first")
        if pa.types.is_integer(kind) and self.options.scale < 1:
            raise PolicyError("'scale' is less than 1, which leaves most integers as they are")

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the changed numbers."""
        values = plain(values)
        if self.target.policy == "random":
            return self._noisy(values, None)
        options = self.options
        drawn = (options.distribution, options.scale, options.minimum, options.maximum)
        key = self.target.subkey("noise", self.target.column, *map(str, drawn))
        return per_distinct(values, lambda some: self._noisy(some, key))

    def _noisy(self, values: pa.Array, key: object) -> pa.Array:
        present = values.is_valid().to_numpy(zero_copy_only=False)
        chosen = values.drop_null()
        if key is None:
            raw = np.frombuffer(secrets.token_bytes(16 * len(chosen)), np.uint64).reshape(-1, 2)
        else:
            raw = numbers_of(chosen, key)  # type: ignore[arg-type] # a Secret
        uniform = (raw >> np.uint64(11)).astype(np.float64) / float(1 << 53)
        numbers = chosen.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        if pa.types.is_integer(values.type) and (np.abs(numbers) >= EXACT).any():
            raise CellsError(
                self.target.column,
                "integers beyond 2^53, to which noise cannot be added exactly",
                np.flatnonzero(present)[np.abs(numbers) >= EXACT],
            )
        noisy = numbers + self._amounts(uniform[:, 0], uniform[:, 1])
        if pa.types.is_floating(values.type):
            self._refuse_unchanged(numbers, noisy, np.flatnonzero(present))
        options = self.options
        if options.minimum is not None or options.maximum is not None:
            noisy = np.clip(noisy, options.minimum, options.maximum)
        whole = np.zeros(len(values), np.float64)
        whole[present] = np.rint(noisy) if pa.types.is_integer(values.type) else noisy
        result = pa.array(whole, mask=~present)
        try:
            return result.cast(values.type, safe=pa.types.is_integer(values.type))
        except pa.ArrowInvalid:
            raise CellsError(
                self.target.column,
                f"noise leads beyond the numbers of {values.type}",
                (),
                "set 'minimum' and 'maximum'",
            ) from None

    def _refuse_unchanged(self, numbers: np.ndarray, noisy: np.ndarray, rows: np.ndarray) -> None:
        """Refuse numbers beside which the noise is lost in rounding, such as infinity."""
        width = self.target.type.to_pandas_dtype()
        same = noisy.astype(width) == numbers.astype(width)
        if same.any():
            raise CellsError(
                self.target.column,
                "numbers so large that noise of this scale does not change them",
                rows[same],
                "set a larger 'scale', or use another technique",
            )

    def _amounts(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        scale = self.options.scale
        if self.options.distribution == "uniform":
            return np.asarray(scale * (2 * first - 1))
        if self.options.distribution == "laplace":
            centred = first - 0.5
            return np.asarray(-scale * np.sign(centred) * np.log1p(-2 * np.abs(centred)))
        radius = np.sqrt(-2 * np.log1p(-first))  # Box and Muller, 1958
        return np.asarray(scale * radius * np.cos(2 * np.pi * second))


class Shuffle(Base):
    """Deals the values of a column, or of groups of rows, out anew."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that make groups."""
        return tuple(self.options.within)

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Return the values in an order from the system's randomness, which is not kept."""
        generator = np.random.Generator(np.random.PCG64(secrets.randbits(128)))
        groups = np.zeros(len(values), np.int64)
        for name in self.options.within:
            codes = plain(others[name]).dictionary_encode(null_encoding="encode").indices
            pair = groups * (int(pc.max(codes).as_py() or 0) + 1) + codes.to_numpy()
            groups = np.unique(pair, return_inverse=True)[1]
        places = np.argsort(groups, kind="stable")
        drawn = np.lexsort((generator.random(len(values)), groups))
        order = np.empty(len(values), np.int64)
        order[places] = drawn
        sizes = np.unique(groups, return_counts=True)[1]
        self.count("rows_alone", int((sizes == 1).sum()))
        self.count("unmoved_rows", int((order == np.arange(len(order))).sum()))
        return values.take(pa.array(order))

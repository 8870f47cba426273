"""The built-in steps, declared; what they do is in `data_processing.cleaning`.

These modules are imported to discover steps, so what is heavy is imported where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_processing.steps.step import Step


def built_in_steps() -> list[Step]:
    """Return all built-in steps."""
    from data_processing.catalogue import (
        casts,
        categories,
        checks,
        columns,
        duplicates,
        features,
        missing,
        outliers,
        shape,
        tables,
        texts,
    )

    return [
        duplicates.remove_duplicates,
        duplicates.link_duplicates,
        texts.normalise_text,
        texts.replace_text,
        texts.repair_mojibake,
        texts.pad_text,
        texts.nullify,
        casts.cast_types,
        casts.parse_dates,
        missing.fill_missing_values,
        missing.drop_missing,
        outliers.handle_outliers,
        categories.map_values,
        categories.harmonise,
        categories.majority,
        features.scale,
        features.encode,
        features.bin,
        columns.filter_rows,
        columns.select_columns,
        columns.drop_columns,
        columns.rename_columns,
        columns.reorder_columns,
        columns.derive,
        shape.split_column,
        shape.merge_columns,
        shape.explode,
        shape.flatten_json,
        tables.sort_rows,
        tables.sample_rows,
        tables.join_datasets,
        tables.concat_datasets,
        tables.aggregate_data,
        tables.pivot,
        tables.unpivot,
        checks.validate_data,
        checks.profile_data,
    ]

"""The operations of this package, declared; what they do is in `data_processing.cleaning`."""

from data_processing.config import ConvertFormatConfig, RemoveDuplicatesConfig
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation


@operation(single_pass=True, columns=lambda config: {"columns": config.columns})
def convert_format(dataset: Dataset, config: ConvertFormatConfig) -> Outcome:
    """Write a dataset in another format, compression or dialect, as one file or in part files.

    Rows, their order and values stay, and so do the columns unless some are named. What the other
    format cannot hold exactly is refused; a text stays a text, so that nothing is guessed on the
    way from CSV.
    """
    rows = dataset.scan()
    if not config.columns:
        return Outcome(rows)
    return Outcome(dataset.engine.select(rows, {name: name for name in config.columns}))


@operation(columns=lambda config: {"subset": config.subset, "order_by": config.order_by})
def remove_duplicates(dataset: Dataset, config: RemoveDuplicatesConfig) -> Outcome:
    """Remove rows that repeat another row.

    Rows are equal when the columns named in 'subset', or all columns, are equal; 'ignore' leaves
    out differences in case, whitespace and accents. The row that 'keep' and 'order_by' choose stays
    as it is, and the rows that stay keep their order. The report counts groups and rows.
    """
    from data_processing.cleaning import duplicates

    return duplicates.remove_duplicates(dataset, **config.model_dump(mode="json"))

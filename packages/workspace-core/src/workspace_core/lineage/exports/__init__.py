"""Lineage in the forms of others: OpenLineage, W3C PROV and RO-Crate; contents are never in it."""

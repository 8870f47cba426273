"""The tables of the outbox. Moments are seconds since the epoch."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, MetaData, String, Table, Text

SCHEMA = 1

tables = MetaData()

notifications = Table(
    "data_services_notifications",
    tables,
    Column("key", String, primary_key=True),
    Column("created", Double, nullable=False),
    Column("payload", Text, nullable=False),
)

deliveries = Table(
    "data_services_deliveries",
    tables,
    Column("key", String, ForeignKey(notifications.c.key), primary_key=True),
    Column("channel", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("since", Double, nullable=False),  # waiting; later than the notification after a retry
    Column("due", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Column("lease", String, nullable=False, default=""),  # empty: nobody is at work on it
    Column("leased_until", Double, nullable=False, default=0.0),
    Column("holder", Text, nullable=False, default=""),  # the process that holds the lease
    Column("reason", Text),
)
Index("data_services_deliveries_due", deliveries.c.channel, deliveries.c.state, deliveries.c.due)

channels = Table(
    "data_services_channels",
    tables,
    Column("channel", String, primary_key=True),
    Column("failures", Integer, nullable=False, default=0),  # in a row
    Column("failing_since", Double),
    Column("paused_until", Double, nullable=False, default=0.0),
    Column("reason", Text),
    Column("forgotten", Integer, nullable=False, default=0),  # given up, and the record gone since
)

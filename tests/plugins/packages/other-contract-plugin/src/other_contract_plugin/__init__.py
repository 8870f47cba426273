"""A plugin that is written for a contract of the future."""

DATA_SERVICES_CONTRACT = 99

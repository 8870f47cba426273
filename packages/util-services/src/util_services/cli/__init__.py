"""The program ``data-services``."""

"""Upkeep of a store: what is still needed, what can go, what is damaged, what is to be erased."""

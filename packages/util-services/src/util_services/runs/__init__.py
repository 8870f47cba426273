"""Runs: checked as a whole, executed in this process, cancelled, and failed in one sentence."""

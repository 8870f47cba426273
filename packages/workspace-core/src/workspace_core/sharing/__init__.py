"""Workspaces between people, machines and stores: remotes, what they exchange, and merging."""

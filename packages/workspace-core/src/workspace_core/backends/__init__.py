"""The built-in backends: where workspaces keep what they know."""

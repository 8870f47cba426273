"""The content-addressed store; it knows nothing of folders, workspaces, Dagster or git."""

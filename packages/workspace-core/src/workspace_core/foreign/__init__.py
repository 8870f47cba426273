"""What other tools have written, and workspaces can take over: checked before it is used."""

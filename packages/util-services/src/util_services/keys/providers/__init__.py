"""Who keeps keysets: the environment, a folder, a key service, or whatever a plugin brings."""

"""A provider that keeps keys in files under a key of its own, as one for a key service would."""

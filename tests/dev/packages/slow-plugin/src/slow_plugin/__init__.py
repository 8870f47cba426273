"""Jobs that take long enough to be cancelled at work."""

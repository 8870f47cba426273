"""``data-services demo``: a messy dataset on its way to a signed release, step by step."""

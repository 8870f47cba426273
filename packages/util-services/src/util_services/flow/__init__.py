"""How a dataset flows through a run: checked, staged, computed, published; imports no Dagster."""

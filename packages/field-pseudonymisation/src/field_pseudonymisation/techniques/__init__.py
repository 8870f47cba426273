"""What becomes of the values of a field; knows neither Dagster nor pluggy."""

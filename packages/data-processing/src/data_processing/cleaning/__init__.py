"""The craft of cleaning, in modules named by what they mend; imports no Dagster and no pluggy."""

"""What is written about runs, line by line: records without values or secrets."""

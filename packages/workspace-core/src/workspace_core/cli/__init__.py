"""The program ``dws``; each module is light until its command runs."""

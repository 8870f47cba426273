"""A package of one's own: made from a template, with a job, a step and a technique that work."""

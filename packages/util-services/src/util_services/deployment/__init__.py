"""From an image in a registry to a code location that is proved to run it: manifest, reload, check.

Each step may be run again after it was interrupted at any point. Imports no Dagster: whoever
deploys needs neither the platform's home nor the jobs of the image.
"""

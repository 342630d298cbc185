"""On which data the workers run: the same database at the start of each execution.

``databases`` saves and puts back; one module a dialect knows how.
"""

"""Who runs the workers: threads or greenlets. Each knows how to start, park and wake them.

``workers`` runs a piece of work in several of them, one at a time, as ``schedule`` decides.
"""

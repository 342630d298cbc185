"""pytest-sessionguard: a race detector for SQLAlchemy sessions inside a pytest suite."""

__version__ = "0.1.0"

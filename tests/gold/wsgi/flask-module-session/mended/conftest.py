import os
import tempfile

_directory = tempfile.TemporaryDirectory()
os.environ["BOOKSHELF_DB"] = f"sqlite:///{_directory.name}/books.db"

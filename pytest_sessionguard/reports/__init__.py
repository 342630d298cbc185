"""What is told, and where: the terminal, and one file format a module."""

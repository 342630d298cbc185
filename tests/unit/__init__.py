"""Pure tests: no database, no framework, milliseconds each."""

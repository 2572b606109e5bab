"""A reader in service learns on: what it learns, how that is tested, and what is put down of it."""

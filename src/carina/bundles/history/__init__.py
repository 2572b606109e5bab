"""What became of a reader in service: its versions, what taught each, and what was decided."""

"""What the command `validate` does with the reader and the reports of `triphase-model`: the extra `validate`."""

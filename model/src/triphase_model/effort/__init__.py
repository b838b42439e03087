"""Whether `reasoning_effort` can work on a model repository: found from its files, told, kept as a model profile."""

"""Model repositories for the validator's tests: clean ones in memory, and one fault of each kind to put into them."""

"""The validator of model repositories: reads one once, and tells what is wrong with it and who says so."""

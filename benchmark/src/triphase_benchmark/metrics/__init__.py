"""What is measured: one row for each metric, and from the table of requests to the table of rounds."""

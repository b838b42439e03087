"""What is shown of a probe of effort: while it runs, on a terminal, as a picture, a page and JSON."""

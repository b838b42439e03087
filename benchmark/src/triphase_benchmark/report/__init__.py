"""Everything that a run shows: the live display, tables for the terminal, the chart, the page and the raw JSON."""

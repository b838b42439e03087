"""The rules, one file for each family; `catalog.py` has them all in one table."""

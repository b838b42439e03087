"""What was measured, as Arrow tables and Parquet files."""

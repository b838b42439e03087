"""What stands around the shim in its tests: an engine with scripts, processes, frames held to types."""

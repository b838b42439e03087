"""Generated from proto/: see the packages below."""

"""Another benchmark beside ours, on one simulated engine: `python -m sidebyside GUIDELLM`."""

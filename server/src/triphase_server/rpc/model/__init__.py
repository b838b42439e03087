"""The validator of model repositories for callers: `triphase.model.v1`, beside the gateway's own service."""

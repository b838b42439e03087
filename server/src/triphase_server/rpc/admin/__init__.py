"""The admin service: `triphase.admin.v1`, for operators, on this machine alone."""

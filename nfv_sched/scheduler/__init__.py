"""What lives inside nova-scheduler: per request, and per process."""

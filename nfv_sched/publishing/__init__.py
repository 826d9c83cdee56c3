"""The publisher service: sources of topology, passes, status, metrics."""

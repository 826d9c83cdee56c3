"""Capacity as metrics: counted host by host, as hosts change."""

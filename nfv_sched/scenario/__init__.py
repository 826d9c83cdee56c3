"""Scenarios: hosts and requests that ``nfv-sched simulate`` runs."""

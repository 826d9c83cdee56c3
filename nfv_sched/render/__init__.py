"""Pictures of hosts: for the terminal, for tickets, for the report.

``views`` says what a picture shows, the other modules draw it.
"""

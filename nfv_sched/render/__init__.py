"""NUMA maps of hosts for terminals, as SVG, and as HTML pages.

``host_view`` holds what a map shows; the other modules draw it.
"""

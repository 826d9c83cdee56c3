"""Why a request gets no host, how nearly it would, and what would help."""

"""Nova's objects as values of the model; the only importer of internals."""

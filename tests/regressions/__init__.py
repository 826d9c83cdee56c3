"""One file per way in which Nova's own fit is wrong: both are run."""

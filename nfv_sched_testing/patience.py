"""How long tests wait for what should come at once."""

#: Seconds. Whatever takes longer hangs, also where other tests run beside it.
PATIENCE = 120.0

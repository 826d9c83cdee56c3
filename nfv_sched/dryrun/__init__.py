"""What nova-scheduler would do now: its pipeline, run without effects."""

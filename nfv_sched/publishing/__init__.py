"""The publisher: passes over all hosts, again and again."""

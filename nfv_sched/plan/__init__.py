"""Plans of moves: which instances go where, one claim after another."""

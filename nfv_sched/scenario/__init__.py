"""What if: scenarios."""

"""One year of real baskets under rules: what it would have come to, in figures and drawings (docs/year.md)."""

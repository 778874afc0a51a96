"""`make gallery`: every page of a running demo as pictures, to be looked at."""

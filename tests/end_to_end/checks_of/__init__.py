"""The checks of the demo, checked by theme; selftest.py runs them."""

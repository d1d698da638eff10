"""Figures, measured beside their peers in one run. No test, and imported by nothing."""

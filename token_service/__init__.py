"""Méreau: loyalty points that anyone can check."""

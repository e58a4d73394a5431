"""Actors: what plays, and how what was played becomes experience."""

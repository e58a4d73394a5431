"""Actors: what plays, for a learner, for a ladder elsewhere, and how what was played becomes experience."""

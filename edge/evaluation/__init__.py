"""Evaluation (好差评): an invitation belongs to one service that was given, and to no other."""

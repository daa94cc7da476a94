"""Notices: what the hall's state and its events mean for paper, LED, number display and evaluator. Pure."""

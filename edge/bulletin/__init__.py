"""The bulletin: what hall screens show beside the calls, after another person has approved it; and emergency texts."""

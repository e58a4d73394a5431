"""Learning: the recurrent policy, PPO, self-play, rating and the report of a run. Needs torch."""

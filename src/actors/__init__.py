"""Who plays: self-play workers, live play on generals.io, the competition, and minds that decide for a seat."""

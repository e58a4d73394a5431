"""A deployment on AWS, or on a local stand-in: made, watched, paid for, trained on and removed."""

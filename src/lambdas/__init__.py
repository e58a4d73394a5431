"""HTTP APIs: matches of people against bots, ratings, models. One FastAPI application, locally and on Lambda."""

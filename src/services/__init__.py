"""The services: gRPC servers for games, experience, policies, ratings and matchmaking, and their client."""

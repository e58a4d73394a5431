"""The page: plain ES modules and CSS in this folder, served as they are."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Where `index.html` lies."""

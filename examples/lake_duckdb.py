"""Ask the lake in SQL: copy its Parquet files into a folder, and let DuckDB read them where they lie.

python examples/lake_duckdb.py [FOLDER]

STRATAGEM_ENDPOINT and STRATAGEM_PREFIX say which store, as for every command; on AWS `aws s3 sync` copies as well.
"""

import sys
from pathlib import Path

import duckdb

from store import objects
from store.connect import Connection
from store.lake import Lake
from store.names import LAKE_PREFIX, Names

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "lake")
lake = Lake(Connection(Names.from_environment()))
lake.fold()
for part in lake.parts():
    path = folder / part.key.removeprefix(LAKE_PREFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(objects.get(lake.connection, lake.bucket, part.key))

games = duckdb.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
print(
    games.query(
        "games",
        """
        SELECT ruleset, players, count(*) AS games, round(avg(turns)) AS turns,
               round(avg((winner = 0)::int), 3) AS first_seat_wins, round(avg(octet_length(record))) AS bytes
        FROM games GROUP BY ruleset, players ORDER BY games DESC
        """,
    )
)

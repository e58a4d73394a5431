#!/bin/sh
# An actor under a name that no other has: the replay service counts each actor's fragments by their numbers.
set -eu
exec stratagem actor --name "$(cat /proc/sys/kernel/random/uuid)" \
    --server "${STRATAGEM_SERVER:?HOST:PORT of the services}" --replay "${STRATAGEM_SERVER}" "$@"

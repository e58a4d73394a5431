#!/usr/bin/env bash
# Build the images with buildah, on a Debian made here by debootstrap, and run a fleet from them once.
#
# No registry and no Docker engine is asked for: `apt-get install buildah debootstrap`, and be root. Containers share
# this machine's network (isolation "chroot"). Prints sizes and times; fails if the fleet does not learn, or if SIGTERM
# does not end it well. WHEELS: a folder of wheels that pip looks into first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
BASE=localhost/stratagem-base WHEELS="${WHEELS:-/opt/wheels}" LOGS=build/images
IMAGES=("$@")
((${#IMAGES[@]})) || IMAGES=(lambda server actor learner) # `run`: none, only the fleet
mkdir -p "${LOGS}"

make_base() {
    local root
    root="$(mktemp -d)"
    debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates bookworm "${root}" \
        "${MIRROR:-http://deb.debian.org/debian}" >"${LOGS}/base.log"
    # The machine's own certificates and indexes; one unreachable index must not be waited for.
    cp /etc/ssl/certs/ca-certificates.crt "${root}/etc/ssl/certs/"
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\nfind-links = /opt/wheels\nretries = 1\ntimeout = 15\n' \
        >"${root}/etc/pip.conf"
    local container
    container="$(buildah from scratch)"
    buildah add --quiet "${container}" "${root}" / >/dev/null
    buildah commit --quiet "${container}" "${BASE}" >/dev/null
    buildah rm "${container}" >/dev/null
    rm -rf "${root}"
}

build() {
    local mounts=()
    [[ -d ${WHEELS} ]] && mounts=(--volume "${WHEELS}:/opt/wheels:ro")
    SECONDS=0
    buildah bud --format docker --layers=false --build-arg "BASE=${BASE}" "${mounts[@]}" \
        --file "docker/$1.Dockerfile" --tag "stratagem/$1" . >"${LOGS}/$1.log" 2>&1 \
        || { tail -20 "${LOGS}/$1.log"; return 1; }
    echo "$1: $(buildah images --format '{{.Size}}' "stratagem/$1"), built in ${SECONDS} s"
}

# start NAME IMAGE COMMAND...: a container in the background, its log in LOGS, its process in ids[NAME]
declare -A ids containers
start() {
    local name="$1" image="$2"
    shift 2
    [[ -n ${containers[${name}]:-} ]] || containers[${name}]="$(buildah from "stratagem/${image}")"
    buildah run --env STRATAGEM_ENDPOINT=http://127.0.0.1:5055 --env STRATAGEM_PREFIX=images \
        --env STRATAGEM_SERVER=127.0.0.1:50951 "${containers[${name}]}" -- "$@" >>"${LOGS}/run-${name}.log" 2>&1 &
    ids[${name}]=$!
}

finish() {
    kill "${ids[@]}" 2>/dev/null || true
    wait || true
    buildah rm "${containers[@]}" >/dev/null || true
}

# until_true SECONDS WHAT COMMAND...: wait until a command succeeds
until_true() {
    local patience="$1" what="$2"
    shift 2
    SECONDS=0
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < patience)) || { echo "${what}: not after ${patience} s; see ${LOGS}" >&2; tail -5 "${LOGS}"/run-*.log >&2; exit 1; }
        sleep 1
    done
    echo "${what}: after ${SECONDS} s"
}

# stop NAME PATTERN: SIGTERM to the container's own process; it must end by itself, with exit status 0
stop() {
    pkill -TERM --full "$2"
    local status=0
    wait "${ids[$1]}" || status=$?
    unset "ids[$1]"
    ((status == 0)) || { echo "$1 ended with exit status ${status}" >&2; tail -20 "${LOGS}/run-$1.log" >&2; exit 1; }
    echo "$1: ended well"
}

# transitions: how many the learner had learned from at its last version
transitions() {
    grep '"published"' "${LOGS}/run-learner.log" | tail -n 1 | sed 's/.*"transitions": \([0-9]*\).*/\1/'
}

learn() {
    start learner actor stratagem learn --server 127.0.0.1:50951 --replay 127.0.0.1:50951 --board 4x4 --data /app/runs/learn
}

published_more_than() {
    (($(grep -c '"published"' "${LOGS}/run-learner.log") > $1))
}

run_fleet() {
    trap finish EXIT
    rm -f "${LOGS}"/run-*.log
    start store server python -m moto.server -H 127.0.0.1 -p 5055
    until_true 60 "the store answers" python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5055/moto-api/')"
    start tables server python -c \
        "from store.connect import *; from store.names import *; create_all(Connection(Names.from_environment()))"
    wait "${ids[tables]}"
    unset "ids[tables]"
    start server server stratagem serve --listen 127.0.0.1:50951 --metrics 127.0.0.1:9964
    until_true 120 "the services answer" grep -q serving "${LOGS}/run-server.log"
    learn
    start actor actor /app/actor.sh --games 32
    until_true 300 "three versions are published" published_more_than 2
    stop learner "^/app/venv/bin/python[^ ]* /app/venv/bin/stratagem learn"
    local before versions
    before="$(transitions)" versions="$(grep -c '"published"' "${LOGS}/run-learner.log")"
    learn
    until_true 300 "the learner goes on" published_more_than "${versions}"
    (($(transitions) >= before)) || { echo "the learner forgot: $(transitions) transitions after ${before}" >&2; exit 1; }
    stop actor "^/app/venv/bin/python[^ ]* /app/venv/bin/stratagem actor"
    stop learner "^/app/venv/bin/python[^ ]* /app/venv/bin/stratagem learn"
    stop server "^/app/venv/bin/python[^ ]* /app/venv/bin/stratagem serve"
}

buildah images "${BASE}" >/dev/null 2>&1 || make_base
for image in "${IMAGES[@]}"; do
    [[ ${image} == run ]] || build "${image}"
done
run_fleet

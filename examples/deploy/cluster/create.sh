#!/bin/sh
# create.sh <host:port> ...
# Joins empty nodes to a cluster, each master with one replica; does nothing where they are joined already.
set -eu
first=$1
cli() { redis-cli -h "${first%:*}" -p "${first##*:}" "$@"; }
if cli cluster info | grep -q '^cluster_slots_assigned:16384'; then
  echo 'The cluster stands.'
  exit 0
fi
# They are introduced by address: a name is refused.
nodes=
for node in "$@"; do nodes="$nodes $(getent ahostsv4 "${node%:*}" | head -n 1 | cut -d' ' -f1):${node##*:}"; done
# shellcheck disable=SC2086
redis-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes

#!/bin/sh
# start.sh <redis|sentinel> [secret file ...]
# What a container runs: its configuration and the secrets that belong to it become one file on its own volume, once.
# From then on the server owns that file: Sentinel keeps in it who is master, and a restart must not forget that.
set -eu
umask 077
file=/data/$1.conf
if [ "$1" = sentinel ]; then mode=--sentinel; else mode=; fi
shift
if [ ! -e "$file" ]; then
  for part in /conf/server.conf "$@"; do
    cat "$part"
    echo
  done > "$file.new"
  mv "$file.new" "$file"
fi
exec redis-server "$file" $mode

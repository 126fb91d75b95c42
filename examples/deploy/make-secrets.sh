#!/bin/sh
# make-secrets.sh [folder]
# Makes passwords, an ACL file and certificates for the compose files beside it, in ./secrets unless told otherwise. Keeps
# what is there: delete the folder to start anew. Needs openssl. RATELIMIT_HOST is the name by which Redis is connected to,
# SITE_HOST the one by which browsers reach nginx.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
host=${RATELIMIT_HOST:-redis}
site=${SITE_HOST:-localhost}
if [ -e "$folder" ]; then
  echo "$folder exists and stays as it is." >&2
  exit 0
fi
mkdir -p "$folder.new"
cd "$folder.new"

for user in app replica sentinel watcher admin; do openssl rand -hex 24 | tr -d '\n' > "$user-password"; done
hash() { printf '%s' "$(cat "$1-password")" | openssl dgst -sha256 -r | cut -d' ' -f1; }

# What each may do and no more: the app to count under its own keys, a replica to follow, a sentinel to watch and to
# promote. Limiters with another prefix than these need a pattern of their own.
cat > users.acl << END
user default off
user app on #$(hash app) ~*ratelimit:* resetchannels -@all +eval +evalsha +get +mget +set +del +incr +incrby +decrby +pexpire +pexpireat +pexpiretime +persist +pttl +time +type +zadd +zcount +zrangebyscore +zrevrangebyscore +zrem +zremrangebyrank +zremrangebyscore +scan +ping +info +role +select +client|setname
user replica on #$(hash replica) +psync +replconf +ping
user sentinel on #$(hash sentinel) allchannels +multi +exec +slaveof +config|rewrite +client|setname +client|kill +script|kill +info +ping +role +publish +subscribe
END
cat > redis.conf << END
masteruser replica
masterauth $(cat replica-password)
END
cat > sentinel.conf << END
sentinel auth-user ratelimit sentinel
sentinel auth-pass ratelimit $(cat sentinel-password)
requirepass $(cat watcher-password)
sentinel sentinel-pass $(cat watcher-password)
END

request() { openssl req -new -newkey rsa:2048 -nodes -sha256 "$@" 2> /dev/null; }
request -x509 -days 3650 -subj '/CN=ratelimit CA' -keyout ca.key -out ca.crt
# A certificate of this authority: the files' name, then the host's.
certificate() {
  request -subj "/CN=$2" -keyout "$1.key" -out "$1.csr"
  printf 'subjectAltName=DNS:%s,DNS:localhost\n' "$2" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -extfile "$1.ext" -out "$1.crt" 2> /dev/null
  rm "$1.csr" "$1.ext"
}
certificate redis "$host"
# To try nginx with. Browsers want that of an authority that they know.
certificate site "$site"

# Containers read them as users of their own; the folder itself stays closed to other users of this machine.
chmod 644 ./*
chmod 600 ca.key
cd - > /dev/null
mv "$folder.new" "$folder"

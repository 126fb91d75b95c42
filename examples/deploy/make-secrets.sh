#!/bin/sh
# make-secrets.sh [folder]
# Makes passwords, an ACL file and certificates for the compose files beside it, in ./secrets unless told otherwise. Keeps
# what is there: delete the folder to start anew. Needs openssl. RATELIMIT_HOST is the name that clients connect to.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
host=${RATELIMIT_HOST:-redis}
if [ -e "$folder" ]; then
  echo "$folder exists and stays as it is." >&2
  exit 0
fi
mkdir -p "$folder.new"
cd "$folder.new"

for user in app replica sentinel watcher; do openssl rand -hex 24 | tr -d '\n' > "$user-password"; done
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
request -subj "/CN=$host" -keyout redis.key -out redis.csr
printf 'subjectAltName=DNS:%s,DNS:localhost\n' "$host" > redis.ext
openssl x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -extfile redis.ext -out redis.crt 2> /dev/null
rm redis.csr redis.ext

# Containers read them as users of their own; the folder itself stays closed to other users of this machine.
chmod 644 ./*
chmod 600 ca.key
cd - > /dev/null
mv "$folder.new" "$folder"

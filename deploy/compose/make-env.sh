#!/bin/sh
# Makes .env (passwords and keys) and a certificate for docker-compose.yml, once. Needs openssl, and Node 24 with the sources compiled
# (./sallyport help does both).
set -eu
cd "$(dirname "$0")/../.."
umask 077

[ ! -e .env ] || { echo '.env is there already: remove it to make another one' >&2; exit 1; }
node deploy/compose/make-env.mjs >.env
mkdir -p deploy/compose/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout deploy/compose/tls/proxy.key -out deploy/compose/tls/proxy.crt 2>/dev/null
# The container's user reads them.
chmod 755 deploy/compose/tls
chmod 644 deploy/compose/tls/proxy.crt deploy/compose/tls/proxy.key
echo 'made .env and deploy/compose/tls' >&2

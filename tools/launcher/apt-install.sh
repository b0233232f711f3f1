#!/bin/sh
# Installs Debian packages without starting what they bring as system services. Becomes root by sudo when it is not.
set -eu

if ! command -v apt-get >/dev/null 2>&1; then
  printf 'sallyport: this system has no apt-get. Install these by its own means, then run this again: %s\n' "$*" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || { printf 'sallyport: neither root nor sudo here. Let an administrator run: apt-get install %s\n' "$*" >&2; exit 1; }
  exec sudo sh "$0" "$@"
fi

export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM
fi
# Debian's package would otherwise make a cluster of its own.
if [ ! -e /etc/postgresql-common ]; then
  mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi

had_nats=$(command -v nats-server || true)
install() { apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 "$@" >&2; }
install "$@" 2>/dev/null || { apt-get update -qq >&2 && install "$@"; }
if [ -z "$had_nats" ] && command -v systemctl >/dev/null 2>&1; then systemctl disable nats-server >/dev/null 2>&1 || true; fi

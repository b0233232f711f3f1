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

# What starts with the system, by systemd's own links.
enabled() { find /etc/systemd/system -path '*.wants/*' -type l 2>/dev/null | sed 's|.*/||' | sort -u; }
enabled_before=$(enabled)
install() { apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 "$@" >&2; }
install "$@" 2>/dev/null || { apt-get update -qq >&2 && install "$@"; }
# Nor is anything of these packages started when the system starts, where it wasn't before.
if command -v systemctl >/dev/null 2>&1; then
  own=$(dpkg -L "$@" 2>/dev/null | sed -n 's|.*/systemd/system/||p')
  for unit in $(enabled); do
    printf '%s\n' "$own" | grep -qxF "$unit" || continue
    printf '%s\n' "$enabled_before" | grep -qxF "$unit" || systemctl disable "$unit" >/dev/null 2>&1 || true
  done
fi

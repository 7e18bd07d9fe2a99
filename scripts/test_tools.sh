#!/bin/sh
# Installs what the tests run and compare with, where that can be done: on Debian and its like, as root, the
# tools listed below; on Debian, as anybody, the peers which only its unstable suite has, unpacked into
# .deps/peers and not into the system. Says what is missing and why. That is no failure here: the tests which
# need it skip themselves, or fail where DESYNC_TEST_REQUIRE_PEERS is set.
set -eu

# command:package
TOOLS="casync:casync mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs zstd:zstd setfattr:attr setfacl:acl
  setcap:libcap2-bin chattr:e2fsprogs bsdtar:libarchive-tools
  nginx:nginx-light openssl:openssl
  bash:bash zsh:zsh fish:fish shellcheck:shellcheck"
# command=version of the package; * is any
PEERS="desync=1.0.4* rclone=*"

say() {
  printf '%s\n' "$1" >&2
}

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd -P)
deps=$root/.deps
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # dpkg insists on these

# Prints the packages of the tools that are not there.
missing_packages() {
  for tool in $TOOLS; do
    command -v "${tool%%:*}" >/dev/null 2>&1 || printf ' %s' "${tool#*:}"
  done
}

# Prints what of the peers is not there, as apt names it.
missing_peers() {
  for peer in $PEERS; do
    [ -x "$deps/peers/usr/bin/${peer%%=*}" ] || printf ' %s' "${peer%=\*}"
  done
}

install_tools() {
  packages=$(missing_packages)
  [ -n "$packages" ] || return 0
  if ! command -v apt-get >/dev/null 2>&1; then
    say "Not installed, as there is no apt-get here:$packages"
  elif [ "$(id -u)" -ne 0 ]; then
    say "Not installed, as this is not root:$packages"
  else
    say "Installing with apt-get:$packages"
    # A source that is down is no reason to give up: the others may have everything.
    apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null >/dev/null || true
    # shellcheck disable=SC2086  # a list
    apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends $packages </dev/null >/dev/null ||
      true
    packages=$(missing_packages)
    [ -z "$packages" ] || say "Not installed, as apt-get failed:$packages"
  fi
}

# apt-get with settings, lists and caches of its own below $1, so that the system's stay as they are.
private_apt() (
  dir=$1
  shift
  cd "$dir/download"
  # A mirror may be a snapshot, whose lists are past their date: check the signature, not the age.
  apt-get -qq -o Dir::State="$dir/state" -o Dir::Cache="$dir/cache" \
    -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts="$dir/empty" \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$dir/empty" \
    -o Acquire::Languages=none -o Acquire::PDiffs=false -o Acquire::Check-Valid-Until=false \
    -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root "$@" </dev/null
)

# Unpacks the peers from the unstable suite of the mirror $2 into $1/root.
fetch_peers() {
  mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial" "$1/empty" "$1/download"
  printf 'deb [signed-by=%s] %s sid main\n' /usr/share/keyrings/debian-archive-keyring.gpg "$2" \
    >"$1/sources.list"
  private_apt "$1" update || return 1
  for peer in $PEERS; do
    private_apt "$1" download "${peer%=\*}" || return 1
  done
  for package in "$1/download"/*.deb; do
    dpkg -x "$package" "$1/root" || return 1
  done
}

install_peers() {
  peers=$(missing_peers)
  [ -n "$peers" ] || return 0
  if [ "$(. /etc/os-release 2>/dev/null && printf '%s' "$ID")" != debian ]; then
    say "Not unpacked, as this is not Debian:$peers"
    return 0
  fi
  say "Unpacking from Debian's unstable suite:$peers"
  mkdir -p "$deps"
  stage=$(mktemp -d "$deps/peers.XXXXXX")
  trap 'rm -rf "$stage"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # The mirror is one that this machine is set up with; a suite with a dash is of another kind.
  apt-get update --print-uris </dev/null | sed -n "s|^'\(.*\)/dists/[a-z]*/InRelease'.*|\1|p" |
    sort -u >"$stage/mirrors"
  while IFS= read -r mirror; do
    rm -rf "$stage/apt"
    mkdir "$stage/apt"
    if fetch_peers "$stage/apt" "$mirror"; then
      chmod -R go+rX "$stage/apt/root"
      rm -rf "$deps/peers"
      mv "$stage/apt/root" "$deps/peers"
      break
    fi
  done <"$stage/mirrors"
  peers=$(missing_peers)
  [ -z "$peers" ] || say "Not unpacked, as no mirror of this machine's apt gave them:$peers"
}

install_tools
install_peers

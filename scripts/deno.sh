# shellcheck shell=sh disable=SC3013  # -nt is POSIX since 2024, and older shells have it
# Sets $deno to a Deno which can run this repository. Sourced by the scripts beside it, with $root the clone.
#
# The Deno on PATH serves if it is recent enough. Asking it costs 10 to 20 ms, so the answer is kept in
# .deps/deno-on-path and holds while nothing newer stands in its place; the test is a few stat calls of the
# shell and starts no process. Otherwise the pinned release is installed from npm into .deps/ once, and its
# native binary is used directly: the package's own entry starts it through Node.js, which costs more than the
# program itself.

deno_minimum_minor=9 # of major version 2
deno_pinned=2.9.6

deno_fail() {
  printf 'Cannot start Deno: %s\n' "$1" >&2
  exit 1
}

# Sets $deno to the first deno on PATH, or to nothing.
# Relative entries do not count, because the answer is kept for all working directories.
deno_on_path() {
  deno=
  deno_ifs=$IFS
  IFS=:
  set -f
  for deno_dir in $PATH; do
    case $deno_dir in
      /*) if [ -f "$deno_dir/deno" ] && [ -x "$deno_dir/deno" ]; then deno=$deno_dir/deno && break; fi ;;
    esac
  done
  set +f
  IFS=$deno_ifs
}

# Replaces $deno by its native binary if it is recent enough, else by nothing; $1 is where the answer is kept.
# A replaced file may carry an old date, but the directory it was put into does not: so both are compared.
deno_judge() {
  if [ -f "$1" ]; then
    { IFS= read -r deno_kept && IFS= read -r deno_native; } <"$1" || deno_kept=
    if [ "$deno_kept" = "$deno" ] && [ "$1" -nt "$deno" ] && [ "$1" -nt "${deno%/*}" ]; then
      if [ -z "$deno_native" ]; then
        deno=
        return
      elif [ -x "$deno_native" ] && [ "$1" -nt "$deno_native" ] && [ "$1" -nt "${deno_native%/*}" ]; then
        deno=$deno_native
        return
      fi
    fi
  fi
  deno_native=
  deno_version=$("$deno" --version </dev/null 2>/dev/null) || deno_version=
  deno_version=${deno_version#deno }
  case ${deno_version%%.*} in
    2)
      deno_version=${deno_version#2.}
      [ "${deno_version%%.*}" -ge "$deno_minimum_minor" ] 2>/dev/null && deno_native=$deno
      ;;
    [3-9]) deno_native=$deno ;;
  esac
  # What stands on PATH may be a wrapper, which costs time at each start and may keep signals to itself.
  if [ -n "$deno_native" ]; then
    deno_native=$("$deno" eval --no-config 'console.log(Deno.execPath())' </dev/null 2>/dev/null) ||
      deno_native=$deno
  fi
  # Where the clone is read-only nothing is kept, and Deno is asked again the next time.
  if mkdir -p "${1%/*}" 2>/dev/null && printf '%s\n%s\n' "$deno" "$deno_native" 2>/dev/null >"$1.$$"; then
    mv -f "$1.$$" "$1"
  fi
  deno=$deno_native
}

# Installs the pinned release below $1 and makes the link $2 to its binary.
# Several may do so at the same time: each works in a directory of its own, and the first link stays.
deno_install() {
  command -v npm >/dev/null 2>&1 ||
    deno_fail "there is no Deno 2.$deno_minimum_minor or newer on PATH, and no npm to install it with"
  [ -x "$2" ] || rm -f "$2"
  printf 'Installing Deno %s from npm into %s\n' "$deno_pinned" "$1" >&2
  if ! mkdir -p "$1" || ! deno_stage=$(mktemp -d "$1/deno-$deno_pinned.XXXXXX"); then
    deno_fail "\"$1\" is not writable"
  fi
  chmod 755 "$deno_stage" # mktemp keeps it from the other users of the clone
  trap 'rm -rf "$deno_stage"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # An empty HOME would put npm's cache into the root directory.
  [ -n "${HOME-}" ] || export npm_config_cache="$deno_stage/cache"
  # Not --prefix: npm would look for the machine's settings, such as its certificates, below that directory.
  (
    cd "$deno_stage" && printf '{ "private": true }\n' >package.json &&
      npm install --ignore-scripts --no-audit --no-fund --no-package-lock --no-update-notifier \
        --loglevel=error "deno@$deno_pinned" </dev/null >&2
  ) || deno_fail "npm could not install it"
  # The package knows which of its platform packages holds the binary.
  deno_binary=$(
    cd "$deno_stage" && node -p 'require("./node_modules/deno/install_api.cjs").runInstall()' </dev/null
  ) || deno_fail "npm has none for this platform"
  rm -rf "$deno_stage/cache"
  ln -s "${deno_binary#"$1/"}" "$2" 2>/dev/null || rm -rf "$deno_stage"
  trap - EXIT INT TERM
  [ -x "$2" ] || deno_fail "\"$deno_binary\" cannot be run"
}

deno_on_path
# shellcheck disable=SC2154  # root is the caller's
[ -z "$deno" ] || deno_judge "$root/.deps/deno-on-path"
if [ -z "$deno" ]; then
  deno=$root/.deps/deno-$deno_pinned
  [ -x "$deno" ] || deno_install "$root/.deps" "$deno"
fi

# Deno is not to ask for newer releases of itself, and to trust what the machine trusts, as programs there do.
export DENO_NO_UPDATE_CHECK=1
export DENO_TLS_CA_STORE="${DENO_TLS_CA_STORE:-system,mozilla}"

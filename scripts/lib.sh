# What scripts/run and scripts/test share. Sourced by bash, never run.
# Every function that cannot go on says in one line what to do, then ends the script.
# shellcheck shell=bash

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s: %s\n' "scripts/$(basename "$0")" "$*" >&2
    exit 1
}

# Seconds as people read them: 95 -> 1 min 35 s.
spell_seconds() {
    if [ "$1" -lt 60 ]; then printf '%d s' "$1"; else printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); fi
}

# Ends with one line unless `swift` is there and at least 6.2.
need_swift() {
    local version
    command -v swift >/dev/null ||
        fail "Swift 6.2 or newer is needed and there is no 'swift' on the PATH: install it from https://www.swift.org/install/linux/ and open a new shell."
    # Not `| head -1`: closing the pipe early makes swift fail under pipefail.
    version="$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')"
    version="${version%%$'\n'*}"
    [ -n "$version" ] || fail "'swift --version' gave no answer: repair the Swift toolchain (https://www.swift.org/install/linux/)."
    if [ "${version%%.*}" -lt 6 ] || { [ "${version%%.*}" -eq 6 ] && [ "${version#*.}" -lt 2 ]; }; then
        fail "Swift $version is too old: install 6.2 or newer from https://www.swift.org/install/linux/."
    fi
}

# Names of the given packages that are not installed, one a line.
missing_packages() {
    local name status
    for name in "$@"; do
        status="$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)"
        [ "$status" = installed ] || printf '%s\n' "$name"
    done
}

# Installs what is missing for the given purposes (scripts/packages). Touches no network when nothing is.
ensure_packages() {
    local wanted missing as_root=() log
    if ! command -v dpkg-query >/dev/null; then
        [ "${LINEUP_SKIP_PACKAGES:-}" = 1 ] && return 0
        fail "this is not Debian: install the counterparts of '$("$repository/scripts/packages" "$@" | tr '\n' ' ')' and set LINEUP_SKIP_PACKAGES=1."
    fi
    mapfile -t wanted < <("$repository/scripts/packages" "$@")
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [ "${#missing[@]}" -eq 0 ] && return 0
    say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "there is no sudo here: as root, run 'apt-get install ${missing[*]}', then this again."
        # With a terminal sudo may ask for a password; without one it must not wait for it.
        [ -t 0 ] && as_root=(sudo) || as_root=(sudo -n)
    fi
    log="$(mktemp)"
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -q && apt-get install -y -q --no-install-recommends "$@"' sh "${missing[@]}" \
        </dev/null >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "could not install packages: with network and root rights, run 'apt-get install ${missing[*]}', then this again."
    fi
    rm -f "$log"
}

# Prints the address of whoever listens on TCP port $1, nothing when it is free. Reads the kernel's own table, so that
# it works before any package is there and sees listeners on every address.
port_listener() {
    local hex
    hex="$(printf '%04X' "$1")"
    awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { print $2; exit }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Ends with one line when port $1 is taken; $2 is the variable that chooses another.
need_free_port() {
    local owner=""
    [ "$1" = 0 ] && return 0
    if ! [[ "$1" =~ ^[0-9]{1,5}$ ]] || [ "$1" -gt 65535 ]; then fail "$2 is '$1': give a port from 0 to 65535."; fi
    [ -z "$(port_listener "$1")" ] && return 0
    if command -v ss >/dev/null; then
        owner="$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (process \2)/p')"
        owner="${owner%%$'\n'*}"
    fi
    fail "port $1 is taken$owner: stop that, or choose another, for example $2=$(($1 + 1)) $0."
}

# Ends with one line unless files can be made in folder $1, which is made when missing.
need_writable_folder() {
    mkdir -p "$1" 2>/dev/null || fail "cannot make the data folder $1: give another with --data, or set its owner to $(id -un)."
    if ! [ -w "$1" ] || ! [ -x "$1" ]; then fail "cannot write in the data folder $1: give another with --data, or set its owner to $(id -un)."; fi
}

# Reads `swift build`'s output on standard input and shows where it is: one line that changes on a terminal, a line each
# 30 s elsewhere. Warnings and errors are the log's, which the caller keeps.
show_build_progress() {
    local line begin=$SECONDS next=30 step=""
    while IFS= read -r line; do
        case "$line" in
            \[*/*\]*) step="${line%%]*}]" ;;
            Fetching* | Computing* | Creating* | Working* | Updating*) step="${line:0:60}" ;;
            *) continue ;;
        esac
        if [ -t 1 ]; then
            printf '\r\033[K  %s  %s' "$step" "$(spell_seconds $((SECONDS - begin)))"
        elif [ $((SECONDS - begin)) -ge $next ]; then
            printf '  %s  %s\n' "$step" "$(spell_seconds $((SECONDS - begin)))"
            next=$((SECONDS - begin + 30))
        fi
    done
    if [ -t 1 ]; then printf '\r\033[K'; fi
}

# A checksum over the manifest and what was resolved from it; the latter is missing before the first build.
manifest_sum() {
    { cat "$repository/Package.swift" "$repository/Package.resolved" 2>/dev/null || true; } | sha256sum
}

# `swift build` with progress, the arguments passed on. With the packages of this very manifest already resolved it looks
# neither for newer ones nor at the network. On failure: the log's end and where the rest is.
build_with_progress() {
    local log="$repository/.build/lineup-build.log" stamp="$repository/.build/lineup-resolved" sum offline=() begin=$SECONDS
    mkdir -p "$repository/.build"
    sum="$(manifest_sum)"
    if [ -f "$repository/Package.resolved" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then
        offline=(--disable-automatic-resolution --skip-update)
    fi
    # SwiftPM passes a package's traits in the order of a hash that is seeded anew for each process, and compiles the package
    # again when that order differs from the last one: without this, every other start rebuilds Hummingbird for 20 s.
    export SWIFT_DETERMINISTIC_HASHING=1
    if ! (cd "$repository" && swift build "${offline[@]}" "$@" 2>&1) </dev/null | tee "$log" | show_build_progress; then
        grep -E 'error:' "$log" | sort -u | head -n 20 >&2 || true
        tail -n 15 "$log" >&2
        fail "the build failed: the whole log is in $log."
    fi
    manifest_sum >"$stamp"
    # shellcheck disable=SC2034  # for the caller
    build_seconds=$((SECONDS - begin))
}

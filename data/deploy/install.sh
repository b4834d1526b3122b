#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the units of a Wattle deployment, so that a plan is in force from boot on.
#
#   install.sh install NAME     copy the files, enable and start the unit; undone if that fails
#   install.sh uninstall NAME   stop the unit (which puts the clocks back), disable, remove
#   install.sh status           the units of this deployment
#
# An install that was killed midway is taken back by uninstall. Exit: 0 done, 1 failed, 2 usage,
# 4 not permitted. WATTLE_UNIT_DIR, WATTLE_ETC_DIR and WATTLE_LIB_DIR change where files go.
set -u -o pipefail
export LC_ALL=C

# @CONFIG@

HERE=$(cd -- "$(dirname -- "$0")" && pwd) || exit 1
UNIT_DIR=${WATTLE_UNIT_DIR:-/etc/systemd/system}
ETC_DIR=${WATTLE_ETC_DIR:-/etc/wattle}
LIB_DIR=${WATTLE_LIB_DIR:-/usr/local/lib/wattle-clocks}

warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    local code=$1
    shift
    warn "$@"
    exit "$code"
}

# put FILE TARGET MODE: whole or not at all.
put() {
    mkdir -p -- "$(dirname -- "$2")" && cp -- "$1" "$2.new" && chmod "$3" "$2.new" &&
        mv -f -- "$2.new" "$2"
}

# The files of one unit besides the unit itself: FROM and TO.
payload() {
    if [ "$MODE" = wattle ]; then
        FROM=$HERE/plans/$1.json TO=$ETC_DIR/$1.json BITS=644
    else
        FROM=$HERE/clocks.sh TO=$LIB_DIR/clocks.sh BITS=755
    fi
}

# clocks.sh serves several units: it stays while another unit of this deployment is there.
payload_in_use() {
    local other
    [ "$MODE" != wattle ] || return 1
    for other in "${NAMES[@]}"; do
        [ "$other" = "$1" ] || [ ! -e "$UNIT_DIR/$other.service" ] || return 0
    done
    return 1
}

remove() {
    local status=0
    systemctl stop "$1.service" || status=$?
    # 5: the unit is not loaded, there is nothing to stop
    if [ "$status" -ne 0 ] && [ "$status" -ne 5 ]; then
        warn "$1.service does not stop (status $status): nothing was removed"
        return 1
    fi
    if [ -e "$UNIT_DIR/$1.service" ]; then
        systemctl disable "$1.service" || warn "systemctl disable $1.service failed"
    fi
    rm -f -- "$UNIT_DIR/$1.service" "$UNIT_DIR/$1.service.new" || return 1
    payload "$1"
    rm -f -- "$TO.new"
    payload_in_use "$1" || rm -f -- "$TO" || return 1
    systemctl daemon-reload || return 1
}

# Units for the same GPUs are stopped by systemd; enabled as well, chance would choose at the next boot.
disable_conflicts() {
    local line other
    while IFS= read -r line; do
        other=${line#Conflicts=}
        [ -e "$UNIT_DIR/$other" ] || continue
        if systemctl disable "$other"; then
            printf '%s is stopped and disabled: it is for the same GPUs\n' "$other"
        else
            warn "systemctl disable $other failed: disable it, or the next boot starts one of the two"
        fi
    done < <(grep '^Conflicts=' "$HERE/systemd/$1.service")
}

cmd_install() {
    payload "$1"
    if ! { put "$FROM" "$TO" "$BITS" &&
        put "$HERE/systemd/$1.service" "$UNIT_DIR/$1.service" 644 &&
        systemctl daemon-reload && systemctl enable --now "$1.service"; }; then
        warn "installing $1 failed: taking it back"
        remove "$1"
        return 1
    fi
    printf '%s is installed and active\n' "$1.service"
    disable_conflicts "$1"
}

cmd_status() {
    local name
    for name in "${NAMES[@]}"; do
        if [ -e "$UNIT_DIR/$name.service" ]; then
            printf '%s: installed, %s\n' "$name" "$(systemctl is-active "$name.service")"
        else
            printf '%s: not installed\n' "$name"
        fi
    done
}

known() {
    local name
    for name in "${NAMES[@]}"; do
        [ "$name" != "${1:-}" ] || return 0
    done
    warn "there is no unit \"${1:-}\"; the units: ${NAMES[*]}"
    exit 2
}

usage() { sed -n '3,/^set /{/^set /d;s/^#  \{0,1\}//;s/^#$//;p;}' "$0"; }

case ${1:-} in
install)
    known "${2:-}"
    command -v systemctl >/dev/null || die 1 "there is no systemctl on this machine"
    mkdir -p -- "$UNIT_DIR" 2>/dev/null
    [ -w "$UNIT_DIR" ] || die 4 "cannot write to $UNIT_DIR (run as root)"
    cmd_install "$2"
    ;;
uninstall)
    known "${2:-}"
    command -v systemctl >/dev/null || die 1 "there is no systemctl on this machine"
    remove "$2" && printf '%s is removed\n' "$2.service"
    ;;
status) cmd_status ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac

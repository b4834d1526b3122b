#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Locks GPU clocks to what a Wattle plan chose, with nvidia-smi alone, and takes it back.
#
#   clocks.sh apply PLAN [GPU-UUID...]    lock; without UUIDs every GPU of the plan's type
#   clocks.sh status                      what is locked by us, what the GPUs do now
#   clocks.sh verify [SAMPLES [SECONDS]]  whether the lock holds while the GPUs work
#   clocks.sh rollback [PLAN|GPU-UUID...] undo the last apply, of all or of these
#   clocks.sh recover                     undo an apply that was killed midway; else nothing
#   clocks.sh plans                       the plans in this file
#
# Uses locked clocks (-lgc), never application clocks. The driver cannot be asked which lock is set,
# so rollback goes by our own record: to the lock that we set before, else to the driver's default
# (-rgc); it says which. What is about to change is on disk before it changes.
# Locks end with a reboot or when the driver is unloaded.
#
# Exit: 0 done, 1 failed (and undone), 2 usage, 3 not supported here, 4 not permitted, 7 undecided.
# WATTLE_STATE_DIR (default /var/lib/wattle-clocks) holds the record.
set -u -o pipefail
export LC_ALL=C

# @CONFIG@

STATE_DIR=${WATTLE_STATE_DIR:-/var/lib/wattle-clocks}
STATE=$STATE_DIR/state
TAB=$'\t'
OUTPUT=
trap '' PIPE # a reader that goes away must not stop an undo half-way

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    local code=$1
    shift
    warn "$@"
    exit "$code"
}

# ---- nvidia-smi ---------------------------------------------------------------------------------

# smi ARGUMENT...: output in OUTPUT; 0, or 3 unsupported, 4 not permitted, 1 else. nvidia-smi ends
# with 0 after "Treating as warning and moving on", so that its words count as well.
smi() {
    local status=0
    OUTPUT=$(nvidia-smi "$@" 2>&1) || status=$?
    case ${OUTPUT//"[Not Supported]"/} in # that is a cell, not an answer
    *ermission*) return 4 ;;
    *"not supported"* | *"Not Supported"* | *"not a valid field"*) return 3 ;;
    *"Treating as warning"* | *"Unable to"*) return 1 ;;
    esac
    case $status in
    0) return 0 ;;
    4) return 4 ;;
    3) return 3 ;;
    *) return 1 ;;
    esac
}

first_line() { printf '%s' "${1%%$'\n'*}"; }

# explain CODE WHAT: the words for a failed call.
explain() {
    case $1 in
    4) warn "$2: not permitted (run as root): $(first_line "$OUTPUT")" ;;
    3) warn "$2: not supported here: $(first_line "$OUTPUT")" ;;
    *) warn "$2: $(first_line "$OUTPUT")" ;;
    esac
}

# GPUs of this machine: GPU_UUID, GPU_NAME, GPU_PM (persistence mode: 1, 0 or - for unknown).
read_gpus() {
    local line uuid name pm status=0
    GPU_UUID=() GPU_NAME=() GPU_PM=()
    command -v nvidia-smi >/dev/null || die 3 "there is no nvidia-smi on this machine"
    smi --query-gpu=uuid,name,persistence_mode --format=csv,noheader || status=$?
    if [ "$status" -ne 0 ]; then
        explain "$status" "cannot list the GPUs"
        exit "$status"
    fi
    while IFS= read -r line; do
        uuid=${line%%, *}
        pm=${line##*, }
        name=${line#*, }
        name=${name%, *}
        [[ $uuid =~ ^GPU-[0-9A-Za-z-]+$ ]] || continue
        case $pm in
        Enabled) pm=1 ;;
        Disabled) pm=0 ;;
        *) pm=- ;;
        esac
        GPU_UUID+=("$uuid") GPU_NAME+=("$name") GPU_PM+=("$pm")
    done <<<"$OUTPUT"
    [ "${#GPU_UUID[@]}" -gt 0 ] || die 3 "nvidia-smi lists no GPU"
}

# supported UUID gr|mem MHZ: whether the driver lists this clock for this GPU.
supported() {
    local status=0
    smi -i "$1" "--query-supported-clocks=$2" --format=csv,noheader,nounits || status=$?
    if [ "$status" -ne 0 ]; then
        explain "$status" "$1: cannot list the supported clocks"
        return "$status"
    fi
    if ! [[ $'\n'$OUTPUT$'\n' =~ $'\n'[[:space:]]*"$3"[[:space:]]*$'\n' ]]; then
        warn "$1: $3 MHz is not on the driver's list of supported clocks ($2)"
        return 3
    fi
}

# Memory clocks can be locked from Ampere (compute capability 8) on.
can_lock_memory() {
    local status=0
    smi -i "$1" --query-gpu=compute_cap --format=csv,noheader || status=$?
    if [ "$status" -ne 0 ] || ! [[ $OUTPUT =~ ^[[:space:]]*([0-9]+)\. ]] ||
        [ "${BASH_REMATCH[1]}" -lt 8 ]; then
        warn "$1: this GPU cannot lock its memory clock (Ampere and later can)"
        return 3
    fi
}

# One clock for all: a lock holds for every instance of a partitioned GPU. Older drivers do not know.
warn_of_mig() {
    if smi -i "$1" --query-gpu=mig.mode.current --format=csv,noheader && [ "$OUTPUT" = Enabled ]; then
        warn "$1: MIG is on: the lock holds for all its instances, whatever runs there"
    fi
}

# set_lock UUID FROM TO: locks are "GRAPHICS/MEMORY" in MHz, "-" for unlocked.
set_lock() {
    local status=0
    local from_memory=${2#*/} to=${3%/*} to_memory=${3#*/}
    if [ "$to" = - ]; then
        smi -i "$1" -rgc || status=$?
    else
        smi -i "$1" -lgc "$to,$to" || status=$?
    fi
    if [ "$status" -ne 0 ]; then
        explain "$status" "$1: locking the clock"
        return "$status"
    fi
    if [ "$to_memory" != - ]; then
        smi -i "$1" -lmc "$to_memory,$to_memory" || status=$?
    elif [ "$from_memory" != - ]; then
        smi -i "$1" -rmc || status=$?
    fi
    if [ "$status" -ne 0 ]; then
        explain "$status" "$1: locking the memory clock"
        return 1 # whatever it was, the first half is done
    fi
}

set_persistence() {
    local status=0
    smi -i "$1" -pm "$2" || status=$?
    [ "$status" -eq 0 ] || explain "$status" "$1: setting persistence mode"
    return "$status"
}

# ---- the record ---------------------------------------------------------------------------------
# One line a GPU: UUID, phase (pending: being changed; applied), plan, lock now, lock before,
# persistence mode before our first change. Entry i is R_UUID[i] and so on.

# This boot, in BOOT.
boot_id() {
    BOOT=unknown
    if [ -r /proc/sys/kernel/random/boot_id ]; then
        read -r BOOT </proc/sys/kernel/random/boot_id
    fi
    BOOT=${WATTLE_BOOT_ID:-$BOOT}
}

record_clear() { R_UUID=() R_PHASE=() R_PLAN=() R_NOW=() R_BEFORE=() R_PM=(); }

bad_record() {
    warn "$STATE is damaged; kept as $STATE.bad"
    mv -f -- "$STATE" "$STATE.bad" || die 1 "cannot move $STATE away"
    record_clear
}

# EARLIER=yes: what it held is of an earlier boot, and closed.
record_load() {
    local magic version boot uuid phase plan now before pm end
    record_clear
    EARLIER=no
    [ -e "$STATE" ] || return 0
    [ -r "$STATE" ] || die 4 "cannot read $STATE (run as root)"
    {
        IFS=$TAB read -r magic version boot
        if [ "${magic:-}" != wattle-clocks ] || [ "${version:-}" != 1 ]; then
            bad_record
            return 0
        fi
        end=no
        while IFS=$TAB read -r uuid phase plan now before pm; do
            if [ "$uuid" = end ]; then
                end=yes
                break
            fi
            if ! [[ $uuid =~ ^GPU-[0-9A-Za-z-]+$ && $phase =~ ^(pending|applied)$ &&
                $now =~ ^([0-9]+|-)/([0-9]+|-)$ && $before =~ ^([0-9]+|-)/([0-9]+|-)$ &&
                $pm =~ ^[01-]$ ]]; then
                bad_record
                return 0
            fi
            R_UUID+=("$uuid") R_PHASE+=("$phase") R_PLAN+=("$plan") R_NOW+=("$now")
            R_BEFORE+=("$before") R_PM+=("$pm")
        done
    } <"$STATE"
    boot_id
    if [ "$end" != yes ]; then
        bad_record
    elif [ "$boot" != "$BOOT" ]; then
        if [ "${#R_UUID[@]}" -gt 0 ]; then
            warn "the record is of an earlier boot: those locks ended with it; closed"
            EARLIER=yes
        fi
        record_clear
    fi
}

# Whole or not at all: temporary file, sync, rename, sync of the folder.
record_save() {
    local i text
    [ -d "$STATE_DIR" ] || mkdir -p -- "$STATE_DIR" || return 1
    boot_id
    text="wattle-clocks${TAB}1${TAB}$BOOT"
    for i in "${!R_UUID[@]}"; do
        text+=$'\n'"${R_UUID[i]}$TAB${R_PHASE[i]}$TAB${R_PLAN[i]}$TAB"
        text+="${R_NOW[i]}$TAB${R_BEFORE[i]}$TAB${R_PM[i]}"
    done
    text+=$'\nend'
    # What cannot be read back was not written, whatever a full disk says.
    if ! printf '%s\n' "$text" >"$STATE.new" || [ "$(<"$STATE.new")" != "$text" ]; then
        rm -f -- "$STATE.new"
        return 1
    fi
    sync -- "$STATE.new" 2>/dev/null || sync || return 1
    mv -f -- "$STATE.new" "$STATE" || return 1
    sync -- "$STATE_DIR" 2>/dev/null || sync
}

# record_find UUID: its entry in FOUND, -1 when there is none.
record_find() {
    local i
    FOUND=-1
    for i in "${!R_UUID[@]}"; do
        [ "${R_UUID[i]}" != "$1" ] || FOUND=$i
    done
}

record_drop() {
    unset "R_UUID[$1]" "R_PHASE[$1]" "R_PLAN[$1]" "R_NOW[$1]" "R_BEFORE[$1]" "R_PM[$1]"
}

can_write_state() {
    { [ -d "$STATE_DIR" ] || mkdir -p -- "$STATE_DIR"; } 2>/dev/null && [ -w "$STATE_DIR" ] &&
        { : >>"$STATE_DIR/lock"; } 2>/dev/null
}

# take_turn [undo]: one of us at a time. An undo goes on where nothing can be written (a full or
# read-only disk): putting clocks back matters more than the record of it.
take_turn() {
    if ! can_write_state; then
        if [ "${1:-}" != undo ] || [ "$EUID" -ne 0 ] || [ ! -r "$STATE" ]; then
            die 4 "cannot write to $STATE_DIR (run as root; is the disk full or read-only?)"
        fi
        warn "cannot write to $STATE_DIR: going on, the record will not tell of it"
        return 0
    fi
    if command -v flock >/dev/null; then
        exec 9>>"$STATE_DIR/lock"
        flock -w 30 9 || die 1 "another clocks.sh is at work"
    fi
}

# The record of an earlier boot is told of once.
close_earlier() {
    [ "$EARLIER" = no ] || record_save || warn "cannot write $STATE"
}

# ---- undoing ------------------------------------------------------------------------------------

# undo INDEX: puts one GPU back to the lock before; its entry changes or goes.
undo() {
    local i=$1 status=0
    local uuid=${R_UUID[i]} before=${R_BEFORE[i]} pm=${R_PM[i]}
    set_lock "$uuid" "${R_NOW[i]}" "$before" || status=$?
    if [ "$status" -eq 3 ] && [ "$before" = -/- ]; then
        warn "$uuid: it has no locked clocks: there is nothing to put back"
        status=0
    fi
    if [ "$status" -eq 0 ] && [ "$before" = -/- ] && [ "$pm" = 0 ]; then
        set_persistence "$uuid" 0 || status=$?
    fi
    if [ "$status" -ne 0 ]; then
        warn "$uuid is NOT put back; run '${0##*/} rollback' again (a GPU that is lost" \
            "loses its lock with the reset or reboot that it needs)"
        return "$status"
    fi
    if [ "$before" = -/- ]; then
        say "$uuid: reset to the driver's default (no lock was recorded before ours)"
        record_drop "$i"
    else
        say "$uuid: back to the recorded lock ${before%/*} MHz"
        R_PHASE[i]=applied R_NOW[i]=$before R_BEFORE[i]=-/- R_PLAN[i]=earlier
    fi
}

# undo_phase PHASE [UUID...]: undoes the entries of this phase, then saves the record.
undo_phase() {
    local phase=$1 i status=0 failed=0
    shift
    for i in "${!R_UUID[@]}"; do
        [ "${R_PHASE[i]}" = "$phase" ] || continue
        [ $# -eq 0 ] || is_one_of "${R_UUID[i]}" "$@" || continue
        undo "$i" || { status=$? failed=1; }
    done
    if ! record_save; then
        warn "cannot write $STATE: it still tells of locks that are undone; free space and run" \
            "'${0##*/} rollback' again"
        return 1
    fi
    [ "$failed" -eq 0 ] || return "$status"
}

is_one_of() {
    local word=$1 other
    shift
    for other; do
        [ "$word" != "$other" ] || return 0
    done
    return 1
}

# Entries of this phase, in COUNT.
count_phase() {
    local i
    COUNT=0
    for i in "${!R_UUID[@]}"; do
        [ "${R_PHASE[i]}" != "$1" ] || COUNT=$((COUNT + 1))
    done
}

# What an apply that was killed left half done. 0 also when there was nothing.
recover_pending() {
    count_phase pending
    [ "$COUNT" -gt 0 ] || return 0
    warn "an earlier apply was cut off; undoing it on $COUNT GPU(s)"
    undo_phase pending
}

# ---- commands -----------------------------------------------------------------------------------

# fold TEXT: letters and digits, lower case, in FOLDED: the key under which spellings meet.
fold() {
    FOLDED=${1//[^[:alnum:]]/}
    FOLDED=${FOLDED,,}
}

# same A B: whether two names meet.
same() {
    local a
    fold "$1"
    a=$FOLDED
    fold "$2"
    [ "$1" = "$2" ] || { [ -n "$a" ] && [ "$a" = "$FOLDED" ]; }
}

# find_plan NAME: its index in PLAN; by name, or by workload where that names one plan only.
find_plan() {
    local i n=0
    PLAN=-1
    for i in "${!PLAN_NAME[@]}"; do
        if [ "${PLAN_NAME[i]}" = "$1" ]; then
            PLAN=$i
            return 0
        fi
    done
    for i in "${!PLAN_NAME[@]}"; do
        if same "${PLAN_WORKLOAD[i]}" "$1"; then
            PLAN=$i
            n=$((n + 1))
        fi
    done
    if [ "$n" -ne 1 ]; then
        warn "there is no plan \"$1\"; the plans:"
        cmd_plans >&2
        exit 2
    fi
}

# is_type NAME TYPE: whether the type is a word, or words on end, of the board's name: "A100" is in
# "NVIDIA A100-PCIE-40GB", "A10" is not.
is_type() {
    local type words i k joined
    fold "$2"
    type=$FOLDED
    [ -n "$type" ] || return 1
    read -ra words <<<"${1//[^[:alnum:]]/ }"
    for i in "${!words[@]}"; do
        joined=
        for ((k = i; k < ${#words[@]}; k++)); do
            joined+=${words[k],,}
            [ "$joined" != "$type" ] || return 0
        done
    done
    return 1
}

# Targets of apply: the UUIDs that were named, or every GPU of the plan's type.
choose_targets() {
    local i uuid
    TARGET=()
    for uuid; do
        is_one_of "$uuid" "${GPU_UUID[@]}" || die 2 "this machine has no GPU $uuid"
    done
    for i in "${!GPU_UUID[@]}"; do
        if [ $# -gt 0 ]; then
            is_one_of "${GPU_UUID[i]}" "$@" || continue
            is_type "${GPU_NAME[i]}" "${PLAN_GPU[PLAN]}" ||
                warn "${GPU_UUID[i]} is a ${GPU_NAME[i]}, and the plan is for ${PLAN_GPU[PLAN]}:" \
                    "taken because it was named"
        else
            is_type "${GPU_NAME[i]}" "${PLAN_GPU[PLAN]}" || continue
        fi
        TARGET+=("$i")
    done
    [ "${#TARGET[@]}" -gt 0 ] ||
        die 3 "this machine has no GPU of type \"${PLAN_GPU[PLAN]}\"; name UUIDs to choose yourself"
}

# Nothing is changed before all targets are known to be able to.
check_targets() {
    local i uuid
    for i in "${TARGET[@]}"; do
        uuid=${GPU_UUID[i]}
        supported "$uuid" gr "${PLAN_CLOCK[PLAN]}" || exit $?
        if [ "${PLAN_MEMORY[PLAN]}" != - ]; then
            can_lock_memory "$uuid" || exit $?
            supported "$uuid" mem "${PLAN_MEMORY[PLAN]}" || exit $?
        fi
        warn_of_mig "$uuid"
    done
}

# A GPU that an earlier apply left half done and that could not be put back is not built upon; the
# other GPUs need not wait for it.
check_recovered() {
    local i
    for i in "${TARGET[@]}"; do
        record_find "${GPU_UUID[i]}"
        [ "$FOUND" -lt 0 ] || [ "${R_PHASE[FOUND]}" != pending ] ||
            die 1 "${GPU_UUID[i]} is half done and was not put back; name the other GPUs to leave it"
    done
}

# undo_targets: what this apply has begun.
undo_targets() {
    local i uuids=()
    for i in "${TARGET[@]}"; do
        uuids+=("${GPU_UUID[i]}")
    done
    undo_phase pending "${uuids[@]}"
}

# enter TARGET LOCK: its entry as it will be; the index in ENTRY, what it was in WAS. A GPU that has
# this lock already keeps its entry.
enter() {
    record_find "${GPU_UUID[$1]}"
    ENTRY=$FOUND WAS=()
    if [ "$FOUND" -lt 0 ]; then
        R_UUID+=("${GPU_UUID[$1]}")
        for ENTRY in "${!R_UUID[@]}"; do :; done
        R_PHASE[ENTRY]=pending R_PLAN[ENTRY]=${PLAN_NAME[PLAN]} R_NOW[ENTRY]=$2
        R_BEFORE[ENTRY]=-/- R_PM[ENTRY]=${GPU_PM[$1]}
    elif [ "${R_NOW[FOUND]}" != "$2" ]; then
        WAS=("${R_PLAN[FOUND]}" "${R_NOW[FOUND]}" "${R_BEFORE[FOUND]}")
        R_PHASE[FOUND]=pending R_PLAN[FOUND]=${PLAN_NAME[PLAN]}
        R_BEFORE[FOUND]=${R_NOW[FOUND]} R_NOW[FOUND]=$2
    fi
}

# leave: takes the last enter back, for a change that was refused before it began.
leave() {
    [ "${R_PHASE[ENTRY]}" = pending ] || return 0
    if [ "${#WAS[@]}" -eq 0 ]; then
        record_drop "$ENTRY"
    else
        R_PHASE[ENTRY]=applied R_PLAN[ENTRY]=${WAS[0]}
        R_NOW[ENTRY]=${WAS[1]} R_BEFORE[ENTRY]=${WAS[2]}
    fi
    record_save || warn "cannot write $STATE"
}

# change TARGET: on disk first, then on the GPU. GPUs that were not reached have no entry and are
# not touched when the others are undone.
change() {
    local want=${PLAN_CLOCK[PLAN]}/${PLAN_MEMORY[PLAN]} status=0 persisted=0
    enter "$1" "$want"
    if ! record_save; then
        leave
        return 1
    fi
    if [ "${GPU_PM[$1]}" = 0 ]; then
        set_persistence "${GPU_UUID[$1]}" 1 || status=$?
        persisted=1
    fi
    if [ "$status" -eq 0 ]; then
        set_lock "${GPU_UUID[$1]}" "$want" "$want" || status=$?
        [ "$persisted" -eq 0 ] || [ "$status" -eq 0 ] || return "$status"
    fi
    if [ "$status" -eq 4 ]; then leave; fi
    return "$status"
}

abandon() {
    trap '' INT TERM HUP
    warn "undoing what was done"
    undo_targets || true
    exit "$1"
}

cmd_apply() {
    local i done=()
    [ $# -ge 1 ] || die 2 "usage: ${0##*/} apply PLAN [GPU-UUID...]"
    find_plan "$1"
    shift
    command -v nvidia-smi >/dev/null || die 3 "there is no nvidia-smi on this machine"
    take_turn
    record_load
    recover_pending || true
    read_gpus
    choose_targets "$@"
    check_recovered
    check_targets
    trap 'abandon 130' INT
    trap 'abandon 143' TERM HUP
    for i in "${TARGET[@]}"; do
        change "$i" || abandon $?
    done
    for i in "${TARGET[@]}"; do
        record_find "${GPU_UUID[i]}"
        if [ "${R_PHASE[FOUND]}" = pending ]; then
            done+=("$FOUND")
            R_PHASE[FOUND]=applied
        fi
    done
    if ! record_save; then
        warn "cannot write $STATE"
        for i in "${done[@]}"; do
            R_PHASE[i]=pending
        done
        abandon 1
    fi
    trap - INT TERM HUP
    for i in "${TARGET[@]}"; do
        say "${GPU_UUID[i]} (${GPU_NAME[i]}): locked to ${PLAN_CLOCK[PLAN]} MHz"
    done
}

# reset_unknown UUID...: GPUs that were named but of which we have no record.
reset_unknown() {
    local uuid status=0
    for uuid; do
        record_find "$uuid"
        [ "$FOUND" -lt 0 ] || continue
        if set_lock "$uuid" -/- -/-; then
            say "$uuid: reset to the driver's default (we have no record of a lock of ours)"
        else
            status=1
        fi
    done
    return "$status"
}

cmd_rollback() {
    local word i status=0 uuids=()
    command -v nvidia-smi >/dev/null || die 3 "there is no nvidia-smi on this machine"
    take_turn undo
    record_load
    close_earlier
    count_phase pending
    if [ "$COUNT" -gt 0 ]; then
        recover_pending || exit $?
        [ $# -gt 0 ] || exit 0
    fi
    for word; do
        if [[ $word =~ ^GPU-[0-9A-Za-z-]+$ ]]; then
            uuids+=("$word")
        else
            find_plan "$word"
            for i in "${!R_UUID[@]}"; do
                [ "${R_PLAN[i]}" != "${PLAN_NAME[PLAN]}" ] || uuids+=("${R_UUID[i]}")
            done
        fi
    done
    # Without words: all that is recorded. With words that name nothing recorded: nothing, never all.
    [ $# -gt 0 ] || uuids=(${R_UUID[@]+"${R_UUID[@]}"})
    if [ "${#uuids[@]}" -eq 0 ]; then
        say "nothing recorded${*:+ for $*}, nothing to undo"
        return 0
    fi
    reset_unknown ${uuids[@]+"${uuids[@]}"} || status=1
    undo_phase applied ${uuids[@]+"${uuids[@]}"} || status=$?
    return "$status"
}

cmd_recover() {
    take_turn undo
    record_load
    close_earlier
    count_phase pending
    if [ "$COUNT" -eq 0 ]; then
        say "nothing to recover"
        return 0
    fi
    command -v nvidia-smi >/dev/null || die 3 "there is no nvidia-smi on this machine"
    recover_pending
}

cmd_status() {
    local i status=0
    record_load
    [ "${#R_UUID[@]}" -gt 0 ] || say "no lock of ours is recorded"
    for i in "${!R_UUID[@]}"; do
        if [ "${R_PHASE[i]}" = pending ]; then
            say "${R_UUID[i]}: an apply was cut off; run '${0##*/} recover'"
            status=1
        else
            say "${R_UUID[i]}: locked to ${R_NOW[i]%/*} MHz by plan ${R_PLAN[i]}" \
                "(before: ${R_BEFORE[i]%/*}), by our record"
        fi
    done
    command -v nvidia-smi >/dev/null || die 3 "there is no nvidia-smi on this machine"
    if smi --query-gpu=uuid,name,clocks.sm,clocks.mem,power.draw --format=csv,noheader; then
        printf '%s\n' "$OUTPUT"
    else
        warn "nvidia-smi does not answer: $(first_line "$OUTPUT")"
    fi
    return "$status"
}

# sample UUID: SM clock, GPU utilisation (-1: not told, as under MIG) and event reasons in S_CLOCK,
# S_BUSY, S_REASONS.
sample() {
    local status=0
    smi -i "$1" --query-gpu=clocks.sm,utilization.gpu,clocks_event_reasons.active \
        --format=csv,noheader,nounits || status=$?
    if [ "$status" -eq 3 ]; then # drivers before 535 have the old name
        status=0
        smi -i "$1" --query-gpu=clocks.sm,utilization.gpu,clocks_throttle_reasons.active \
            --format=csv,noheader,nounits || status=$?
    fi
    if [ "$status" -ne 0 ] || ! [[ $OUTPUT =~ ^\ *([0-9]+),\ *([0-9]+|\[N/A\]),\ *(0x[0-9A-Fa-f]+) ]]; then
        warn "$1: cannot read the clock: $(first_line "$OUTPUT")"
        return 1
    fi
    S_CLOCK=${BASH_REMATCH[1]} S_BUSY=${BASH_REMATCH[2]} S_REASONS=$((BASH_REMATCH[3]))
    [ "$S_BUSY" != "[N/A]" ] || S_BUSY=-1
}

# verify_one INDEX SAMPLES SECONDS: 0 held, 7 was never busy, 1 not held. Power, heat and hardware
# may hold a clock below its lock (event reasons 4, 8, 20, 40, 80 hex): that is not the lock's fault.
verify_one() {
    local i=$1 samples=$2 seconds=$3 want=${R_NOW[$1]%/*} k busy=0 good=0 held_down=0 off=0 blind=0
    for ((k = 0; k < samples; k++)); do
        [ "$k" -eq 0 ] || sleep "$seconds"
        sample "${R_UUID[i]}" || return 1
        # Where use is not told, the lock itself shows that the GPU works: idle clocks are lower.
        [ "$S_BUSY" -ge 0 ] || blind=1
        [ "$S_BUSY" -ge 20 ] || { [ "$S_BUSY" -lt 0 ] && [ $((want - S_CLOCK)) -le 15 ]; } || continue
        busy=$((busy + 1))
        if [ $((S_CLOCK - want)) -le 15 ] && [ $((want - S_CLOCK)) -le 15 ]; then
            good=$((good + 1))
        elif [ "$S_CLOCK" -lt "$want" ] && [ $((S_REASONS & 0xec)) -ne 0 ]; then
            held_down=$((held_down + 1))
        else
            off=$S_CLOCK
        fi
    done
    if [ "$busy" -eq 0 ] && [ "$blind" -eq 1 ]; then
        say "${R_UUID[i]}: undecided, the GPU does not tell whether it works (MIG?) and was below" \
            "$want MHz in all $samples samples"
        return 7
    fi
    if [ "$busy" -eq 0 ]; then
        say "${R_UUID[i]}: undecided, the GPU was idle in all $samples samples"
        return 7
    fi
    if [ "$off" -ne 0 ]; then
        say "${R_UUID[i]}: NOT held: $off MHz under load, the lock is $want MHz"
        return 1
    fi
    say "${R_UUID[i]}: held: $good of $busy busy samples at $want MHz," \
        "$held_down below it by power, heat or hardware"
}

cmd_verify() {
    local i one status=0
    local samples=${1:-20} seconds=${2:-0.5}
    [[ $samples =~ ^[1-9][0-9]*$ && $seconds =~ ^[0-9]+(\.[0-9]+)?$ ]] ||
        die 2 "usage: ${0##*/} verify [SAMPLES [SECONDS]]"
    record_load
    [ "${#R_UUID[@]}" -gt 0 ] || die 7 "no lock of ours is recorded: nothing to verify"
    count_phase pending
    [ "$COUNT" -eq 0 ] || die 1 "an apply was cut off; run '${0##*/} recover'"
    for i in "${!R_UUID[@]}"; do
        one=0
        verify_one "$i" "$samples" "$seconds" || one=$?
        [ "$one" -eq 0 ] || [ "$status" -eq 1 ] || status=$one
    done
    return "$status"
}

cmd_plans() {
    local i
    for i in "${!PLAN_NAME[@]}"; do
        printf '  %s  %s MHz for "%s" on %s\n' "${PLAN_NAME[i]}" "${PLAN_CLOCK[i]}" \
            "${PLAN_WORKLOAD[i]}" "${PLAN_GPU[i]}"
    done
}

usage() { sed -n '3,/^set /{/^set /d;s/^#  \{0,1\}//;s/^#$//;p;}' "$0"; }

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
apply) cmd_apply "$@" ;;
rollback) cmd_rollback "$@" ;;
recover) cmd_recover ;;
status) cmd_status ;;
verify) cmd_verify "$@" ;;
plans) cmd_plans ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac

#!/bin/sh
# Rehearses a restore and says how long each step took. It reads the Landform of this environment
# (LANDFORM_*, as `landform` does), adds one event to its audit trail, and changes nothing else of it.
#
#   deploy/rehearse-restore.sh FOLDER
#
# FOLDER is new; it gets a backup, a damaged copy, and a home in which the backup is restored on
# SQLite. Nothing is started there: a Landform that starts from a backup would act on the cloud.
set -eu

die() { echo "rehearsal: $*" >&2; exit 1; }
[ $# -eq 1 ] || die "name a new folder"
[ ! -e "$1" ] || die "$1 exists already"
mkdir -m 700 "$1"
work=$(cd "$1" && pwd)
checkout=$(cd "$(dirname "$0")/.." && pwd)
landform=${LANDFORM_COMMAND:-$checkout/.venv/bin/landform}
home=${LANDFORM_HOME:-var}

step() { # step SENTENCE EXPECTED-STATUS COMMAND...
  sentence=$1 expected=$2; shift 2
  began=$(date +%s) status=0
  "$@" >"$work/last.log" 2>&1 || status=$?
  if [ "$status" -ne "$expected" ]; then
    cat "$work/last.log" >&2
    die "$sentence: status $status instead of $expected"
  fi
  echo "ok: $sentence ($(($(date +%s) - began)) s)"
}

step "a backup is made" 0 "$landform" admin backup create "$work/backup"
step "it is whole" 0 "$landform" admin backup verify "$work/backup"

for kind in sql/users.jsonl manifest.json "$(cd "$work/backup" && find states -type f 2>/dev/null | head -n 1)"; do
  [ -n "$kind" ] || continue
  cp -R "$work/backup" "$work/damaged"
  printf 'X' | dd of="$work/damaged/$kind" bs=1 seek=20 conv=notrunc 2>/dev/null
  step "a changed byte in $kind is found" 1 "$landform" admin backup verify "$work/damaged"
  rm -R "$work/damaged"
done

# The second home: its own database and volume, and the same keys.
mkdir -m 700 "$work/home"
[ ! -f "$home/secrets.json" ] || cp "$home/secrets.json" "$work/home/"
unset LANDFORM_DATABASE_URL LANDFORM_STATE_ROOT LANDFORM_WORK_ROOT
export LANDFORM_HOME="$work/home"
if [ -n "${LANDFORM_STATE_S3_BUCKET:-}" ]; then
  export LANDFORM_STATE_S3_PREFIX="${LANDFORM_STATE_S3_PREFIX:-landform}-rehearsal-$(date +%s)"
  echo "note: states of the bucket are restored under $LANDFORM_STATE_S3_PREFIX; remove them later"
fi
status=0
began=$(date +%s)
"$landform" admin backup restore "$work/backup" >"$work/restore.log" 2>&1 || status=$?
[ "$status" -le 1 ] || { cat "$work/restore.log" >&2; die "the restore was refused"; }
echo "ok: the backup is restored ($(($(date +%s) - began)) s)"
step "a second restore over it is refused" 2 "$landform" admin backup restore "$work/backup"

step "the restored Landform is backed up" 0 "$landform" admin backup create "$work/again"
[ ! -d "$work/backup/states" ] || diff -r "$work/backup/states" "$work/again/states" ||
  die "states differ"
for table in api_tokens cloud_accounts projects state_versions user_identities users; do
  cmp "$work/backup/sql/$table.jsonl" "$work/again/sql/$table.jsonl" || die "$table differs"
done
echo "ok: its states and rows are those of the backup"
sed -n 's/^WARNING: /note: /p' "$work/restore.log"
echo "The rehearsal went well. Remove $work when you have looked at it."

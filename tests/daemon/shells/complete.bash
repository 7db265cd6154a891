#!/usr/bin/env bash
# complete.bash FILE LINE...: what completion offers for each line, separated by
# spaces, one line each.

# shellcheck source=/dev/null
source "$1" || exit
shift
complete -p scanlogd >/dev/null || exit
for COMP_LINE; do
  COMP_POINT=${#COMP_LINE}
  COMPREPLY=()
  _scanlogd
  echo "${COMPREPLY[*]}"
done

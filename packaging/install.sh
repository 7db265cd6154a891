#!/bin/sh
# Puts scanlogd and what belongs to it in place, and removes it. It needs
# nothing but a POSIX shell and its usual tools.
#
#     ./install [--prefix DIR]                install or update [/usr/local]
#     PREFIX/share/scanlogd/uninstall         remove
#
# DESTDIR in the environment stands before every path, for packagers.
#
# As packagers do, files below /etc are the administrator's: those that were
# changed are neither replaced nor removed. What was put where is recorded in
# PREFIX/share/scanlogd/installed, one file or directory a line.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
action=install
system=$(uname)
destination=${DESTDIR:-}
prefix=/usr/local
work=

die() {
  echo "$action: $*" >&2
  exit 1
}

cleanup() {
  status=$?
  if [ -n "$work" ]; then rm -rf "$work"; fi
  exit "$status"
}

# Paths end up in files that a shell and systemd read.
check_directory() {
  case $2 in
    / | *//* | */./* | */../* | */. | */.. | *[!A-Za-z0-9_.+/-]*) ;;
    /*) return 0 ;;
  esac
  die "$1 must be an absolute path of letters, digits and ._+-, got \"$2\""
}

# strip_slashes PATH: sets stripped.
strip_slashes() {
  stripped=$1
  while [ "$stripped" != "${stripped%/}" ]; do stripped=${stripped%/}; done
  if [ -z "$stripped" ]; then stripped=$1; fi
}

read_arguments() {
  # The copy that an installation has put next to its record.
  case $0 in */uninstall) action=uninstall prefix=${here%/share/scanlogd} ;; esac
  while [ $# -gt 0 ]; do
    case $1 in
      --install | --uninstall) action=${1#--} ;;
      --prefix)
        [ $# -gt 1 ] || die "--prefix needs a path, such as --prefix /usr/local"
        shift && prefix=$1
        ;;
      --prefix=*) prefix=${1#--prefix=} ;;
      -h | --help) usage && exit 0 ;;
      *) die "unknown argument $1; possible: --prefix DIR, --uninstall" ;;
    esac
    shift
  done
  check_paths
}

usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

check_paths() {
  strip_slashes "$prefix"
  prefix=$stripped
  check_directory --prefix "$prefix"
  if [ -z "$destination" ]; then return; fi
  strip_slashes "$destination"
  destination=$stripped
  check_directory DESTDIR "$destination"
  prefix=${prefix#"$destination"}
}

# digests FILE...: a line for each that begins with its SHA-256; macOS has
# another tool for it.
digests() {
  sha256sum "$@" 2>/dev/null || shasum -a 256 "$@" 2>/dev/null ||
    die "there is neither sha256sum nor shasum; install one of them"
}

# has_digest FILE DIGEST
has_digest() {
  sum=$(digests "$1")
  [ "${sum%% *}" = "$2" ]
}

# place FILE: sets path to where a file of ours goes.
place() {
  case $1 in
    prefix/*) path=$prefix/${1#prefix/} ;;
    etc/*) path=/$1 ;;
    system/*)
      # systemd looks below these prefixes, and else only where /etc is.
      case $prefix in
        /usr | /usr/local) path=$prefix/lib/${1#system/} ;;
        *) path=/etc/${1#system/} ;;
      esac
      ;;
  esac
}

is_configuration() {
  case $1 in /etc/*) true ;; *) false ;; esac
}

# Sets record, and old to what it says; empty if nothing is installed.
read_record() {
  record=$prefix/share/scanlogd/installed
  old=$work/old
  if [ -f "$destination$record" ]; then
    cat "$destination$record" >"$old"
  elif [ -f "$destination$record.json" ]; then
    # As version 0.1.0 wrote it.
    sed -n 's/^ *"\(\/[^"]*\)": "\([0-9a-f]*\)",\{0,1\}$/file \2 \1/p
      s/^ *"\(\/[^"]*\)",\{0,1\}$/directory - \1/p' "$destination$record.json" >"$old"
  else
    : >"$old"
  fi
}

# recorded PATH: the digest that a file of ours had; nothing if it is not ours.
recorded() {
  sed -n "s|^file \([0-9a-f]*\) $1\$|\1|p" "$old"
}

# Writes each file of ours, with the prefix in it, below $work/new, by its path.
prepare_files() {
  [ -d "$here/files" ] ||
    die "there is nothing to install beside $0; unpack the whole archive"
  : >"$work/list"
  (cd "$here/files" && find . -type f | sed 's|^\./||' | LC_ALL=C sort) >"$work/names"
  while read -r name; do
    if ! is_wanted "$name"; then continue; fi
    place "$name"
    echo "$path" >>"$work/list"
    [ -d "$work/new${path%/*}" ] || mkdir -p "$work/new${path%/*}"
    prepare "$here/files/$name" "$work/new$path"
  done <"$work/names"
}

# Other systems have neither systemd nor the same rc scripts.
is_wanted() {
  case $1 in
    prefix/*) true ;;
    *) [ "$system" = Linux ] ;;
  esac
}

# The files name the executable as if the prefix were /usr.
prepare() {
  case $1 in
    */sbin/scanlogd) cp "$1" "$2" ;;
    *) sed "s|/usr/sbin/scanlogd|$prefix/sbin/scanlogd|g" "$1" >"$2" ;;
  esac
  if [ -x "$1" ]; then chmod 755 "$2"; fi
}

# A file of another package or of somebody's own is not ours to replace.
refuse_foreign_files() {
  while read -r path; do
    if is_configuration "$path" || [ ! -e "$destination$path" ] ||
      cmp -s "$destination$path" "$work/new$path" ||
      [ -n "$(recorded "$path")" ]; then continue; fi
    find_owner "$path"
    die "$destination$path is not ours$owner; remove it, or choose another --prefix"
  done <"$work/list"
}

# find_owner PATH: sets owner to " (package NAME)" if a package has it.
find_owner() {
  owner=
  if [ -n "$destination" ]; then return; fi
  if command -v dpkg-query >/dev/null; then
    owner=$(dpkg-query -S "$1" 2>/dev/null | sed -n '1s/: .*//p')
  elif command -v rpm >/dev/null; then
    owner=$(rpm -qf --queryformat '%{NAME}' "$1" 2>/dev/null) || owner=
  fi
  if [ -n "$owner" ]; then owner=" (package $owner)"; fi
}

# stays PATH: whether a file below /etc is not to be replaced; says so.
stays() {
  if ! is_configuration "$1" || [ ! -e "$destination$1" ] ||
    cmp -s "$destination$1" "$work/new$1"; then return 1; fi
  known=$(recorded "$1")
  if [ -z "$known" ]; then
    find_owner "$1"
    echo "$1 is not ours$owner: it stays as it is"
  elif has_digest "$destination$1" "$known"; then
    return 1
  else
    echo "$1 was changed: it stays as it is"
    echo "file $known $1" >>"$work/record"
  fi
}

install_files() {
  grep '^directory ' "$old" >"$work/directories" || true
  : >"$work/record"
  list_digests >"$work/digests"
  while read -r path && read -r digest _ <&3; do
    if stays "$path"; then continue; fi
    put "$path" "$work/new$path"
    echo "file $digest $path" >>"$work/record"
  done <"$work/list" 3<"$work/digests"
}

# Those of all files of ours, in the order of the list.
list_digests() {
  set --
  while read -r path; do set -- "$@" ".$path"; done <"$work/list"
  (cd "$work/new" && digests "$@")
}

# put PATH FILE: at once, for it may be a program that runs.
put() {
  make_parents "$1"
  { cp -p "$2" "$destination$1.part" &&
    mv -f "$destination$1.part" "$destination$1"; } ||
    die "cannot write $destination$1; are you root?"
}

# make_parents PATH: makes the directories above it, and records them.
make_parents() {
  parent=
  rest=${1#/}
  while [ "$rest" != "${rest#*/}" ]; do
    parent=$parent/${rest%%/*}
    rest=${rest#*/}
    if [ -d "$destination$parent" ]; then continue; fi
    mkdir -m 755 "$destination$parent" ||
      die "cannot make $destination$parent; are you root?"
    echo "directory - $parent" >>"$work/directories"
  done
}

# remove_files LIST: but not changed configuration; says what it leaves.
remove_files() {
  while read -r kind known path; do
    if [ "$kind" != file ] || [ ! -e "$destination$path" ]; then continue; fi
    if is_configuration "$path" && ! has_digest "$destination$path" "$known"; then
      echo "$path was changed: it stays where it is"
    else
      rm -f "$destination$path" || die "cannot remove $destination$path; are you root?"
    fi
  done <"$1"
}

# What an earlier version had and this one has not.
remove_old_files() {
  cut -d ' ' -f 3 "$work/record" | cat - "$work/list" >"$work/kept"
  awk 'NR == FNR { kept[$0]; next } $1 == "file" && !($3 in kept)' \
    "$work/kept" "$old" >"$work/gone"
  remove_files "$work/gone"
  rm -f "$destination$record.json"
}

write_record() {
  make_parents "$record"
  cat "$work/record" "$work/directories" >"$work/installed"
  chmod 644 "$work/installed"
  put "$record" "$work/installed"
}

install_all() {
  if [ -n "$destination" ]; then
    mkdir -p "$destination" || die "cannot make DESTDIR $destination"
  fi
  read_record
  prepare_files
  refuse_foreign_files
  install_files
  remove_old_files
  write_record
  if [ -z "$destination" ]; then print_next_steps; fi
}

print_next_steps() {
  if [ "$system" != Linux ]; then return; fi
  cat <<END
With systemd, next:
  systemd-sysusers scanlogd.conf
  systemd-tmpfiles --create scanlogd.conf
  systemctl daemon-reload
  systemctl enable --now scanlogd
  systemctl try-restart rsyslog
Without systemd:
  useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin scanlogd
  mkdir -p -m 755 /var/empty
  update-rc.d scanlogd defaults
  /etc/init.d/scanlogd start
To remove it again: $prefix/share/scanlogd/uninstall
END
}

# What would be left dangling.
refuse_while_enabled() {
  if [ -L "$destination/etc/systemd/system/multi-user.target.wants/scanlogd.service" ]; then
    die "the service is enabled; first: systemctl disable --now scanlogd"
  fi
  if [ -z "$(recorded /etc/init.d/scanlogd)" ]; then return; fi
  for link in "$destination"/etc/rc[0-6].d/[KS][0-9][0-9]scanlogd; do
    if [ ! -L "$link" ]; then continue; fi
    die "the service is enabled; first: /etc/init.d/scanlogd stop; update-rc.d -f scanlogd remove"
  done
}

uninstall_all() {
  read_record
  [ -s "$old" ] ||
    die "nothing is installed below $destination$prefix: there is no $destination$record"
  refuse_while_enabled
  remove_files "$old"
  rm -f "$destination$record" "$destination$record.json"
  remove_directories
  if [ -z "$destination" ]; then tell_what_is_left; fi
}

# Those with files of others in them stay; inner ones come last in the record.
remove_directories() {
  sed -n 's/^directory - //p' "$old" | LC_ALL=C sort -r |
    while read -r path; do
      rmdir "$destination$path" 2>/dev/null || true
    done
}

# Nothing of this was made by the installation itself.
tell_what_is_left() {
  if [ "$system" != Linux ]; then return; fi
  cat <<END
If you made them and nothing else needs them, remove what the service used:
  userdel scanlogd
  rmdir /var/empty
  rm -rf /var/log/scanlogd /var/log/scanlogd.log*
  systemctl daemon-reload
END
}

read_arguments "$@"
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
work=$(mktemp -d)
umask 022
"${action}_all"

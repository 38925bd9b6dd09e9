#!/usr/bin/env bash
# Process 1 around the emulator of a Xen host, so that everything ends with it. Its argument is the host's directory, which
# belongs to it from now on. A line on standard input starts the words in the file `command` there, one a line. It lives until
# standard input ends or SIGTERM comes.
dir=$1
exec 3<&0 < /dev/null

finish() {
  trap '' TERM
  kill -KILL -1
  wait
  rm -rf "$dir"
  exit 0
}
trap finish TERM

read -r _ <&3 || finish
mapfile -t command < "$dir/command"
(
  "${command[@]}" > "$dir/qemu.log" 2>&1
  echo "it ended with $?" >> "$dir/qemu.log"
  touch "$dir/ended"
) &
cat <&3 > /dev/null &
wait $! || true
finish

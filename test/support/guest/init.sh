#!/bin/busybox sh
# The guest's only program: loads its drivers, then obeys one-line commands from its console.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
  [ -f "/modules/$module.ko" ] && insmod "/modules/$module.ko"
done < /modules/order

# The power button turns the machine off.
mkdir -p /etc/acpi/PWRF
printf '#!/bin/sh\npoweroff -f\n' > /etc/acpi/PWRF/00000080
chmod +x /etc/acpi/PWRF/00000080
acpid -c /etc/acpi -l /dev/null
ip link set eth0 up 2>/dev/null
for word in $(cat /proc/cmdline); do
  case $word in guest.address=*) ip address add "${word#*=}" dev eth0 ;; esac
done

# Nobody writes into it: reading it waits without a process of its own.
mkfifo /pause
exec 9<>/pause
pause() { read -r -t "$1" _ <&9; }

# Sets now: hundredths of a second since boot.
look_at_clock() {
  read -r now _ < /proc/uptime
  now=${now%.*}${now#*.}
}

# steadily write|read DISK KIB_PER_SECOND: in pieces of 64 KiB past the page cache, over and over the disk, until told to
# stop. /load-DISK has how many bytes are done. What a pause of the machine left undone is not caught up, but for a second.
steadily() {
  read -r blocks < "/sys/block/$2/size"
  blocks=$((blocks / 128)) at=0 bytes=0 owed=0
  look_at_clock
  last=$now
  until [ -e "/load-$2.stop" ]; do
    look_at_clock
    owed=$((owed + (now - last) * $3))
    last=$now
    [ "$owed" -le $((100 * $3)) ] || owed=$((100 * $3))
    count=$((owed / 6400))
    [ "$count" -le $((blocks - at)) ] || count=$((blocks - at))
    if [ "$count" -gt 0 ]; then
      if [ "$1" = write ]; then
        dd if=/dev/zero of="/dev/$2" bs=64k count="$count" seek="$at" oflag=direct conv=notrunc 2>/dev/null
      else
        dd if="/dev/$2" of=/dev/null bs=64k count="$count" skip="$at" iflag=direct 2>/dev/null
      fi && bytes=$((bytes + count * 65536))
      owed=$((owed - count * 6400)) at=$(((at + count) % blocks))
      echo "$bytes" > "/load-$2"
    fi
    pause 0.1
  done
  mv "/load-$2.stop" "/load-$2.stopped"
}

# scattered DISK KIB_PER_SECOND: writes pieces of 4 KiB at places by chance; otherwise as above.
scattered() {
  read -r blocks < "/sys/block/$1/size"
  blocks=$((blocks / 8)) bytes=0 owed=0
  look_at_clock
  last=$now
  until [ -e "/load-$1.stop" ]; do
    look_at_clock
    owed=$((owed + (now - last) * $2))
    last=$now
    [ "$owed" -le $((100 * $2)) ] || owed=$((100 * $2))
    while [ "$owed" -ge 400 ]; do
      dd if=/dev/zero of="/dev/$1" bs=4k count=1 seek=$(((RANDOM * 32768 + RANDOM) % blocks)) oflag=direct conv=notrunc 2>/dev/null &&
        bytes=$((bytes + 4096))
      owed=$((owed - 400))
    done
    echo "$bytes" > "/load-$1"
    pause 0.1
  done
  mv "/load-$1.stop" "/load-$1.stopped"
}

# copied DISK: writes whole MiB over and over the disk as fast as it takes them; otherwise as above.
copied() {
  read -r blocks < "/sys/block/$1/size"
  blocks=$((blocks / 2048)) at=0 bytes=0
  until [ -e "/load-$1.stop" ]; do
    count=$((blocks - at < 8 ? blocks - at : 8))
    dd if=/dev/zero of="/dev/$1" bs=1M count="$count" seek="$at" oflag=direct conv=notrunc 2>/dev/null &&
      bytes=$((bytes + count * 1048576))
    at=$(((at + count) % blocks))
    echo "$bytes" > "/load-$1"
  done
  mv "/load-$1.stop" "/load-$1.stopped"
}

# Says a number ten times a second.
beat() {
  number=0
  until [ -e /beat.stop ]; do
    number=$((number + 1))
    echo "beat $number"
    pause 0.1
  done
  rm /beat.stop
}

# The first serial port with QEMU, hvc0 with Xen.
read -r console < /sys/class/tty/console/active
console=/dev/${console##* }
stty -F "$console" raw -echo
exec < "$console" > "$console" 2>&1
echo ready
while read -r verb a b c; do
  case $verb in
    # write DISK MIB [SKIP]: whole MiB past the page cache, then a flush
    write) dd if=/dev/zero of="/dev/$a" bs=1M count="$b" seek="${c:-0}" oflag=direct conv=notrunc 2>/dev/null; sync ;;
    # read DISK MIB
    read) dd if="/dev/$a" of=/dev/null bs=1M count="$b" iflag=direct 2>/dev/null ;;
    # trickle DISK: 4 KiB now and then, until told to rest
    trickle) (while :; do dd if=/dev/zero of="/dev/$a" bs=4k count=1 oflag=direct conv=notrunc 2>/dev/null; usleep 100000; done) & ;;
    # drip DISK: 4 KiB writes without a pause, at the rate that the host lets through
    drip) (while :; do dd if=/dev/zero of="/dev/$a" bs=4k oflag=direct conv=notrunc 2>/dev/null; done) & ;;
    # load write|read|scatter DISK KIB_PER_SECOND, load copy DISK: until told to unload that disk
    load)
      rm -f "/load-$b".*
      echo 0 > "/load-$b"
      case $a in
        copy) copied "$b" & ;;
        scatter) scattered "$b" "$c" & ;;
        *) steadily "$a" "$b" "$c" & ;;
      esac
      ;;
    # stamp DISK: a number that only grows into its first sector, ten times a second, from the one on
    stamp) (number=$b; while :; do number=$((number + 1)); printf '%-512s' "stamp $number" | dd of="/dev/$a" bs=512 count=1 iflag=fullblock oflag=direct conv=notrunc 2>/dev/null; usleep 100000; done) & ;;
    # loaded DISK: bytes that its load came to so far
    loaded) echo "bytes $(cat "/load-$a")" ;;
    # unload DISK: ends its load and says what it came to
    unload) : > "/load-$a.stop"; until [ -e "/load-$a.stopped" ]; do pause 0.02; done; echo "bytes $(cat "/load-$a")" ;;
    # stat DISK: what its kernel counts of it; see Documentation/block/stat.rst of Linux
    stat) echo "stat $(cat "/sys/block/$a/stat")" ;;
    # beat [off]
    beat) if [ "$a" = off ]; then : > /beat.stop; else beat & fi ;;
    # burn SECONDS of CPU
    burn) timeout "$a" sh -c 'while :; do :; done' ;;
    rest) kill $(jobs -p) 2>/dev/null ;;
  esac
  echo "done $verb"
done

#!/bin/busybox sh
# The guest's only program: loads its drivers, then obeys one-line commands from the first serial port.
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

stty -F /dev/ttyS0 raw -echo
exec < /dev/ttyS0 > /dev/ttyS0 2>&1
echo ready
while read -r verb a b c; do
  case $verb in
    # write DISK MIB [SKIP]: whole MiB past the page cache, then a flush
    write) dd if=/dev/zero of="/dev/$a" bs=1M count="$b" seek="${c:-0}" oflag=direct conv=notrunc 2>/dev/null; sync ;;
    # read DISK MIB
    read) dd if="/dev/$a" of=/dev/null bs=1M count="$b" iflag=direct 2>/dev/null ;;
    # trickle DISK: 4 KiB now and then, until told to rest
    trickle) (while :; do dd if=/dev/zero of="/dev/$a" bs=4k count=1 oflag=direct conv=notrunc 2>/dev/null; usleep 100000; done) & ;;
    # burn SECONDS of CPU
    burn) timeout "$a" sh -c 'while :; do :; done' ;;
    rest) kill $(jobs -p) 2>/dev/null ;;
  esac
  echo "done $verb"
done

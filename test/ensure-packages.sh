#!/usr/bin/env bash
# Debian packages that the tests start real servers from; with the word `xen`, those of the Xen lab too. As root it installs
# those that are missing; otherwise it prints the line that does, and fails.
set -euo pipefail
packages=(
  qemu-system-x86 qemu-utils qemu-block-extra seabios ipxe-qemu tgt
  libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients
  busybox-static cpio zstd iproute2 util-linux procps
  golang-go golang-github-vmware-govmomi-dev
  influxdb victoria-metrics prometheus-alertmanager
  chromium fonts-dejavu-core
  systemd shellcheck
  strace libnbd-bin e2fsprogs mount
  gcc libc6-dev libfuse3-dev nbdkit
  openssh-client openssh-server netcat-openbsd socat perl-base python3-minimal
  lvm2 smartmontools
)
case " $* " in
  *' xen '*) packages+=(mmdebstrap xz-utils lz4) ;;
esac
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "The tests need Debian packages that are not installed. Run as root:" >&2
  echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"

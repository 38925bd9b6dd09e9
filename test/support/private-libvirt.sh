# Sourced by process 1 of a private world: `private_libvirt ROOT CACHE` gives its mount namespace directories of its own
# wherever libvirt writes. They lie in ROOT, so that sockets and logs can be reached from outside; the cache of what QEMU
# can do is shared, since finding that out takes seconds.
private_libvirt() {
  local place
  mount -t tmpfs tmpfs /run
  mkdir /run/libvirt
  for place in /var/lib /var/log /var/cache; do
    # Nothing is made on the real disk: where libvirt has no directory, its parent is hidden.
    [ -d "$place/libvirt" ] || { mount -t tmpfs tmpfs "$place" && mkdir "$place/libvirt"; }
  done
  mount --bind "$1/run" /run/libvirt
  mount --bind "$1/etc" /etc/libvirt
  mount --bind "$1/lib" /var/lib/libvirt
  mount --bind "$1/log" /var/log/libvirt
  mount --bind "$2" /var/cache/libvirt
  private_users "$1"
}

# libvirt's QEMU driver wants its user to exist, also where it runs nothing as that one. Debian makes it with
# libvirt-daemon-system, which a test needs nothing else of.
private_users() {
  getent passwd libvirt-qemu > /dev/null && return
  { cat /etc/passwd; echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin'; } > "$1/passwd"
  { cat /etc/group; echo 'libvirt-qemu:x:64055:'; } > "$1/group"
  mount --bind "$1/passwd" /etc/passwd
  mount --bind "$1/group" /etc/group
}

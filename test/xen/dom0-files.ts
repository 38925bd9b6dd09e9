import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** What no package brings, because none of them was configured. */
const files = {
  'etc/passwd': `root:*:0:0:root:/root:/bin/bash
sshd:*:100:65534::/run/sshd:/usr/sbin/nologin
nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`,
  'etc/group': `root:x:0:
tty:x:5:
disk:x:6:
libvirt:x:101:
nogroup:x:65534:
`,
  'etc/nsswitch.conf': `passwd: files
group: files
hosts: files
`,
  'etc/hostname': 'xenlab\n',
  'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 xenlab\n',
  'etc/ssh/sshd_config': `HostKey /lab/ssh/host-key
AuthorizedKeysFile /lab/ssh/authorized-keys .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
UseDNS no
MaxSessions 100
SetEnv PATH=/usr/lib/xen-4.17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/busybox
`,
  // As Debian has it: root reads and writes, everybody reads.
  'etc/libvirt/libvirtd.conf': `auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0777"
unix_sock_rw_perms = "0770"
unix_sock_group = "libvirt"
`,
} as const

const directories = [
  'data',
  'dev',
  'lab',
  'proc',
  'root',
  'run',
  'sys',
  'tmp',
  'usr/lib/busybox',
  'usr/local',
  'var/lib/xen',
  'var/lib/libvirt',
  'var/log/libvirt',
  'var/log/xen',
]

/** Drivers of libvirt other than Xen's: they would look for their hypervisors at each start, for seconds. */
const otherDrivers = /^libvirt_driver_(?!libxl\.so$)/
const driverDirectory = 'usr/lib/x86_64-linux-gnu/libvirt/connection-driver'

/** Makes a root that boots out of unpacked packages. */
export async function writeDom0Files(tree: string): Promise<void> {
  for (const name of directories) await mkdir(path.join(tree, name), { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(tree, name), text)
  for (const name of await readdir(path.join(tree, driverDirectory))) {
    if (otherDrivers.test(name)) await rm(path.join(tree, driverDirectory, name))
  }
  if (!existsSync(path.join(tree, 'bin/sh'))) await symlink('dash', path.join(tree, 'bin/sh'))
  for (const [name, target] of Object.entries({ 'var/run': '/run', 'var/lock': '/run/lock' })) {
    // Directories in some packages.
    await rm(path.join(tree, name), { recursive: true, force: true })
    await symlink(target, path.join(tree, name))
  }
}

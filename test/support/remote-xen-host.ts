import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { buildTree, type Tree } from '../fixtures/proc/build-tree.js'
import { dom0, xenAnswers, type FakeDomain, type FakeXen } from '../fixtures/xen/fake-xen.js'
import { startFakeDaemon, type FakeDaemon } from './libvirt-fake-daemon.js'
import { SshServer, type SshServerOptions } from './ssh-server.js'

/**
 * A Xen host as another machine meets it: a real sshd, the reader on a tree that is written by hand or recorded, and a fake
 * libvirt daemon behind it.
 */
export interface RemoteXenHost {
  readonly tree: Tree
  /** Directory that the reader shows as the root. */
  readonly root: string
  readonly xen: FakeXen
  readonly daemon: FakeDaemon
  readonly sshd: SshServer
  /** Replaces a file of the tree. */
  set(file: string, text: string): void
  /** Ends libvirt's socket, or gives it back. */
  libvirt(is: 'away' | 'there'): void
  stop(): Promise<void>
}

export async function startRemoteXenHost(
  table: string | Tree,
  xen: FakeXen,
  options: SshServerOptions = {},
): Promise<RemoteXenHost> {
  const tree = typeof table === 'string' ? buildTree(table) : table
  const root = path.dirname(tree.procRoot)
  const daemon = await startFakeDaemon(xenAnswers(xen))
  const sshd = await SshServer.start({ root, ...options })
  const socket = path.join(root, 'run/libvirt/libvirt-sock-ro')
  mkdirSync(path.dirname(socket), { recursive: true })
  symlinkSync(daemon.path, socket)
  return {
    tree,
    root,
    xen,
    daemon,
    sshd,
    set(file, text) {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
      writeFileSync(path.join(root, file), `${text}\n`)
    },
    libvirt(is) {
      rmSync(socket, { force: true })
      if (is === 'there') symlinkSync(daemon.path, socket)
      else for (const connection of daemon.connections) connection.destroy()
    },
    async stop() {
      await sshd.stop()
      await daemon.stop()
      tree.remove()
    },
  }
}

/**
 * The five VMs of the elab host in test/fixtures/xen/elab-trees.ts.
 * @param kind a hexadecimal digit: VMs of another one are other VMs
 */
export function elabXen(kind = '0'): FakeXen {
  const disks: readonly (readonly [id: number, name: string, source: string])[] = [
    [5, 'maxwell', "<disk type='block'><source dev='/dev/elab/maxwell'/>"],
    [6, 'tesla', "<disk type='block'><source dev='/dev/elab/tesla'/>"],
    [7, 'bell', "<disk type='block'><source dev='/dev/local/bell'/>"],
    [8, 'kohaku', "<disk type='file'><source file='/images/kohaku.img'/>"],
    [9, 'panda', "<disk type='block'><source dev='/dev/sda3'/>"],
  ]
  const domains = disks.map(([id, name, disk]): FakeDomain => {
    const uuid = `0000000${kind}-0000-4000-8000-${String(id).padStart(12, '0')}`
    const xml = `<domain><name>${name}</name><uuid>${uuid}</uuid><memory>524288</memory><devices>
      ${disk}<target dev='xvda'/></disk></devices></domain>`
    return { name, uuid, id, state: 1, reason: 1, memoryKib: 524_288, cpuNanoseconds: 2_000_000_000n, vcpus: 1, xml }
  })
  return {
    capabilitiesXml: '<capabilities><host/></capabilities>',
    machine: { memoryKib: 8 * 2 ** 20, cpus: 4, mhz: 2400 },
    freeBytes: 2 ** 30,
    domains: [{ ...dom0 }, ...domains],
  }
}

/** What the elab trees leave out of a machine: its own figures, written by hand, and a boot id. */
export const elabMachine = (bootId: string, uptimeSeconds: number): string => String.raw`
  proc/cpuinfo = processor : 0\nmodel name : Intel(R) Xeon(R) CPU X3430
  proc/sys/kernel/osrelease = 2.6.18-238.el5xen
  proc/sys/kernel/hostname = xenhv01
  proc/sys/kernel/random/boot_id = ${bootId}
  proc/stat = cpu 1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7
  proc/loadavg = 0.33 0.23 0.14 1/80 11206
  proc/meminfo = MemTotal: 526820 kB\nMemFree: 1000 kB
  proc/vmstat = pswpin 3\npswpout 4
  proc/uptime = ${uptimeSeconds}.0 5.0
  proc/net/dev = Inter-| Receive\n face |bytes\neth0:1000 2 3 4 0 0 0 0 5000 6 7 8 0 0 0 0
  proc/diskstats = 8 0 sda 100 0 200 300 400 0 500 600 0 700 800\n8 16 sdb 1000 0 2000 3000 4000 0 5000 6000 0 7000 8000\n253 3 dm-3 10 0 20 30 40 0 50 60 0 70 80`

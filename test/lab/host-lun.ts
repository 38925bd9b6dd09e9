import type { ChildProcess } from 'node:child_process'

import { waitFor } from '../support/wait-for.js'
import type { LabHost } from './lab-host.js'
import { portalAddress } from './plan.js'

/** A LUN that a host itself uses, as a file: what goes there goes through a session of its own at the target. */
export interface HostLun {
  /** Inside the machine. */
  readonly file: string
  stop(): Promise<void>
}

const directory = '/run/luns'

/**
 * There is no iSCSI initiator in the kernel: QEMU's storage daemon logs in, and FUSE makes it a file.
 * @param name of the file; after target and LUN if absent
 */
export async function attachLun(
  host: LabHost,
  iqn: string,
  lun: number,
  name = `${iqn.replaceAll(/[^\w.-]/g, '_')}-${lun}`,
): Promise<HostLun> {
  const file = `${directory}/${name}`
  await host.run(['mkdir', '-p', directory])
  await host.run(['touch', file])
  const place = `driver=iscsi,transport=tcp,portal=${portalAddress}:3260,target=${iqn},lun=${lun}`
  const daemon = [
    '/usr/bin/qemu-storage-daemon',
    `--blockdev=${place},node-name=lun,cache.direct=on`,
    `--export=type=fuse,id=file,node-name=lun,mountpoint=${file},writable=on`,
    `--pidfile=${file}.pid`,
  ]
  const child = host.start(daemon, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done())
  })
  await waitFor(15_000, `${iqn}/${lun} on ${host.name}`, async () => mounted(host, file, child))
  return {
    file,
    stop: async () => {
      await host.run(['sh', '-c', `kill "$(cat ${file}.pid)"`]).catch(() => undefined)
      await ended
    },
  }
}

async function mounted(host: LabHost, file: string, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`qemu-storage-daemon of ${host.name} ended with ${child.exitCode}`)
  return host.run(['mountpoint', '--quiet', file]).then(
    () => true,
    () => false,
  )
}

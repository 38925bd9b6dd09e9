import { randomUUID } from 'node:crypto'

import type { Log } from '../../../common/log.js'
import { underOwnId, type HostIds } from '../../host-ids.js'
import { factsInFiles } from '../../host/facts-in-files.js'
import { linuxMachine } from '../../host/linux-machine.js'
import { defaultRoots } from '../../host/roots.js'
import { waitAtMost } from '../../host/wait-at-most.js'
import type { Machine } from '../../schedule/host-loop.js'
import { createArrayResolver } from '../../storage/array-resolver.js'
import { openStorageHealth, type StorageHealthSettings } from '../../storage/health/open-storage-health.js'
import { HypervisorUnavailable, type Hypervisor } from '../hypervisor.js'
import { openLibvirt } from '../libvirt/driver.js'
import type { Endpoint } from '../libvirt/endpoint.js'
import { dom0Machine } from '../xen/dom0-machine.js'
import { openXen } from '../xen/driver.js'
import type { XenToolWord } from '../xen/xen-tools.js'
import { ReaderStream } from './reader-stream.js'
import { remoteActing } from './remote-acting.js'
import { RemoteHypervisor } from './remote-hypervisor.js'
import { remoteMachine } from './remote-machine.js'
import { RemoteReader } from './remote-reader.js'
import { remoteXenTools } from './remote-xen-tools.js'
import type { SshTarget } from './ssh-arguments.js'
import { SshLink } from './ssh-link.js'

export interface RemoteOptions {
  readonly target: SshTarget
  /** The same host by a key that may act. Absent: its VMs are only read. */
  readonly acting?: SshTarget | undefined
  /** What of the host is read: libvirt by its address, or the text of Xen's own tools. */
  readonly read: 'qemu:///system' | 'xen:///system' | 'xen-tools'
  /** Shown to people; what the host calls itself if absent. */
  readonly name: string | undefined
  readonly hostIds: HostIds
  /** The entry's name among them. */
  readonly entry: string
  readonly storageHealth: StorageHealthSettings
  readonly log: Log
  readonly now: () => number
  /** Gives up the first contact; after that it means nothing. */
  readonly signal: AbortSignal
  readonly monotonicMs?: () => number
}

const { procRoot, sysRoot, rootFs } = defaultRoots
const devRoot = '/dev'
const toolLateMs = 3_600_000
const freshWithinMs = 2000

/**
 * Reads a host over ssh, with the same drivers and collectors as on the host itself.
 * @throws HypervisorDenied, HypervisorUnavailable if the first contact fails
 */
export async function openRemote(options: RemoteOptions): Promise<{ hypervisor: Hypervisor; machine: Machine }> {
  const { target, read, now, monotonicMs = () => performance.now() } = options
  const log = options.log.child({ host: options.entry })
  const link = new SshLink({ target, log, monotonicMs })
  let opened: RemoteHypervisor | undefined
  const stream = new ReaderStream({
    open: () => link.open('files'),
    onLost: (reason) => reader.lose(reason),
    monotonicMs,
  })
  const reader = new RemoteReader({ ask: (question) => stream.ask(question), onBoot: () => opened?.booted() })
  // A channel of its own: xm hangs when xend does. Closing it would not end xm, and each try would leave one more there.
  const toolStream = new ReaderStream({
    open: () => link.open('files'),
    onLost: () => undefined,
    monotonicMs,
    lateMs: toolLateMs,
  })
  const tools = remoteXenTools((question) => toolStream.ask(question))
  const acting =
    options.acting === undefined || read === 'qemu:///system'
      ? undefined
      : remoteActing({ target: options.acting, isLibvirt: read === 'xen:///system', log, monotonicMs })
  const close = async (): Promise<void> => {
    stream.close()
    toolStream.close()
    await Promise.all([link.close(), acting?.close()])
  }
  const giveUp = (): void => void close()
  options.signal.addEventListener('abort', giveUp, { once: true })
  try {
    if (options.signal.aborted) giveUp()
    const hypervisor = await RemoteHypervisor.open({ reader, open: openDriver, close, log, now })
    opened = hypervisor
    const machine = remoteMachine(
      await linuxMachine({
        ...defaultRoots,
        files: reader.files,
        facts: () => factsInFiles(reader.files, defaultRoots),
        storageHealth: openStorageHealth(options.storageHealth, {
          ...defaultRoots,
          files: reader.files,
          now,
          runsPrograms: false,
        }),
        log,
      }),
      reader,
    )
    return { hypervisor, machine: read === 'qemu:///system' ? machine : dom0Machine(machine) }
  } catch (error) {
    await close()
    throw error
  } finally {
    options.signal.removeEventListener('abort', giveUp)
  }

  async function openDriver(): Promise<Hypervisor> {
    await reader.refresh('inventory')
    const hostName = options.name ?? ownName(reader) ?? target.host
    const driverOptions = {
      files: reader.files,
      procRoot,
      sysRoot,
      hostName,
      createResolver: (hostId: string) =>
        createArrayResolver({ files: reader.files, procRoot, sysRoot, devRoot, rootFs, hostId, log, now }),
      log,
      now,
    }
    const newHostId = (): string => randomUUID()
    return underOwnId<Hypervisor>(options.hostIds, options.entry, (known) => {
      const own = { ...driverOptions, ...known, control: acting?.control(sameLife()) }
      if (read === 'xen-tools') {
        return openXen({ ...own, newHostId, management: { kind: 'tools', output: { text: textOfTool } } })
      }
      const libvirt = { uri: read, endpoint: libvirtThere(hostName) }
      return read === 'xen:///system'
        ? openXen({ ...own, newHostId, management: { kind: 'libvirt', ...libvirt } })
        : openLibvirt({ ...driverOptions, ...known, ...libvirt })
    })
  }

  /** What is read of disks and interfaces belongs to the moment after the list, and a list takes xm a second or more. */
  async function textOfTool(what: XenToolWord, signal: AbortSignal): Promise<string> {
    const text = await tools.text(what, signal)
    if (what !== 'list') return text
    // If that fails, what is missing is a gap of its own: it must not cost the list.
    await waitAtMost(reader.refresh('state', signal), freshWithinMs, 'files after the list').catch(() => undefined)
    return text
  }

  /** Throws once the host is in another life than now. */
  function sameLife(): (signal?: AbortSignal) => Promise<void> {
    const { bootId } = reader
    return async (signal) => {
      await reader.refresh('fast', signal)
      if (bootId !== undefined && reader.bootId !== bootId) throw new HypervisorUnavailable('the host was booted anew')
    }
  }

  /** For one life of the host: a connection is made only if it still is in that. */
  function libvirtThere(hostName: string): Endpoint {
    const isSameLife = sameLife()
    return {
      name: `libvirt of ${hostName} over ssh`,
      readOnly: true,
      async dial() {
        await isSameLife()
        return link.open(read === 'xen:///system' ? 'libvirt-xen' : 'libvirt-qemu')
      },
    }
  }
}

function ownName({ files }: RemoteReader): string | undefined {
  const name = files.readIfThere(`${procRoot}/sys/kernel/hostname`)?.trim() ?? ''
  return /^[A-Za-z0-9][\w.-]{0,127}$/.test(name) && name !== 'localhost' ? name : undefined
}

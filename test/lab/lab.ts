import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'

import { guestImage } from '../support/guest/guest-image.js'
import { libvirtMissing } from '../support/libvirt-daemon.js'
import { ArrayControl } from './array/array-truth.js'
import { IscsiTarget } from './iscsi-target.js'
import { LabGuest } from './lab-guest.js'
import { LabHost } from './lab-host.js'
import { planOf, readLabState, writeLabState, type LabState } from './lab-state.js'
import { migrate, type Migration, type MigrationOptions } from './migrate.js'
import { planLab, type ArrayPlan } from './plan.js'
import { isAlive } from './process-identity.js'
import { inParallel } from './run-program.js'
import { nameOfDirectory } from './traces.js'
import { endWorld, lunFile, startWorld, writeWorld } from './world.js'

export interface LabOptions {
  readonly hosts: number
  readonly guests: number
  /** Size of each disk of every guest, on an array each. Default one of 256 MiB; sparse. */
  readonly disksMiB?: readonly number[]
  /** What each array is, such as `write-back:cache=200MB,drain=8MB`; see array-kind.ts. Default: plain files. */
  readonly arrays?: readonly string[]
  /** Size of a LUN of its own on each array for each host. Default: none. */
  readonly hostLunMiB?: number
  /** All ids follow from it. Default: by chance. */
  readonly seed?: string
  /** Default: a new one for temporary files. Must not exist, or be empty. */
  readonly dir?: string
  /** `tied`: it ends when this process does, however that ends. `free`: it lives until it is stopped. Default `tied`. */
  readonly life?: 'tied' | 'free'
  /** Hears what is being done. */
  readonly onProgress?: (text: string) => void
  /** Called when the machines are up, while the guests begin to boot. What it rejects with fails the start. */
  readonly onMachines?: (lab: Lab) => Promise<void>
}

/** Hypervisors on one Linux box: namespaces with a libvirtd each, guests without KVM, their disks on an iSCSI target. */
export interface Lab {
  readonly dir: string
  readonly seed: string
  readonly hosts: readonly LabHost[]
  readonly guests: readonly LabGuest[]
  readonly arrays: readonly LabArray[]
  readonly iscsi: IscsiTarget
  host(name: string): LabHost
  guest(name: string): LabGuest
  migrate(guest: LabGuest, to: LabHost, options?: MigrationOptions): Promise<Migration>
  /** Ends everything in it and removes every trace. */
  stop(): Promise<void>
}

/** An array of a lab. */
export interface LabArray extends ArrayPlan {
  /** What it is in truth, and its parameters; undefined unless it is a write-back one. */
  readonly control: ArrayControl | undefined
}

/** Why no lab can be started here; undefined if one can. */
export function labMissing(): string | undefined {
  const more = ['/usr/sbin/tgtd', '/usr/sbin/tgtadm', '/usr/sbin/virtlogd', '/usr/bin/nsenter'].filter(
    (file) => !existsSync(file),
  )
  return libvirtMissing() ?? (more.length === 0 ? undefined : `needs ${more.join(', ')}`)
}

/** A whole booting guest costs a core for seconds: a few at a time are up sooner than all at once. */
const bootsAtOnce = availableParallelism() + 1
const bootWithinMs = 120_000
/** A socket's path has 107 characters at most, and libvirt's own are long. */
const longestDirectory = 50

/** Starts a lab; ready when all guests obey. @throws if it cannot be; then nothing is left of it */
export async function startLab(options: LabOptions): Promise<Lab> {
  const {
    hosts,
    guests,
    disksMiB = [256],
    seed = randomBytes(4).toString('hex'),
    onProgress = () => undefined,
  } = options
  const missing = labMissing()
  if (missing !== undefined) throw new Error(`no lab can be started here: ${missing}`)
  const shape = {
    hosts,
    guests,
    disksMiB: [...disksMiB],
    arrays: [...(options.arrays ?? [])],
    hostLunMiB: options.hostLunMiB,
    seed,
  }
  const plan = planLab(shape)
  const dir = options.dir ?? (await mkdtemp(path.join(tmpdir(), 'headroom-lab-')))
  if (dir.length > longestDirectory) throw new Error(`${dir}: at most ${longestDirectory} characters`)
  let state: LabState = {
    id: `${nameOfDirectory(dir)}-${randomBytes(2).toString('hex')}`,
    shape,
    startedAt: new Date().toISOString(),
    complete: false,
    machines: {},
  }
  await mkdir(dir, { recursive: true })
  await writeLabState(dir, state)
  try {
    onProgress(`starting ${hosts} hosts`)
    const [image] = await Promise.all([guestImage(), writeWorld(dir, plan)])
    const { world, machines } = await startWorld(dir, state, options.life ?? 'tied')
    state = { ...state, world, machines: { ...machines } }
    await writeLabState(dir, state)
    const lab = labOf(dir, state)
    await lab.iscsi.ready(10_000)
    for (const { tid, iqn, luns } of plan.arrays) {
      await lab.iscsi.addTarget(tid, iqn)
      for (const { lun, file } of luns) await lab.iscsi.addLun(tid, lun, lunFile(dir, file))
    }
    const boots = inParallel(bootsAtOnce, lab.guests, async (guest) => {
      await guest.start(dir, image, bootWithinMs)
      onProgress(`${guest.name} has booted`)
    })
    await Promise.all([boots, options.onMachines?.(lab)])
    await writeLabState(dir, { ...state, complete: true })
    return lab
  } catch (error) {
    await endWorld(dir, state)
    throw error
  }
}

/**
 * The lab in this directory, for a process that did not start it.
 * @returns undefined if none is there, or only what a lab left that was killed
 */
export async function openLab(dir: string): Promise<Lab | undefined> {
  const state = await readLabState(dir)
  if (state?.world === undefined || !(await isAlive(state.world))) return undefined
  return labOf(dir, state)
}

/** Removes a lab, alive or not. @returns false if there was none */
export async function removeLab(dir: string): Promise<boolean> {
  const state = await readLabState(dir)
  if (state === undefined) return false
  await endWorld(dir, state)
  await rm(dir, { recursive: true, force: true })
  return true
}

function labOf(dir: string, state: LabState): Lab {
  const plan = planOf(state)
  const hosts = plan.hosts.map((one) => {
    const machine = state.machines[one.name]
    if (machine === undefined) throw new Error(`${one.name} has no process`)
    return new LabHost(one, path.join(dir, 'hosts', one.name), machine.pid)
  })
  const guests = plan.guests.map((one) => new LabGuest(one, hosts))
  const arrays = plan.arrays.map((array) => {
    if (array.kind.kind !== 'write-back') return { ...array, control: undefined }
    // It is mounted in the lab only.
    const directory = path.join(`/proc/${state.world?.pid}/root`, lunFile(dir, array.name))
    return { ...array, control: new ArrayControl(directory) }
  })
  return {
    dir,
    seed: state.shape.seed,
    hosts,
    guests,
    arrays,
    iscsi: new IscsiTarget(path.join(dir, 'tgt')),
    host: (name) => named(hosts, name),
    guest: (name) => named(guests, name),
    migrate,
    stop: () => endWorld(dir, state),
  }
}

function named<Thing extends { readonly name: string }>(things: readonly Thing[], name: string): Thing {
  const found = things.find((thing) => thing.name === name)
  if (found !== undefined) return found
  throw new Error(`there is no ${name}; there are ${things.map((thing) => thing.name).join(', ')}`)
}

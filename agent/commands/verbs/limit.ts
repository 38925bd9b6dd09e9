import { formatMoment } from '../../../common/units.js'
import { quantityOf, type Verdict } from '../../../common/verbs.js'
import { ActionRefused, type DiskControl, type DiskLimits } from '../../hypervisor/hypervisor.js'
import { areSameLimits, limited, type AskedLimit } from '../disk-limits.js'
import { inForce, type LimitRecord } from '../limit-keeper.js'
import { needed } from './needed.js'
import type { CheckContext, Outcome, VerbContext, VerbWork } from './verb-work.js'

export const limit: VerbWork = {
  async checks(context) {
    const disks = needed(context.control.disks)
    const unfit = unfitFor(disks, context.args)
    if (unfit !== undefined) return [{ check: 'disks', ok: false, says: unfit }]
    const there = await disks.limits(context.vmUuid, context.signal)
    const chosen = disksOf(context, [...there.keys()])
    return [disksVerdict(chosen), await moveVerdict(context)]
  },
  run: (context) => context.limits.inTurn(context, () => set(context)),
  async seen({ control, limits, hostId, vmUuid, before, signal }) {
    const record = limits.of(hostId, vmUuid)
    if (record?.runId !== before.runId)
      return { state: 'unknown', reason: 'no limit is kept: none was set, or it has ended' }
    const there = await needed(control.disks).limits(vmUuid, signal)
    const isSet = Object.entries(record.disks).every(([target, disk]) =>
      areSameLimits(there.get(target) ?? {}, disk.limited),
    )
    if (isSet) return { state: 'succeeded', reason: until(record) }
    return { state: 'unknown', reason: `it may be set on some of its disks; ${until(record)}` }
  },
}

async function set({ control, limits, hostId, vmUuid, args, before, say, signal }: VerbContext): Promise<Outcome> {
  const unfit = unfitFor(needed(control.disks), args)
  if (unfit !== undefined) throw new ActionRefused(unfit)
  const there = await needed(control.disks).limits(vmUuid, signal)
  const chosen = disksOf({ args }, [...there.keys()])
  if ('refusal' in chosen) throw new ActionRefused(chosen.refusal)
  const asked = askedOf(args)
  const setAtMs = limits.now()
  const untilMs = setAtMs + (quantityOf('limit', args, 'for') ?? 0)
  const { name: vmName, runId } = before
  const earlier = limits.of(hostId, vmUuid)
  const standing = earlier === undefined ? {} : inForce(earlier, runId, there)
  const fresh = Object.fromEntries(
    chosen.targets.map((target) => {
      // A second limit beside a first one goes by what was before both.
      const old = standing[target]?.old ?? there.get(target) ?? {}
      return [target, { old, limited: limited(old, asked), untilMs }]
    }),
  )
  const record: LimitRecord = { hostId, vmUuid, vmName, runId, setAtMs, disks: { ...standing, ...fresh } }
  await limits.put(record).catch((error: unknown) => {
    const said = error instanceof Error ? error.message : String(error)
    throw new ActionRefused(`what is in force now could not be written down: ${said}`, { cause: error })
  })
  const done: string[] = []
  try {
    for (const [target, disk] of Object.entries(fresh)) {
      await needed(control.disks).setLimits(vmUuid, target, disk.limited, signal)
      done.push(target)
      say(`${target}: ${limitsText(disk.limited)}`)
    }
  } catch (error) {
    if (!(error instanceof ActionRefused)) throw error
    for (const target of Object.keys(fresh)) {
      const back = needed(control.disks).setLimits(vmUuid, target, there.get(target) ?? {}, signal)
      // The one that was refused may be refused this too.
      await (done.includes(target) ? back : back.catch(refusedToo))
    }
    if (earlier === undefined) await limits.remove(record)
    else await limits.put(earlier)
    throw error
  }
  return { state: 'succeeded', reason: until(record) }
}

function refusedToo(error: unknown): void {
  if (!(error instanceof ActionRefused)) throw error
}

/** Hosts limit either disks or CPU time. */
function unfitFor(
  { holds }: Pick<DiskControl, 'holds'>,
  { cpu, disk, ...args }: VerbContext['args'],
): string | undefined {
  const ofDisks = Object.keys(args).filter((name) => name !== 'for')
  if (holds !== 'cpu')
    return cpu === undefined
      ? undefined
      : 'CPU time is limited on Xen only; here disks are, by read, write or their requests'
  if (cpu === undefined || ofDisks.length > 0 || disk !== undefined)
    return 'Xen cannot limit what a VM reads and writes; cpu limits its CPU time instead'
  return undefined
}

function disksOf(
  { args }: Pick<CheckContext, 'args'>,
  there: readonly string[],
): { readonly targets: readonly string[] } | { readonly refusal: string } {
  const { disk } = args
  if (there.length === 0) return { refusal: 'it has no disk that can be limited' }
  if (disk === undefined) return { targets: there }
  return there.includes(disk) ? { targets: [disk] } : { refusal: `it has no disk ${disk}: ${there.join(', ')}` }
}

/** It would go along with the VM, and its record stay here. */
async function moveVerdict({ control, vmUuid, signal }: CheckContext): Promise<Verdict> {
  // Others cannot be asked by each hypervisor: old Xen knows no jobs.
  const isBusy = control.verbs.has('offer') && (await control.migration?.isBusy(vmUuid, signal)) === true
  const says = isBusy ? 'the hypervisor is at work on it: it may be moving' : 'no job of the hypervisor is under way'
  return { check: 'job', ok: !isBusy, says }
}

function disksVerdict(chosen: ReturnType<typeof disksOf>): Verdict {
  return 'refusal' in chosen
    ? { check: 'disks', ok: false, says: chosen.refusal }
    : { check: 'disks', ok: true, says: chosen.targets.join(', ') }
}

function askedOf(args: VerbContext['args']): AskedLimit {
  const of = (key: string): number | undefined => quantityOf('limit', args, key)
  return {
    readBytes: of('read'),
    writeBytes: of('write'),
    readRequests: of('readRequests'),
    writeRequests: of('writeRequests'),
    cpuPercent: of('cpu'),
  }
}

function until({ disks }: LimitRecord): string {
  return `until ${formatMoment(Math.max(...Object.values(disks).map(({ untilMs }) => untilMs)))}, when the agent ends it`
}

function limitsText(limits: DiskLimits): string {
  return Object.entries(limits)
    .filter(([name, value]) => value > 0 && !name.endsWith('_length') && name !== 'size_iops_sec')
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

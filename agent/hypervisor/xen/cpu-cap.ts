import { ActionRefused, type DiskControl, type VmNow } from '../hypervisor.js'
import { xenSchedulers, type XenActor } from './xen-acts.js'

export interface CpuCapOptions {
  readonly look: (vmUuid: string, signal: AbortSignal) => Promise<VmNow | undefined>
  readonly actor: XenActor
  /** What `xl info` or `xm info` prints. */
  readonly info: (signal: AbortSignal) => Promise<string>
}

/** As which it stands among limits, and its only value. */
const target = 'cpu'
const cap = 'cap_percent'

/** In place of limits of disks, which Xen has none of: how much CPU time its scheduler gives a VM at most. */
export function cpuCap({ look, actor, info }: CpuCapOptions): DiskControl {
  const at = async (vmUuid: string, signal: AbortSignal) => {
    const [vm, said] = await Promise.all([look(vmUuid, signal), info(signal)])
    const id = Number(vm?.runId)
    if (vm === undefined || !(id > 0)) throw new ActionRefused('it does not run: the scheduler knows only what runs')
    return { act: schedulerOf(said), id } as const
  }
  return {
    holds: 'cpu',
    async limits(vmUuid, signal) {
      const act = await at(vmUuid, signal)
      return new Map([[target, { [cap]: parseCap(await actor.do(act, signal), act.id) }]])
    },
    async setLimits(vmUuid, what, limits, signal) {
      if (what !== target) throw new ActionRefused(`Xen limits its CPU time, not ${what}`)
      await actor.do({ ...(await at(vmUuid, signal)), capPercent: limits[cap] ?? 0 }, signal)
    },
  }
}

/** @throws ActionRefused if it is none that can hold a VM back */
export function schedulerOf(info: string): (typeof xenSchedulers)[keyof typeof xenSchedulers] {
  const name = /^xen_scheduler\s*:\s*(\S{1,32})\s*$/m.exec(info)?.[1]
  if (name === 'credit' || name === 'credit2') return xenSchedulers[name]
  throw new ActionRefused(`the scheduler ${name ?? 'of this Xen'} cannot cap a VM: credit and credit2 can`)
}

/** Of a row `NAME ID WEIGHT CAP` below its head line. Names may have blanks in them. @throws ActionRefused if there is none */
export function parseCap(text: string, id: number): number {
  for (const line of text.split('\n')) {
    const [, of, percent] = /\s(\d{1,9})\s+\d{1,9}\s+(\d{1,9})\s*$/.exec(line) ?? []
    if (Number(of) === id) return Number(percent)
  }
  throw new ActionRefused(`the tool tells no cap of domain ${id}: ${JSON.stringify(text.slice(0, 120))}`)
}

import type { EventKind, HypervisorEvent, VmState, VmStateReason } from '../hypervisor.js'
import { hasProcess } from '../libvirt/domain-state.js'
import type { Domain, SeenState } from './toolstack.js'

interface Known {
  readonly domain: Domain
  readonly state: VmState
  /** Its start was told, or lies before the first list. Else it is still being made, or coming in from another host. */
  readonly announced: boolean
}

/** What happened to VMs, seen by comparing each list with the one before: there is nobody who sends events. */
export class ListEvents {
  /** VMs that live, by UUID; undefined before the first list. */
  #known: ReadonlyMap<string, Known> | undefined

  /** @param states of all VMs; undefined where it is unknown, which tells nothing */
  compare(states: readonly SeenState[], atMs: number): readonly HypervisorEvent[] {
    const before = this.#known
    const known = new Map<string, Known>()
    const events: HypervisorEvent[] = []
    const tell = (kind: EventKind, { uuid, name }: Domain, reason: VmStateReason = 'unknown'): void => {
      events.push({ atMs, kind, reason, vmUuid: uuid, vmName: name, message: 'seen by comparing lists' })
    }
    const ended = ({ domain, announced }: Known, state?: VmState): void => {
      if (!announced) return
      if (state === 'crashed') tell('crashed', domain, 'crashed')
      else tell('stopped', domain)
    }
    for (const { domain, state: seen } of states) {
      let was = before?.get(domain.uuid)
      const state = seen ?? was?.state
      if (was !== undefined && was.domain.id !== domain.id) {
        ended(was)
        was = undefined
      }
      if (state === undefined || !hasProcess(state)) {
        if (was !== undefined) ended(was, state)
        continue
      }
      const announced = before === undefined || was?.announced === true || state === 'running'
      known.set(domain.uuid, { domain, state, announced })
      if (before === undefined) continue
      if (was?.announced !== true) {
        if (state === 'running') tell('started', domain)
      } else if (state === 'paused' && was.state !== 'paused') tell('suspended', domain)
      else if (state === 'running' && was.state === 'paused') tell('resumed', domain)
    }
    const listed = new Set(states.map(({ domain }) => domain.uuid))
    for (const [uuid, was] of before ?? []) if (!listed.has(uuid)) ended(was)
    this.#known = known
    return events
  }
}

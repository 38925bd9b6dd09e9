import { isExcepted } from '../checks/settle.js'
import { boxesOf } from '../checks/storage.js'
import type { Circumstances } from '../model/circumstances.js'
import type { Policy } from '../model/policy.js'
import type { Snapshot } from '../model/snapshot.js'
import type { VmLabels } from '../policy/resolve.js'
import { defaultAlertSettings, type AlertSettings } from './settings.js'
import type { SaidOfVm, WorldSources } from './world.js'

/** What the policy says of alerts: how long each check must hold, whom to tell, and what nobody wants to hear of. */
export function alertSettingsOf({ thresholds, routes, silences, heartbeat }: Policy): AlertSettings {
  return { ...defaultAlertSettings, checks: thresholds, routes, silences, heartbeat }
}

/** Whose VMs are, by their labels. */
function saidBy(labels: ReadonlyMap<string, VmLabels>): SaidOfVm {
  return ({ uuid }) => {
    const said = labels.get(uuid)
    return { owner: said?.owner?.value ?? '', group: said?.group?.value ?? '' }
  }
}

interface Seen {
  readonly snapshot: Snapshot
  readonly policy: Policy
  readonly labels: ReadonlyMap<string, VmLabels>
  readonly circumstances?: Circumstances
}

/** What alerts ask of the fleet, as a policy sees it. */
export function worldSources({ snapshot, policy, labels, circumstances }: Seen): WorldSources {
  const boxOf = boxesOf(snapshot, policy)
  return {
    snapshot,
    said: saidBy(labels),
    missing: circumstances?.changes?.missing,
    boxIdOf: (key) => boxOf(key).id,
    isExcepted: (finding) => isExcepted(finding, snapshot, policy),
  }
}

/** Gives what was made of an object for as long as the same object comes. */
export function madeOnce<From extends object, Made>(make: (from: From) => Made): (from: From) => Made {
  let last: { readonly from: From; readonly made: Made } | undefined
  return (from) => {
    if (last?.from !== from) last = { from, made: make(from) }
    return last.made
  }
}

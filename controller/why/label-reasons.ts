import { hostSubject, vmSubject } from '../model/finding.js'
import { policyIndex } from '../policy/policy-index.js'
import { labelsOf, originText } from '../policy/resolve.js'
import type { Around, Known, Reason } from './reason.js'

/** What the policy and the VM's own metadata call it, and which rule said so. */
export function labelReasons({ vm, host }: Around, { policy }: Pick<Known, 'policy'>): Reason[] {
  const index = policyIndex(policy)
  const labels = labelsOf(index, vm)
  const subject = vmSubject(vm)
  const reason = (says: string): Reason => ({ topic: 'label', severity: 'info', subject, says })
  const named = (['class', 'group', 'owner', 'service'] as const).flatMap((label) => {
    const said = labels[label]
    if (said === undefined) return []
    const by = said.origin === 'metadata' ? 'as its own metadata say' : `by ${originText(said.origin)} of the policy`
    return [reason(`${label} ${said.value}, ${by}`)]
  })
  const rule = index.hostRule(host?.name ?? '')
  const role = rule?.rule.role
  return [
    ...named,
    ...(labels.class === undefined ? [reason('no class: rules for core and personal VMs do not look at it')] : []),
    ...(host === undefined || rule === undefined || role === undefined
      ? []
      : [
          {
            topic: 'label' as const,
            severity: 'info' as const,
            subject: hostSubject(host),
            says: `${role} host, by ${rule.key} of the policy`,
          },
        ]),
  ]
}

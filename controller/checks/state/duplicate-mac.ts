import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { byName } from '../in-words.js'
import type { Place } from '../policy/place.js'
import type { Arrangement } from '../policy/placed-fleet.js'

interface Bearer {
  readonly one: Place
  readonly name: string
  readonly network: string
}

/** Running VMs with the MAC address of another: where both are on one network, each loses some of its frames. One finding for each beyond the first. */
export function duplicateMac({ places }: Pick<Arrangement, 'places'>): Finding[] {
  if (!hasDuplicates(places)) return []
  const firsts = new Map<string, Bearer>()
  const doubles = new Map<string, Bearer[]>()
  for (const one of places) {
    if (!one.running) continue
    for (const nic of one.nics) {
      const mac = nic.macLowerCase
      if (mac === '') continue
      const bearer = { one, name: one.name, network: nic.network }
      const first = firsts.get(mac)
      const bearers = doubles.get(mac)
      if (first === undefined) firsts.set(mac, bearer)
      else if (bearers !== undefined && bearers.at(-1)?.one !== one) bearers.push(bearer)
      else if (bearers === undefined && first.one !== one) doubles.set(mac, [first, bearer])
    }
  }
  return [...doubles].flatMap(([mac, bearers]) => {
    const [first, ...others] = bearers.toSorted((a, b) => byName(a, b) || (a.one.uuid < b.one.uuid ? -1 : 1))
    return first === undefined ? [] : others.map((other) => duplicate(mac, other, first))
  })
}

/** Nearly no fleet has any, and to look for that is less work than to note who has which. */
function hasDuplicates(places: readonly Place[]): boolean {
  const seen = new Set<string>()
  let nics = 0
  for (const { running, nics: own } of places) {
    if (!running) continue
    for (const { macLowerCase } of own) {
      if (macLowerCase === '') continue
      seen.add(macLowerCase)
      nics += 1
    }
  }
  return seen.size < nics
}

function duplicate(mac: string, { one, network }: Bearer, first: Bearer): Finding {
  const networks = [...new Set([network, first.network])].filter((name) => name !== '')
  const where = networks.length === 0 ? '' : `, on ${networks.join(' and ')}`
  return finding({
    check: 'duplicate-mac',
    severity: 'warning',
    subject: vmSubject(one),
    part: mac,
    message: `it has the MAC address ${mac} of ${first.name}${where}; on one network neither is reached for sure`,
    related: [{ role: 'partner', subject: vmSubject(first.one) }],
  })
}

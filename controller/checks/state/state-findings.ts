import type { Check } from '../check.js'
import { definitionChanged } from './definition-changed.js'
import { duplicateUuid } from './duplicate-uuid.js'
import { hostRebooted } from './host-rebooted.js'
import { uptimeOverflow } from './uptime-overflow.js'
import { vmDoubled } from './vm-doubled.js'
import { vmHaltedByMove } from './vm-halted-by-move.js'
import { vmLost } from './vm-lost.js'

const checks: readonly Check[] = [
  vmDoubled,
  vmHaltedByMove,
  vmLost,
  duplicateUuid,
  definitionChanged,
  hostRebooted,
  uptimeOverflow,
]

/** Where VMs and hosts are, whether they are who they seem, and what became of them. */
export const stateFindings: Check = (...fleet) => checks.flatMap((check) => check(...fleet))

import type { Check } from '../check.js'
import { vmDoubled } from './vm-doubled.js'
import { vmLost } from './vm-lost.js'

const checks: readonly Check[] = [vmDoubled, vmLost]

/** Where VMs and hosts are, whether they are who they seem, and what became of them. */
export const stateFindings: Check = (...fleet) => checks.flatMap((check) => check(...fleet))

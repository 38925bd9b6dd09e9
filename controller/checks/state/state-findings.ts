import type { Check } from '../check.js'
import { vmDoubled } from './vm-doubled.js'

const checks: readonly Check[] = [vmDoubled]

/** Where VMs and hosts are, whether they are who they seem, and what became of them. */
export const stateFindings: Check = (...fleet) => checks.flatMap((check) => check(...fleet))

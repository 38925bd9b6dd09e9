import { readFileSync } from 'node:fs'

import { parseFleet } from '../../common/fleet-file/fleet-file.js'

function read(name: string): string {
  return readFileSync(new URL(`../../deploy/fleets/${name}`, import.meta.url), 'utf8')
}

/** The fleet of the elab, as its file has it. */
export const elabSpec = parseFleet(read('elab.yaml'), 'elab.yaml')

/** The catalog that is there as an example. */
export const catalogText = read('catalog.yaml')

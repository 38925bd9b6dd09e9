import type { Log } from '../../../common/log.js'
import type { ArrayFacts } from '../../hypervisor/hypervisor.js'
import type { Machine } from '../../schedule/host-loop.js'
import type { Calibrations } from './kept-calibrations.js'

/** The same machine, which tells what calibrations have found out about its arrays. Read at each inventory: they are made by a program of their own. */
export function calibratedMachine(machine: Machine, read: () => Promise<Calibrations>, log: Log): Machine {
  let said = ''
  const calibrated = async (): Promise<ArrayFacts[]> => {
    try {
      const found = await read()
      said = ''
      return Array.from(found, ([key, calibration]) => ({ key, name: key, kind: key.split(':')[0] ?? '', calibration }))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reason !== said) log.warn({ reason }, 'calibrations cannot be read')
      said = reason
      return []
    }
  }
  return {
    ...machine,
    async ownArrays() {
      return [...((await machine.ownArrays?.()) ?? []), ...(await calibrated())]
    },
  }
}

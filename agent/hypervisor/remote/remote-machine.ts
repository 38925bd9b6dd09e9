import type { Machine } from '../../schedule/host-loop.js'
import { HypervisorUnavailable, type Capability } from '../hypervisor.js'
import type { RemoteReader } from './remote-reader.js'

const notWritten: Capability = {
  name: 'canary',
  support: 'no',
  reason: 'a host that is read over ssh is only read',
}

/** A machine on a copy of its files, which are made fresh for each pass. */
export function remoteMachine(machine: Machine, reader: Pick<RemoteReader, 'refresh'>): Machine {
  return {
    storageHealth: machine.storageHealth,
    async sample(signal) {
      // If they are not, each collector says so.
      await reader.refresh('state', signal).catch(() => undefined)
      return machine.sample(signal)
    },
    complete: (facts) => machine.complete(facts),
    async capabilities() {
      const own = await machine.capabilities()
      return own.map((one) => (one.name === 'canary' ? notWritten : one))
    },
    async arrays(arrays) {
      if (arrays.every(({ devices = [] }) => devices.length === 0)) return []
      try {
        await reader.refresh('fast')
        return await machine.arrays(arrays)
      } catch (error) {
        // The pass has a gap of its own.
        if (error instanceof HypervisorUnavailable) return []
        throw error
      }
    },
  }
}

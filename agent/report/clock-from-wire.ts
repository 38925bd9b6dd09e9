import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { noReading, type ClockReading } from './machine-clock.js'

/** How the clock stood when a report was made that the spool holds; nothing of it if it cannot be read. */
export function clockFromWire(encoded: Uint8Array): ClockReading {
  try {
    const { message } = FromAgent.decode(encoded)
    if (message?.$case !== 'report') return noReading
    return { boot: message.value.machineBoot, baseMs: Number(message.value.clockBaseMs) }
  } catch {
    return noReading
  }
}

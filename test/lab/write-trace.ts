import type { Lab } from './lab.js'
import type { LunPlan } from './plan.js'

/** What the iSCSI target says that a LUN had of finished writes. */
export interface WriteLook {
  readonly atMs: number
  readonly bytes: number
  readonly commands: number
}

export interface WriteTrace {
  readonly looks: readonly WriteLook[]
  stop(): Promise<void>
}

const lookEveryMs = 200

/** Asks the target about the writes of a LUN several times a second: a witness that knows nothing of agents and controller. */
export function traceWrites(lab: Lab, { iqn, lun }: LunPlan): WriteTrace {
  const tid = lab.arrays.find((array) => array.iqn === iqn)?.tid
  const looks: WriteLook[] = []
  let isOver = false
  let wake = (): void => undefined
  const running = (async () => {
    for (;;) {
      const sessions = await lab.iscsi.sessions()
      const own = sessions.filter((one) => one.tid === tid && one.lun === lun)
      const sum = (of: (one: (typeof own)[number]) => number): number => own.reduce((all, one) => all + of(one), 0)
      looks.push({
        atMs: Date.now(),
        bytes: sum(({ writeBytes }) => writeBytes),
        commands: sum(({ writeCommands }) => writeCommands),
      })
      if (isOver) return
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, lookEveryMs)
      })
    }
  })()
  // Whoever stops it hears of its failure.
  running.catch(() => undefined)
  return {
    looks,
    stop: () => {
      isOver = true
      wake()
      return running
    },
  }
}

/** The first look after which a writer had written that much; undefined if it never had. */
export function beginningOf(looks: readonly WriteLook[], leastBytes: number): WriteLook | undefined {
  const [first] = looks
  return looks.find(({ bytes }) => first !== undefined && bytes - first.bytes >= leastBytes)
}

/**
 * When a writer that has one write in flight began to wait: the beginning of the first second in which its writes took `limitMs` each or longer.
 * What it did between them counts too, so that it is rather too early than too late.
 */
export function crossingOf(looks: readonly WriteLook[], limitMs: number): number | undefined {
  const windowMs = 1000
  for (const [index, from] of looks.entries()) {
    const to = looks.slice(index).find(({ atMs }) => atMs - from.atMs >= windowMs)
    if (to === undefined) return undefined
    if ((to.atMs - from.atMs) / Math.max(1, to.commands - from.commands) >= limitMs) return from.atMs
  }
  return undefined
}

/** When the last of its writes was seen. */
export function endOf(looks: readonly WriteLook[]): number | undefined {
  const last = looks.at(-1)
  return looks.find(({ commands }) => commands === last?.commands)?.atMs
}

/** Bytes a second between two moments, by the looks nearest to them. */
export function rateBetween(looks: readonly WriteLook[], fromMs: number, toMs: number): number | undefined {
  const within = looks.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
  const [first, last] = [within[0], within.at(-1)]
  if (first === undefined || last === undefined || last.atMs === first.atMs) return undefined
  return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs)
}

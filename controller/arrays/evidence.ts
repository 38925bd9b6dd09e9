import type { ArrayTick, LoadClass } from '../model/array-condition.js'
import type { Belief } from './belief.js'
import { meanFlow, type Flow } from './flow.js'
import { noWriter, writerAfter, type LargestWriter } from './largest-writer.js'
import { contentAfter, loadClassOf, type Content } from './load-class.js'
import { fade, isPressed, noPressure, press, type Pressure } from './pressure.js'
import { stillAfter } from './stall.js'

/** What was seen of late, by itself. Plain data. */
export interface Evidence {
  readonly pressure: Pressure
  readonly content: Content
  readonly loadClass: LoadClass
  /** The last steps with known inflow, the newest last. */
  readonly recent: readonly Flow[]
  readonly writer: LargestWriter
  /** For how long nothing has ended though requests wait. */
  readonly stillSeconds: number
}

export const noEvidence: Evidence = {
  pressure: noPressure,
  content: { bytes: 0, requests: 0 },
  loadClass: 'sequential',
  recent: [],
  writer: noWriter,
  stillSeconds: 0,
}

/** How many steps the inflow is a mean of: reports are late at times. */
const recentSteps = 3

export function look(before: Evidence, tick: ArrayTick, belief: Belief): Evidence {
  const { levels, estimates, knowledge } = belief
  const content = contentAfter(before.content, tick, levels.fill.likely)
  const loadClass = loadClassOf(tick, content, before.loadClass)
  const { writeBytes, seconds } = tick
  const recent =
    writeBytes === undefined
      ? before.recent.slice(1)
      : withNewest(before.recent, { bytes: writeBytes, seconds, loadClass })
  const pressure = press(before.pressure, tick, {
    drain: estimates.drains[loadClass],
    isDrainKnown: knowledge.drainsTold[loadClass] !== undefined,
    inflow: meanFlow(recent),
    newest: writeBytes === undefined ? undefined : writeBytes / seconds,
    mostBefore: mostOf(before.recent),
    fullShare: knowledge.capacityTold === undefined ? 0 : shareFull(belief),
  })
  return {
    pressure: pressure ?? fade(before.pressure),
    content,
    loadClass,
    recent,
    writer: writerAfter(before.writer, tick, isPressed(pressure ?? before.pressure)),
    stillSeconds: stillAfter(before.stillSeconds, tick),
  }
}

function mostOf(flows: readonly Flow[]): number | undefined {
  if (flows.length === 0) return undefined
  return flows.reduce((most, { bytes, seconds }) => Math.max(most, bytes / seconds), 0)
}

function withNewest(recent: readonly Flow[], newest: Flow): readonly Flow[] {
  const kept = recent.length < recentSteps ? recent.slice() : recent.slice(1)
  kept.push(newest)
  return kept
}

/** Of the guesses, about. */
function shareFull({ levels: { room }, estimates: { capacity } }: Belief): number {
  const little = 0.08 * capacity.likely
  return room.likely < little ? 0.7 : room.low < little ? 0.3 : 0
}

import { z } from 'zod'

import { mostEvents } from '../arrays/array-events.js'
import { modelVersion, newArrayModel, type ArrayModel } from '../arrays/array-model.js'
import { arrayEvents, type ArrayEvent } from '../model/array-event.js'
import type { StateRow } from '../store/state-store.js'

/** What outlives the program of one box. */
export interface KeptArray {
  readonly model: ArrayModel
  /** It was seen to answer from its cache. */
  readonly sawWriteBack: boolean
  /** The newest first. */
  readonly events: readonly ArrayEvent[]
  /** Milliseconds since 1970. */
  readonly lastSeenAt: number
}

/** More is nothing that `step` could have made. */
const mostItems = 4096

const keptRow = z.object({
  model: z.looseObject({ version: z.literal(modelVersion), boxId: z.string().min(1) }),
  sawWriteBack: z.boolean(),
  events: z
    .array(z.object({ at: z.number().min(0), what: z.enum(arrayEvents), value: z.number().optional() }))
    .max(mostEvents)
    // Versions that kept none.
    .default([]),
  lastSeenAt: z.number().min(0),
})

/** What was kept. @param onRefused is told the key of a row that is not what this version keeps, and why */
export function keptArraysOf(
  rows: Iterable<StateRow>,
  onRefused: (key: string, reason: string) => void,
): readonly KeptArray[] {
  const kept: KeptArray[] = []
  for (const { key, value } of rows) {
    const parsed = keptRow.safeParse(value)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      onRefused(key, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
      continue
    }
    const { model, sawWriteBack, events, lastSeenAt } = parsed.data
    const unlike = model.boxId === key ? firstUnlike(model, newArrayModel(key, undefined, 0), 'model') : 'model.boxId'
    if (unlike === undefined && isModel(model))
      kept.push({ model, sawWriteBack, events: events.map(eventOf), lastSeenAt })
    else onRefused(key, `${unlike ?? 'model'}: not as it is in a model of version ${modelVersion}`)
  }
  return kept
}

function eventOf({ at, what, value }: z.output<typeof keptRow>['events'][number]): ArrayEvent {
  return value === undefined ? { at, what } : { at, what, value }
}

/** To be asked when it is like one: the shape of a model is its own module's alone. */
function isModel(model: object): model is ArrayModel {
  return 'version' in model
}

/**
 * Where a value that was kept is unlike one that was just made; undefined: nowhere. Lists that are as long in every model, one entry for each
 * guess, have to be; those that are empty at first may hold anything finite.
 */
function firstUnlike(value: unknown, example: unknown, path: string): string | undefined {
  if (example === undefined || value === undefined) return value === example || isFinitePlain(value) ? undefined : path
  if (typeof value !== typeof example || Array.isArray(value) !== Array.isArray(example)) return path
  if (Array.isArray(value) && Array.isArray(example)) {
    if (example.length === 0) return isFinitePlain(value) ? undefined : path
    if (value.length !== example.length) return path
    return firstOf(value.keys(), (index) => firstUnlike(value[index], example[0], `${path}.${index}`))
  }
  if (isRecord(value) && isRecord(example)) {
    const keys = new Set([...Object.keys(example), ...Object.keys(value)])
    return firstOf(keys, (key) => {
      const isMissing = example[key] !== undefined && value[key] === undefined
      return isMissing ? `${path}.${key}` : firstUnlike(value[key], example[key], `${path}.${key}`)
    })
  }
  return isFinitePlain(value) ? undefined : path
}

function firstOf<Key>(keys: Iterable<Key>, unlike: (key: Key) => string | undefined): string | undefined {
  for (const key of keys) {
    const found = unlike(key)
    if (found !== undefined) return found
  }
  return undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFinitePlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.length <= mostItems && value.every(isFinitePlain)
  return isRecord(value) ? Object.values(value).every(isFinitePlain) : value !== null && typeof value !== 'object'
}

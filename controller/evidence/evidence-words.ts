import { measurements } from '../store/measurements.js'

/** What a figure that an alert rests on is called: command line and page say it alike. */

/** What is known by name: subjects of alerts, and whatever else the reader has. */
export type NameOf = (kind: string, id: string) => string | undefined

/** `panda`; `vda of panda`; the id where nobody has a name for it. @param entity as the store has it: `disk:UUID/vda` */
export function entityName(entity: string, nameOf: NameOf): string {
  const colon = entity.indexOf(':')
  const [kind, id] = [entity.slice(0, Math.max(0, colon)), entity.slice(colon + 1)]
  const owner = owners[kind]
  if (owner === undefined) return nameOf(kind === 'array_cache' ? 'array' : kind, id) || id
  const slash = id.indexOf('/')
  const name = nameOf(owner, id.slice(0, Math.max(0, slash)))
  return slash < 0 || name === undefined ? id : `${id.slice(slash + 1)} of ${name}`
}

/** Of what their ids begin with. */
const owners: Readonly<Record<string, string | undefined>> = {
  disk: 'vm',
  nic: 'vm',
  file_system: 'host',
  storage: 'host',
}

export type FieldUnit = 'memory' | 'bytes' | 'bytes/s' | '1/s' | 'ms' | 'cores' | 'fraction' | 'count'

/** A figure in words, `bytes written`, with its unit; undefined where the store has none of that name. */
export function fieldWords(
  entity: string,
  field: string,
): { readonly name: string; readonly unit: FieldUnit } | undefined {
  const kind = entity.slice(0, Math.max(0, entity.indexOf(':')))
  const fields = Object.entries(measurements).find(([name]) => name === kind)?.[1].fields
  const spec = Object.entries<{ readonly unit: FieldUnit | 's'; readonly help: string }>(fields ?? {}).find(
    ([name]) => name === field,
  )?.[1]
  if (spec === undefined) return undefined
  const { unit, help } = spec
  const isMemory = unit === 'bytes' && /memory|swap/i.test(field)
  // What comes after a semicolon says when it is absent.
  return { name: help.split(';', 1)[0] ?? help, unit: isMemory ? 'memory' : unit === 's' ? 'count' : unit }
}

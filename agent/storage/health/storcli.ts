import type { PhysicalDriveRaw, RaidControllerRaw, VirtualDriveRaw } from './health-raw.js'
import type { HealthTool } from './health-tool.js'
import { at, countOf, known, listOf, parseJson, realOf, textOf, type Json } from './json-text.js'
import { NotHere, type HealthCollector } from './storage-health.js'

const mostControllers = 32
const mostDrives = 1024

/** What `storcli` and `perccli` print of controllers, of virtual drives and of physical ones, by number of the controller. */
export interface StorcliTexts {
  readonly controllers: string
  readonly virtualDrives: string
  readonly physicalDrives: string
  /** Only where a drive is rebuilt. */
  readonly rebuilds?: string
}

/** MegaRAID controllers by Broadcom's storcli or Dell's perccli (StorCLI Reference Manual, "JSON output"). */
export function storcliCollector(tool: HealthTool): HealthCollector {
  return {
    name: 'raid-controller',
    unavailable: () => tool.unavailable(),
    async collect(signal) {
      // A controller without drives of a kind is a failure in its exit status: what counts is what is said of each.
      const ask = async (...args: readonly string[]): Promise<string> => (await tool.answer(args, signal)).stdout
      const controllers = await ask('/call', 'show', 'all', 'J')
      const virtualDrives = await ask('/call/vall', 'show', 'all', 'J')
      const physicalDrives = await ask('/call/eall/sall', 'show', 'all', 'J')
      const isRebuilding = /"State"\s*:\s*"(?:Rbld|Cpybck)"/.test(controllers)
      const rebuilds = isRebuilding ? { rebuilds: await ask('/call/eall/sall', 'show', 'rebuild', 'J') } : {}
      return { 'raid-controller': parseStorcli({ controllers, virtualDrives, physicalDrives, ...rebuilds }) }
    },
  }
}

/** @throws NotHere if there is no controller; Error if it is no answer of storcli */
export function parseStorcli(texts: StorcliTexts): RaidControllerRaw[] {
  const cacheSettings = byController('/call/vall', texts.virtualDrives)
  const drives = byController('/call/eall/sall', texts.physicalDrives)
  const rebuilds = texts.rebuilds === undefined ? new Map<number, Json>() : byController('rebuild', texts.rebuilds)
  const controllers = answersIn('/call', texts.controllers)
  if (controllers.every(isNone)) throw new NotHere('no MegaRAID controller')
  return controllers.map((answer) => {
    const number = numberOf(answer)
    const status = textOf(at(answer, 'Command Status', 'Status'))
    const data = at(answer, 'Response Data')
    if (number === undefined || status !== 'Success' || data === undefined) {
      const said = textOf(at(answer, 'Command Status', 'Description'))
      throw new Error(`/call: expected Success of a controller, got ${JSON.stringify(status)}: ${said}`)
    }
    return controllerOf(number, data, {
      virtual: cacheSettings.get(number),
      physical: drives.get(number),
      rebuilds: rebuilds.get(number),
    })
  })
}

function controllerOf(
  number: number,
  data: Json,
  more: { readonly virtual: Json; readonly physical: Json; readonly rebuilds: Json },
): RaidControllerRaw {
  const battery = batteryOf(data)
  return {
    number,
    model: textOf(at(data, 'Basics', 'Model')) || textOf(at(data, 'Product Name')),
    serial: textOf(at(data, 'Basics', 'Serial Number')) || textOf(at(data, 'Serial Number')),
    status: wordOf(textOf(at(data, 'Status', 'Controller Status'))),
    ...(battery === undefined ? {} : { battery }),
    virtualDrives: (listOf(at(data, 'VD LIST'), mostDrives) ?? []).map((row) =>
      virtualDriveOf(number, row, more.virtual),
    ),
    physicalDrives: (listOf(at(data, 'PD LIST'), mostDrives) ?? []).map((row) => physicalDriveOf(number, row, more)),
  }
}

function batteryOf(data: Json): RaidControllerRaw['battery'] {
  for (const [key, kind] of [
    ['Cachevault_Info', 'cachevault'],
    ['BBU_Info', 'bbu'],
  ] as const) {
    const state = textOf(at(listOf(at(data, key), 8)?.[0], 'State'))
    if (state !== '') return { kind, state: wordOf(state) }
  }
  // Without either list there is a number, of which only this much is known; "NA": no battery.
  const code = countOf(at(data, 'Status', 'BBU Status'))
  if (code === undefined) return undefined
  return { kind: 'bbu', state: code === 0 ? 'optimal' : code === 8 ? 'charging' : `status-${code}` }
}

/** Read, write and I/O policy in one: `RWBD`, `NRWTD`, `RAWBD`. */
function writeCacheOf(cache: string): string | undefined {
  const policy = /^(?:NR|Ra|R)(AWB|FWB|WB|WT)[CD]?$/.exec(cache)?.[1]
  if (policy === undefined) return undefined
  return policy === 'WT' ? 'write-through' : policy === 'WB' ? 'write-back' : 'write-back-always'
}

function configuredCacheOf(setting: string): string | undefined {
  if (/^write ?through$/i.test(setting)) return 'write-through'
  if (/^write ?back$/i.test(setting)) return 'write-back'
  return /^(?:always|force) ?write ?back$/i.test(setting) ? 'write-back-always' : undefined
}

function virtualDriveOf(controller: number, row: Json, details: Json): VirtualDriveRaw {
  const id = textOf(at(row, 'DG/VD'), 32)
  if (id === '')
    throw new Error(`/c${controller}: expected DG/VD of a virtual drive, got ${JSON.stringify(row)?.slice(0, 60)}`)
  const properties = at(details, `VD${id.slice(id.indexOf('/') + 1)} Properties`)
  return {
    id,
    name: textOf(at(row, 'Name')),
    level: textOf(at(row, 'TYPE'), 32).toLowerCase(),
    state: wordOf(textOf(at(row, 'State'))),
    ...known({
      writeCache: writeCacheOf(textOf(at(row, 'Cache'))),
      writeCacheConfigured: configuredCacheOf(textOf(at(properties, 'Write Cache(initial setting)'))),
      osDevice: /^\/dev\/([\w/-]{1,64})$/.exec(textOf(at(properties, 'OS Drive Name')))?.[1],
      naaId: /^[0-9a-f]{16,32}$/i.exec(textOf(at(properties, 'SCSI NAA Id')))?.[0].toLowerCase(),
    }),
  }
}

function physicalDriveOf(
  controller: number,
  row: Json,
  { physical, rebuilds }: { readonly physical: Json; readonly rebuilds: Json },
): PhysicalDriveRaw {
  const id = textOf(at(row, 'EID:Slt'), 32)
  if (id === '')
    throw new Error(`/c${controller}: expected EID:Slt of a drive, got ${JSON.stringify(row)?.slice(0, 60)}`)
  const [enclosure = '', slot = ''] = id.split(':')
  const path = enclosure.trim() === '' ? `/c${controller}/s${slot}` : `/c${controller}/e${enclosure}/s${slot}`
  const counters = at(physical, `Drive ${path} - Detailed Information`, `Drive ${path} State`)
  const rebuild = (listOf(rebuilds, mostDrives) ?? []).find((one) => textOf(at(one, 'Drive-ID')) === path)
  const done = realOf(at(rebuild, 'Progress%'), 100)
  const alert = textOf(at(counters, 'S.M.A.R.T alert flagged by drive')).toLowerCase()
  return {
    id,
    model: textOf(at(row, 'Model')),
    state: wordOf(textOf(at(row, 'State'))),
    ...known({
      rebuildFraction: done === undefined ? undefined : done / 100,
      mediaErrors: countOf(at(counters, 'Media Error Count')),
      predictedFailures: countOf(at(counters, 'Predictive Failure Count')),
      smartAlert: alert === 'yes' ? true : alert === 'no' ? false : undefined,
    }),
  }
}

/** The tool's abbreviations, as the legend below its tables has them. */
const words: ReadonlyMap<string, string> = new Map([
  ['optl', 'optimal'],
  ['opt', 'optimal'],
  ['dgrd', 'degraded'],
  ['dgd', 'degraded'],
  ['pdgd', 'partially-degraded'],
  ['ofln', 'offline'],
  ['offln', 'offline'],
  ['rec', 'recovery'],
  ['onln', 'online'],
  ['rbld', 'rebuilding'],
  ['cpybck', 'copying-back'],
  ['ugood', 'unconfigured-good'],
  ['ubad', 'unconfigured-bad'],
  ['ubunsp', 'unconfigured-bad'],
  ['msng', 'missing'],
  ['ghs', 'global-hot-spare'],
  ['dhs', 'dedicated-hot-spare'],
  ['needs attention', 'needs-attention'],
])

/** A state in plain words; one that is not known stays what it is. */
function wordOf(state: string): string {
  const lower = state.toLowerCase()
  return words.get(lower) ?? lower.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
}

function answersIn(what: string, text: string): readonly Json[] {
  const answers = listOf(at(parseJson(`storcli ${what}`, text), 'Controllers'), mostControllers)
  if (answers === undefined) throw new Error(`storcli ${what}: expected a list called Controllers`)
  return answers
}

function byController(what: string, text: string): ReadonlyMap<number, Json> {
  return new Map(
    answersIn(what, text).flatMap((answer) => {
      const number = numberOf(answer)
      return number === undefined ? [] : [[number, at(answer, 'Response Data')] as const]
    }),
  )
}

function numberOf(answer: Json): number | undefined {
  return countOf(at(answer, 'Command Status', 'Controller'))
}

/** "No Controller found" comes as an answer without a controller. */
function isNone(answer: Json): boolean {
  return numberOf(answer) === undefined && /no controller/i.test(textOf(at(answer, 'Command Status', 'Description')))
}

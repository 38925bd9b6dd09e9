import { ConfigError, type ConfigProblem } from '../../../common/config-error.js'

/** A cluster as Ganeti's tools write it (`hscan`, `hbal --save`): MiB, names as keys. */
export interface GanetiCluster {
  readonly groups: readonly GanetiGroup[]
  readonly nodes: readonly GanetiNode[]
  readonly instances: readonly GanetiInstance[]
  readonly clusterTags: readonly string[]
  readonly policies: readonly GanetiPolicy[]
}

export interface GanetiGroup {
  readonly name: string
  readonly uuid: string
}

export interface GanetiNode {
  readonly name: string
  readonly totalMiB: number
  /** Used by the node itself. */
  readonly nodeMiB: number
  readonly freeMiB: number
  readonly diskMiB: number
  readonly freeDiskMiB: number
  readonly cpus: number
  readonly offline: boolean
  readonly groupUuid: string
  readonly tags: readonly string[]
  /** Virtual CPUs that count as taken by the node itself. */
  readonly osCpus: number
  readonly cpuSpeed: number
}

export interface GanetiInstance {
  readonly name: string
  readonly memoryMiB: number
  readonly diskMiB: number
  readonly vcpus: number
  /** It holds memory. */
  readonly running: boolean
  /** It holds virtual CPUs: all but those that an administrator took offline. */
  readonly online: boolean
  readonly node: string
  readonly template: string
  readonly tags: readonly string[]
}

export interface GanetiPolicy {
  /** Group; empty: the cluster. */
  readonly owner: string
  readonly vcpuRatio: number
}

/** Disks that every node reaches. */
export const sharedTemplates: readonly string[] = ['ext', 'sharedfile', 'rbd', 'gluster', 'blockdev']
/** Disks of the node itself, or none. */
const localTemplates: readonly string[] = ['plain', 'file', 'diskless']

const statuses: Readonly<Record<string, 'running' | 'stopped' | 'offline'>> = {
  running: 'running',
  ERROR_up: 'running',
  ERROR_wrongnode: 'running',
  ADMIN_down: 'stopped',
  USER_down: 'stopped',
  ERROR_down: 'stopped',
  ERROR_nodedown: 'stopped',
  ERROR_nodeoffline: 'stopped',
  ADMIN_offline: 'offline',
}

const sections = ['group', 'node', 'instance', 'tags', 'policy'] as const
type Section = (typeof sections)[number]

/**
 * Parses Ganeti's text format: five sections, each ended by one empty line, fields between `|`.
 * @throws ConfigError naming every problem with its line
 */
export function parseGanetiText(text: string, file: string): GanetiCluster {
  const problems: ConfigProblem[] = []
  const lines = linesBySection(text, problems)
  const rows = (section: Section): Row[] =>
    lines[section].map(([line, content]) => new Row(section, line, content, problems))
  const cluster = {
    groups: rows('group').map(groupOf),
    nodes: rows('node').map(nodeOf),
    instances: rows('instance').map(instanceOf),
    clusterTags: lines.tags.map(([, content]) => content),
    policies: rows('policy').map(policyOf),
  }
  reportWrongNames(cluster, lines, problems)
  if (problems.length > 0) throw new ConfigError(file, problems)
  return cluster
}

type Lines = Readonly<Record<Section, [line: number, content: string][]>>

function linesBySection(text: string, problems: ConfigProblem[]): Lines {
  const lines: Lines = { group: [], node: [], instance: [], tags: [], policy: [] }
  let section = 0
  for (const [index, content] of text.replaceAll('\r\n', '\n').trimEnd().split('\n').entries()) {
    const name = sections[section]
    if (content === '') section += 1
    else if (name !== undefined) lines[name].push([index + 1, content])
    else {
      problems.push({ key: '', line: index + 1, expected: 'five sections', got: `a sixth: ${shown(content)}` })
      break
    }
  }
  for (const name of ['group', 'node'] as const) {
    if (lines[name].length > 0) continue
    const got = 'none; sections are groups, nodes, instances, tags, policies, one empty line after each'
    problems.push({ key: name, line: undefined, expected: 'at least one line', got })
  }
  return lines
}

/** Fields of one line. What is wrong is noted, and parsing goes on. */
class Row {
  readonly #fields: readonly string[]

  constructor(
    readonly section: Section,
    readonly line: number,
    content: string,
    private readonly problems: ConfigProblem[],
  ) {
    this.#fields = content.split('|')
  }

  text(place: number, key: string, expected = 'a name'): string {
    const text = this.#fields[place] ?? ''
    if (text === '')
      this.wrong(key, expected, place < this.#fields.length ? 'nothing' : `${this.#fields.length} fields`)
    return text
  }

  optional(place: number): string {
    return this.#fields[place] ?? ''
  }

  number(place: number, key: string, { least = 0, otherwise }: { least?: number; otherwise?: number } = {}): number {
    const text = this.#fields[place] ?? ''
    if (otherwise !== undefined && (text === '' || text === '-' || text === '?')) return otherwise
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
    if (value >= least && value <= 1e12) return value
    this.wrong(key, `a number of at least ${least}`, text === '' ? 'nothing' : shown(text))
    return otherwise ?? Math.max(1, least)
  }

  oneOf<Word extends string>(place: number, key: string, words: readonly Word[]): Word | undefined {
    const text = this.#fields[place] ?? ''
    const found = words.find((word) => word === text)
    if (found === undefined) this.wrong(key, `one of ${words.join(', ')}`, text === '' ? 'nothing' : shown(text))
    return found
  }

  list(place: number): string[] {
    return (this.#fields[place] ?? '').split(',').filter((tag) => tag !== '')
  }

  wrong(key: string, expected: string, got: string): void {
    this.problems.push({ key: `${this.section}.${key}`, line: this.line, expected, got })
  }
}

function groupOf(row: Row): GanetiGroup {
  return { name: row.text(0, 'name'), uuid: row.text(1, 'uuid', 'a uuid') }
}

function nodeOf(row: Row): GanetiNode {
  const name = row.text(0, 'name')
  const offline = row.oneOf(7, 'offline', ['Y', 'N', 'M']) === 'Y'
  const unknown = offline ? { otherwise: 0 } : {}
  return {
    name,
    totalMiB: row.number(1, 'tmem', offline ? unknown : { least: 1 }),
    nodeMiB: row.number(2, 'node_mem', unknown),
    freeMiB: row.number(3, 'free_mem', unknown),
    diskMiB: row.number(4, 'tdisk', unknown),
    freeDiskMiB: row.number(5, 'free_disk', unknown),
    cpus: row.number(6, 'pcpus', offline ? unknown : { least: 1 }),
    offline,
    groupUuid: row.text(8, 'group', 'the uuid of a group'),
    tags: row.list(10),
    osCpus: row.number(13, 'os_vcpus', { otherwise: 1 }),
    cpuSpeed: row.number(14, 'cpu_speed', { least: 0.001, otherwise: 1 }),
  }
}

function instanceOf(row: Row): GanetiInstance {
  const status = row.oneOf(4, 'status', Object.keys(statuses)) ?? 'running'
  const template = row.oneOf(8, 'template', [...sharedTemplates, ...localTemplates])
  if (row.optional(7) !== '') row.wrong('secondary', 'none: DRBD is not planned', shown(row.optional(7)))
  return {
    name: row.text(0, 'name'),
    memoryMiB: row.number(1, 'mem'),
    diskMiB: row.number(2, 'disk'),
    vcpus: row.number(3, 'vcpus'),
    running: statuses[status] === 'running',
    online: statuses[status] !== 'offline',
    node: row.text(6, 'primary', 'the name of a node'),
    template: template ?? 'plain',
    tags: row.list(9),
  }
}

function policyOf(row: Row): GanetiPolicy {
  return { owner: row.optional(0), vcpuRatio: row.number(4, 'vcpu_ratio', { least: 0.001 }) }
}

function reportWrongNames({ groups, nodes, instances }: GanetiCluster, lines: Lines, problems: ConfigProblem[]): void {
  const wrong = (section: Section, index: number, key: string, expected: string, got: string): void => {
    problems.push({ key: `${section}.${key}`, line: lines[section][index]?.[0], expected, got: shown(got) })
  }
  const repeats = (section: Section, entries: readonly { readonly name: string }[]): ReadonlySet<string> => {
    const seen = new Set<string>()
    for (const [index, { name }] of entries.entries()) {
      if (name !== '' && seen.has(name)) wrong(section, index, 'name', 'a name that is not taken yet', name)
      seen.add(name)
    }
    return seen
  }
  repeats('group', groups)
  const nodeNames = repeats('node', nodes)
  repeats('instance', instances)
  const uuids = new Set(groups.map(({ uuid }) => uuid))
  for (const [index, { groupUuid }] of nodes.entries()) {
    if (groupUuid !== '' && !uuids.has(groupUuid)) wrong('node', index, 'group', 'the uuid of a group', groupUuid)
  }
  for (const [index, { node }] of instances.entries()) {
    if (node !== '' && !nodeNames.has(node)) wrong('instance', index, 'primary', 'the name of a node', node)
  }
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

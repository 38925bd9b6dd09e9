import { InvalidArgumentError } from 'commander'

import { parseShare, parseSizeBytes } from '../../common/units.js'
import type { AddedHost } from '../planner/capacity/what-if.js'
import type { Profile } from '../planner/capacity/room-fleet.js'

/** Option values of the form `memory=64GiB,cores=16`. They throw InvalidArgumentError, which says what was expected. */

type Kind = 'size' | 'count' | 'name'

function amounts(text: string, known: Readonly<Record<string, Kind>>, example: string): Map<string, number | string> {
  const found = new Map<string, number | string>()
  for (const part of text.split(',')) {
    const [key = '', value = ''] = part.split(/=(.*)/su).map((word) => word.trim())
    const kind = Object.hasOwn(known, key) ? known[key] : undefined
    const amount = kind === 'size' ? parseSizeBytes(value) : kind === 'count' ? wholeNumber(value) : nameOf(value)
    if (kind === undefined || amount === undefined || found.has(key)) {
      throw new InvalidArgumentError(`Expected ${Object.keys(known).join(', ')} as in ${example}; got ${part}.`)
    }
    found.set(key, amount)
  }
  return found
}

function wholeNumber(text: string): number | undefined {
  return /^[1-9]\d{0,5}$/u.test(text) ? Number(text) : undefined
}

function nameOf(text: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u.test(text) ? text : undefined
}

function numberOf(found: ReadonlyMap<string, number | string>, key: string): number | undefined {
  const value = found.get(key)
  return typeof value === 'number' ? value : undefined
}

/** `memory=4GiB,vcpus=2`, with `disk=40GB` where it is to be on local disk. */
export function profileArgument(text: string): Profile {
  const example = 'memory=4GiB,vcpus=2'
  const found = amounts(text, { memory: 'size', vcpus: 'count', disk: 'size' }, example)
  const memoryBytes = numberOf(found, 'memory')
  if (memoryBytes === undefined || memoryBytes <= 0)
    throw new InvalidArgumentError(`Expected memory, as in ${example}.`)
  return { memoryBytes, vcpus: numberOf(found, 'vcpus') ?? 1, localDiskBytes: numberOf(found, 'disk') ?? 0 }
}

/** `memory=64GiB,cores=16`, with `name=` and `count=` if wished. */
export function addHostArgument(text: string, before: readonly AddedHost[] = []): AddedHost[] {
  const example = 'memory=64GiB,cores=16'
  const found = amounts(text, { memory: 'size', cores: 'count', name: 'name', count: 'count' }, example)
  const memoryBytes = numberOf(found, 'memory')
  const cores = numberOf(found, 'cores')
  if (memoryBytes === undefined || cores === undefined)
    throw new InvalidArgumentError(`Expected both, as in ${example}.`)
  const count = numberOf(found, 'count') ?? 1
  if (count > 1000) throw new InvalidArgumentError('Expected at most 1000 hosts.')
  const name = found.get('name')
  const nameAt = (at: number): string =>
    typeof name === 'string' ? (count === 1 ? name : `${name}-${at}`) : `new-host-${before.length + at}`
  return [...before, ...Array.from({ length: count }, (_, at) => ({ name: nameAt(at + 1), memoryBytes, cores }))]
}

/** `xenhv01=8GiB`. */
export function addMemoryArgument(
  text: string,
  before: readonly { readonly host: string; readonly bytes: number }[] = [],
): { readonly host: string; readonly bytes: number }[] {
  const [host = '', size = ''] = text.split(/=(.*)/su).map((word) => word.trim())
  const bytes = parseSizeBytes(size)
  if (host === '' || bytes === undefined) throw new InvalidArgumentError('Expected a host and a size: xenhv01=8GiB.')
  return [...before, { host, bytes }]
}

/** Names of hosts, each time one more, or several with commas. */
export function hostsArgument(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').map((name) => name.trim())]
}

/** `20%`. */
export function growArgument(text: string): number {
  const share = /^\d+(\.\d+)?%$/u.test(text) && text.length < 12 ? Number(text.slice(0, -1)) / 100 : parseShare(text)
  if (share !== undefined && share >= 0 && share <= 100) return share
  throw new InvalidArgumentError('Expected a percentage, such as 20%.')
}

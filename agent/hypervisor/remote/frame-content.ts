import { posix } from 'node:path'

import { numberOf } from '../../host/local-files.js'
import type { StatfsAnswer } from '../../host/machine-files.js'
import { FileTree } from './file-tree.js'
import { MalformedFrame, type Part } from './frame.js'

/** What one frame tells of the machine's files. */
export interface FrameContent {
  readonly tree: FileTree
  /** Use of file systems, by where they are mounted. */
  readonly space: ReadonlyMap<string, StatfsAnswer>
  /** Numbers of the devices beneath them, `253:3`. */
  readonly under: ReadonlyMap<string, string>
}

/** A host with 500 block devices has 30,000. */
const mostNodes = 65_536
const mostMounts = 1024
const mostPathLength = 4096

/** The only places that a reader tells of. Links are told of anywhere. */
const told = /^\/(?:proc|sys|dev|etc)\//

/**
 * Reads the parts of an answer to `fast`, `state` or `inventory`. Lines that make no sense are left out, and so is what lies where
 * a reader has nothing to tell of.
 * @throws MalformedFrame if there is too much of it
 */
export function contentOf(parts: readonly Part[]): FrameContent {
  const tree = new FileTree(mostNodes)
  const space = new Map<string, StatfsAnswer>()
  const under = new Map<string, string>()
  for (const { kind, argument, body } of parts) {
    switch (kind) {
      case 'heads':
        for (const { name, bytes } of headsIn(body)) {
          const path = placeOf(argument, name)
          if (path !== undefined && told.test(path)) tree.add(path, { kind: 'file', bytes })
        }
        break
      case 'names':
        for (const name of linesOf(body)) {
          // A pattern that found nothing stands for itself.
          const path = name.includes('*') ? undefined : placeOf(argument, name)
          if (path !== undefined && told.test(path)) tree.add(path, { kind: 'directory', entries: new Map() })
        }
        break
      case 'links':
        for (const line of linesOf(body)) addListed(tree, argument, line)
        break
      case 'space':
        for (const line of linesOf(body)) keep(space, parseSpace(line))
        break
      case 'under':
        for (const line of linesOf(body)) keep(under, parseUnder(line))
        break
      default:
        // Of a newer reader.
        break
    }
  }
  return { tree, space, under }
}

/** What head(1) prints of several files: `==> NAME <==`, the file, and a newline before the next. */
function* headsIn(body: Buffer): Generator<{ readonly name: string; readonly bytes: Buffer }> {
  const text = body.toString('latin1')
  const header = /(?:^|\n)==> ([^\n]*) <==\n/g
  let name: string | undefined
  let from = 0
  for (let found = header.exec(text); found !== null; found = header.exec(text)) {
    if (name !== undefined) yield { name, bytes: body.subarray(from, found.index) }
    name = found[1]
    from = header.lastIndex
  }
  if (name !== undefined) yield { name, bytes: body.subarray(from) }
}

/** A line of `ls -ln`, in the C locale: mode, links, owner, group, size or device number, three columns of time, name. */
function addListed(tree: FileTree, base: string, line: string): void {
  const match = /^([-a-z])\S+ +\d+ +\d+ +\d+ +(?:(\d{1,10}), *(\d{1,10})|\d+) +\S+ +\S+ +\S+ (.+)$/.exec(line)
  const [, type, major, minor, listed] = match ?? []
  if (type === undefined || listed === undefined) return
  if (type === 'l') {
    const arrow = listed.indexOf(' -> ')
    const path = arrow < 0 ? undefined : placeOf(base, listed.slice(0, arrow))
    const target = listed.slice(arrow + 4)
    if (path === undefined || target === '' || target.length > mostPathLength) return
    tree.add(path, { kind: 'link', target })
    return
  }
  const path = placeOf(base, listed)
  if (path === undefined || !told.test(path)) return
  if (type === 'd') tree.add(path, { kind: 'directory', entries: new Map() })
  if (type === '-') tree.add(path, { kind: 'unread' })
  if (type === 'b' && major !== undefined && minor !== undefined) {
    tree.add(path, { kind: 'device', number: `${Number(major)}:${Number(minor)}` })
  }
}

/** `4096 66053021 20317312 16777216 16324384 ./srv`: unit, units, available, files, free files, place. */
function parseSpace(line: string): readonly [path: string, answer: StatfsAnswer] | undefined {
  const match = /^(\d{1,20}) (\d{1,20}) (\d{1,20}) (\d{1,20}) (\d{1,20}) (.+)$/.exec(line)
  const path = match?.[6] === undefined ? undefined : placeOf('/', match[6])
  if (match === null || path === undefined) return undefined
  const [bsize = 0n, blocks = 0n, bavail = 0n, files = 0n, ffree = 0n] = match.slice(1, 6).map(BigInt)
  return [path, { bsize, blocks, bavail, files, ffree }]
}

/** `65027 ./srv`: the device's number in one, place. */
function parseUnder(line: string): readonly [path: string, number: string] | undefined {
  const match = /^(\d{1,20}) (.+)$/.exec(line)
  const path = match?.[2] === undefined ? undefined : placeOf('/', match[2])
  return match?.[1] === undefined || path === undefined ? undefined : [path, numberOf(BigInt(match[1]))]
}

function keep<Value>(map: Map<string, Value>, found: readonly [path: string, value: Value] | undefined): void {
  if (found === undefined) return
  if (map.size >= mostMounts) throw new MalformedFrame(`more than ${mostMounts} file systems`)
  map.set(found[0], found[1])
}

function* linesOf(body: Buffer): Generator<string> {
  for (const line of body.toString('utf8').split('\n')) if (line !== '') yield line
}

/** The name from the machine's root; undefined if it cannot be one. */
function placeOf(base: string, name: string): string | undefined {
  if (name.length > mostPathLength || name.includes('\0') || name.startsWith('/')) return undefined
  return posix.join('/', base, name)
}

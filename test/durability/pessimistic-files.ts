import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { SystemCall } from './system-calls.js'

interface File {
  bytes: Buffer
  /** As of its last fsync; empty before the first. */
  durable: Buffer
}

type Node = File | 'directory'

interface Opened {
  readonly node: Node
  readonly path: string
  readonly appends: boolean
  offset: number
}

/**
 * What is left of a directory at the worst: a file's content as of its last fsync, and a name only if the directory was fsynced
 * since it got it. No real file system forgets as much; the standard promises no more.
 */
export class PessimisticFiles {
  readonly #names = new Map<string, Node>()
  /** Names that directories had when they were fsynced. */
  readonly #durableNames = new Map<string, Node>()
  readonly #opened = new Map<number, Opened>()
  /** By the line where the call began: what an fsync that is under way covers. */
  readonly #covered = new Map<number, () => void>()

  constructor(private readonly root: string) {}

  /** Applies calls from first to last, each where it begins and where it ends. Calls elsewhere are passed over. */
  static replay(root: string, calls: readonly SystemCall[]): PessimisticFiles {
    const files = new PessimisticFiles(root)
    const moments = calls.flatMap((call) => [
      { line: call.beginLine, act: () => files.#begins(call) },
      { line: call.endLine, act: () => files.#ends(call) },
    ])
    // Stable: a call that is one line begins before it ends.
    for (const { act } of moments.toSorted((a, b) => a.line - b.line)) act()
    return files
  }

  /** Names that a power loss may take, by path. */
  get unsafeNames(): readonly string[] {
    return [...this.#names.keys()].filter((path) => !this.#isDurable(path))
  }

  /** Files as they are left at the worst, by path under the root. */
  survivors(): ReadonlyMap<string, Buffer> {
    const left = new Map<string, Buffer>()
    for (const [path, node] of this.#durableNames) {
      if (node !== 'directory' && this.#isDurable(path)) left.set(path.slice(this.root.length + 1), node.durable)
    }
    return left
  }

  /** Writes them down. */
  async writeTo(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true })
    for (const [path, bytes] of this.survivors()) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), bytes)
    }
  }

  #isDurable(path: string): boolean {
    return path === this.root || (this.#durableNames.has(path) && this.#isDurable(dirname(path)))
  }

  #begins({ name, fd, beginLine }: SystemCall): void {
    if (name !== 'fsync' && name !== 'fdatasync') return
    const opened = fd === undefined ? undefined : this.#opened.get(fd)
    if (opened === undefined) return
    const { node, path } = opened
    if (node !== 'directory') {
      const bytes = Buffer.from(node.bytes)
      this.#covered.set(beginLine, () => (node.durable = bytes))
      return
    }
    const names = [...this.#names].filter(([one]) => dirname(one) === path)
    this.#covered.set(beginLine, () => {
      for (const one of this.#durableNames.keys()) if (dirname(one) === path) this.#durableNames.delete(one)
      for (const [one, known] of names) this.#durableNames.set(one, known)
    })
  }

  #ends(call: SystemCall): void {
    const { name, fd, strings, result, beginLine } = call
    if (result < 0) return
    const path = strings[0]?.toString() ?? ''
    const opened = fd === undefined ? undefined : this.#opened.get(fd)
    switch (name) {
      case 'openat':
        this.#open(call, path)
        break
      case 'mkdir':
        if (this.#isInside(path)) this.#names.set(path, 'directory')
        break
      case 'write':
      case 'pwrite64':
        if (opened !== undefined && this.#isInside(call.target)) write(opened, call)
        break
      case 'ftruncate':
        if (opened !== undefined && opened.node !== 'directory' && this.#isInside(call.target))
          opened.node.bytes = resized(opened.node.bytes, Number(/, (\d+)$/.exec(call.text)?.[1] ?? 0))
        break
      case 'fsync':
      case 'fdatasync':
        if (this.#isInside(call.target) || call.target === this.root) this.#covered.get(beginLine)?.()
        this.#covered.delete(beginLine)
        break
      case 'rename': {
        const node = this.#names.get(path)
        if (node === undefined) break
        if (node === 'directory') throw new Error(`${path}: renamed directories are not followed`)
        this.#names.delete(path)
        this.#names.set(strings[1]?.toString() ?? '', node)
        break
      }
      case 'unlink':
      case 'rmdir':
        this.#names.delete(path)
        break
      default:
        if (this.#isInside(call.target) || strings.some((one) => this.#isInside(one.toString())))
          throw new Error(`${name} on ${call.target || path} is not followed`)
    }
  }

  #open({ result, text }: SystemCall, path: string): void {
    this.#opened.delete(result)
    if (path !== this.root && !this.#isInside(path)) return
    let node: Node | undefined = path === this.root ? 'directory' : this.#names.get(path)
    if (node === undefined) {
      node = /O_CREAT/.test(text) ? { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) } : 'directory'
      this.#names.set(path, node)
    }
    if (node !== 'directory' && /O_TRUNC/.test(text)) node.bytes = Buffer.alloc(0)
    this.#opened.set(result, { node, path, appends: /O_APPEND/.test(text), offset: 0 })
  }

  #isInside(path: string): boolean {
    return path.startsWith(`${this.root}/`)
  }
}

function write(opened: Opened, { name, strings, result, text }: SystemCall): void {
  const { node, appends } = opened
  if (node === 'directory') return
  const data = strings[0] ?? Buffer.alloc(0)
  if (data.length < result) throw new Error('the log does not hold all of what was written')
  const positioned = name === 'pwrite64'
  const offset = appends ? node.bytes.length : positioned ? Number(/, (\d+)$/.exec(text)?.[1] ?? 0) : opened.offset
  node.bytes = resized(node.bytes, Math.max(node.bytes.length, offset + result))
  data.copy(node.bytes, offset, 0, result)
  if (!positioned) opened.offset = offset + result
}

function resized(bytes: Buffer, length: number): Buffer {
  const result = Buffer.alloc(length)
  bytes.copy(result)
  return result
}

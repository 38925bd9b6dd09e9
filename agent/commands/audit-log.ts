import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'

import { errorCode } from '../../common/error-code.js'
import { makeDirectoryDurably, syncDirectory, writeDurably } from '../../common/durable-file.js'
import { brokenAt, entryFrom, headAfter, nextEntry, type ChainEntry, type ChainMark } from '../../common/hash-chain.js'
import type { Log } from '../../common/log.js'

/** A file this large is closed, and the next one begun. */
const fileBytes = 1_000_000
/** Beyond so many the oldest goes. */
const mostFiles = 16
const suffix = '.jsonl'
const idFile = 'log-id'

export interface AuditLimits {
  readonly fileBytes: number
  readonly mostFiles: number
}

/**
 * The agent's own log of what it was asked to do and did: only appended to, each entry with the hash of the one before, some megabytes at most.
 * Files are named by their first entry; one line an entry.
 */
export class AuditLog {
  #head: ChainMark
  #bytes = 0
  #files: string[]
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly directory: string,
    private readonly now: () => number,
    private readonly limits: AuditLimits,
    opened: { readonly head: ChainMark; readonly files: readonly string[]; readonly bytes: number },
  ) {
    this.#head = opened.head
    this.#files = [...opened.files]
    this.#bytes = opened.bytes
  }

  /** A last line that is not whole was never acknowledged to anybody, and goes; so does a last file that has no other. */
  static async open(
    directory: string,
    {
      now,
      log,
      limits = { fileBytes, mostFiles },
    }: { readonly now: () => number; readonly log: Log; readonly limits?: AuditLimits },
  ): Promise<AuditLog> {
    makeDirectoryDurably(directory)
    const logId = await logIdOf(directory)
    const { files, bytes } = await withWholeEnd(directory)
    const head = headAfter(logId, await lastOf(directory, files))
    const audit = new AuditLog(directory, now, limits, { head, files, bytes })
    const problem = await audit.verify()
    if (problem !== undefined) log.error({ problem }, 'the audit log is not whole')
    return audit
  }

  get head(): ChainMark {
    return this.#head
  }

  /** Durable when it resolves. @throws Error of the file system: then nothing was appended */
  append(what: ChainEntry['what']): Promise<void> {
    const write = this.#writing.then(() => this.#append(what))
    this.#writing = write.catch(() => undefined)
    return write
  }

  /** What is wrong with what is kept; undefined if nothing. */
  async verify(seen?: Pick<ChainMark, 'entries' | 'hash'>): Promise<string | undefined> {
    await this.#writing
    return verifyAuditLog(this.directory, seen, this.limits)
  }

  /** Where the log stood after so many entries, as it is now; undefined if it does not have them. */
  async at(entries: number): Promise<ChainMark | undefined> {
    const { logId } = this.#head
    if (entries === 0) return headAfter(logId, undefined)
    const file = this.#files.findLast((name) => firstOf(name) <= entries)
    if (file === undefined) return undefined
    const entry = (await entriesOf(join(this.directory, file))).find(({ seq }) => seq === entries)
    return entry && headAfter(logId, entry)
  }

  async #append(what: ChainEntry['what']): Promise<void> {
    const entry = nextEntry(this.#head, this.now(), what)
    const line = `${JSON.stringify(entry)}\n`
    let file = this.#files.at(-1)
    const isNew = file === undefined || this.#bytes + line.length > this.limits.fileBytes
    if (isNew || file === undefined) file = `${String(entry.seq).padStart(12, '0')}${suffix}`
    const path = join(this.directory, file)
    const handle = await open(path, 'a', 0o600)
    const before = isNew ? 0 : this.#bytes
    try {
      await handle.writeFile(line)
      await handle.datasync()
    } catch (error) {
      // What may stand there half is no entry.
      await handle.truncate(before).catch(() => undefined)
      throw error
    } finally {
      await handle.close()
    }
    this.#head = headAfter(this.#head.logId, entry)
    this.#bytes = before + Buffer.byteLength(line)
    if (!isNew) return
    this.#files.push(file)
    await syncDirectory(this.directory)
    while (this.#files.length > this.limits.mostFiles)
      await rm(join(this.directory, this.#files.shift() ?? ''), { force: true })
  }
}

/** The last entry that can be read; undefined if there is none. @throws Error of the file system */
export async function lastEntry(directory: string): Promise<ChainEntry | undefined> {
  return lastOf(directory, await filesOf(directory))
}

/** What is wrong with an agent's audit log; undefined if nothing. @throws Error of the file system */
export async function verifyAuditLog(
  directory: string,
  seen?: Pick<ChainMark, 'entries' | 'hash'>,
  limits: Pick<AuditLimits, 'mostFiles'> = { mostFiles },
): Promise<string | undefined> {
  const entries: ChainEntry[] = []
  const files = await filesOf(directory)
  for (const name of files) {
    const content = await readFile(join(directory, name), 'utf8')
    // An agent that runs may be writing the last line.
    const lines = linesOf(name === files.at(-1) ? content.slice(0, content.lastIndexOf('\n') + 1) : content)
    for (const [index, line] of lines.entries()) {
      const entry = parsed(line)
      if (entry === undefined) return `line ${index + 1} of ${name} is no entry`
      entries.push(entry)
    }
  }
  const [first] = entries
  if (first?.seq === 1 && first.previous !== (await keptIdOf(directory))) return 'its first entry is of another log'
  return brokenAt(entries, seen) ?? oldestMissing(first, files, limits)
}

/** The oldest go file by file, and only where there are as many files as may be. */
function oldestMissing(
  first: ChainEntry | undefined,
  [oldest = '', ...others]: readonly string[],
  limits: Pick<AuditLimits, 'mostFiles'>,
): string | undefined {
  if (first === undefined || first.seq === 1) return undefined
  const isFull = others.length + 1 >= limits.mostFiles
  return isFull && first.seq === firstOf(oldest) ? undefined : `entries 1 to ${first.seq - 1} are missing`
}

async function logIdOf(directory: string): Promise<string> {
  const kept = await keptIdOf(directory)
  if (kept !== undefined) return kept
  const id = randomBytes(16).toString('hex')
  await writeDurably(join(directory, idFile), `${id}\n`)
  return id
}

async function keptIdOf(directory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(directory, idFile), 'utf8')).trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function filesOf(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(suffix)).toSorted()
}

function firstOf(name: string): number {
  return Number(name.slice(0, -suffix.length))
}

/** Files at the end without a whole line go: the machine failed while the first one of each was written. */
async function withWholeEnd(directory: string): Promise<{ readonly files: readonly string[]; readonly bytes: number }> {
  const files = await filesOf(directory)
  for (let last = files.at(-1); last !== undefined; last = files.at(-1)) {
    const bytes = await cutTornLine(join(directory, last))
    if (bytes > 0) return { files, bytes }
    await rm(join(directory, last))
    files.pop()
  }
  return { files, bytes: 0 }
}

/** The last that can be read: what stands after it is damaged, which looking at all of it finds. */
async function lastOf(directory: string, files: readonly string[]): Promise<ChainEntry | undefined> {
  for (const name of files.toReversed()) {
    const last = (await entriesOf(join(directory, name))).at(-1)
    if (last !== undefined) return last
  }
  return undefined
}

async function cutTornLine(path: string): Promise<number> {
  const content = await readFile(path)
  const whole = content.lastIndexOf(0x0a) + 1
  if (whole < content.length) await truncate(path, whole)
  return whole
}

/** Those that can be read. */
async function entriesOf(path: string): Promise<ChainEntry[]> {
  return linesOf(await readFile(path, 'utf8')).flatMap((line) => parsed(line) ?? [])
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

function parsed(line: string): ChainEntry | undefined {
  try {
    return entryFrom(JSON.parse(line))
  } catch {
    return undefined
  }
}

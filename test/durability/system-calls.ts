import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** A system call of a traced program. Lines number what strace saw, in its order, over all threads. */
export interface SystemCall {
  readonly name: string
  /** The descriptor that is its first argument, and what that stands for: a path, or `TCP:[near->far]`. */
  readonly fd: number | undefined
  readonly target: string
  /** Its strings, whole. */
  readonly strings: readonly Buffer[]
  /** All arguments as strace wrote them. */
  readonly text: string
  readonly result: number
  readonly beginLine: number
  readonly endLine: number
  /** When strace saw its end, milliseconds since the epoch. */
  readonly endMs: number
}

/** Everything that changes files or makes them durable, and what is said on sockets. */
const traced =
  'openat,write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,unlink,unlinkat,mkdir,rmdir,sendto,sendmsg'

/** Starts a program under strace, with an IPC channel to it. Its calls go to `logFile`; it ends when the channel is closed. */
export function startTraced(logFile: string, command: readonly string[], outputFd: number): ChildProcess {
  const options = ['-f', '--seccomp-bpf', '-qq', '-ttt', '-yy', '-xx', '-s', '200000', '-e', 'signal=none']
  return spawn('strace', [...options, '-e', `trace=${traced}`, '-o', logFile, ...command], {
    stdio: ['ignore', outputFd, outputFd, 'ipc'],
  })
}

/** The calls in a log of `startTraced`, in the order of their ends. */
export async function readCalls(logFile: string): Promise<SystemCall[]> {
  return parseCalls(await readFile(logFile, 'latin1'))
}

interface Begun {
  readonly text: string
  readonly line: number
}

export function parseCalls(log: string): SystemCall[] {
  const begun = new Map<string, Begun>()
  const calls: SystemCall[] = []
  for (const [line, whole] of log.split('\n').entries()) {
    const [, pid = '', seconds = '', rest = ''] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(whole) ?? []
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest)
    if (unfinished !== null) {
      begun.set(pid, { text: unfinished[1] ?? '', line })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const before = resumed === null ? undefined : begun.get(pid)
    if (resumed !== null && before === undefined) continue
    const call = callOf(`${before?.text ?? ''}${resumed === null ? rest : (resumed[1] ?? '')}`)
    if (call !== undefined)
      calls.push({ ...call, beginLine: before?.line ?? line, endLine: line, endMs: Number(seconds) * 1000 })
  }
  return calls
}

function callOf(text: string): Omit<SystemCall, 'beginLine' | 'endLine' | 'endMs'> | undefined {
  const parts = /^(\w+)\((.*)\) += (-?\d+)/.exec(text)
  if (parts === null) return undefined
  const [, name = '', args = '', result = ''] = parts
  const first = /^(\d+)<(\w+:\[[^\]]*\]|[^>]*)>/.exec(args)
  return {
    name,
    fd: first === null ? undefined : Number(first[1]),
    target: unescaped(first?.[2] ?? '').toString(),
    strings: [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map((match) => unescaped(match[1] ?? '')),
    text: args,
    result: Number(result),
  }
}

function unescaped(text: string): Buffer {
  return text.includes('\\x') ? Buffer.from(text.replaceAll('\\x', ''), 'hex') : Buffer.from(text)
}

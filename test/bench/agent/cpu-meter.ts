import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** CPU seconds of each thread since it began, by thread id. Source: the first number of /proc/PID/task/TID/schedstat, ns. */
export type ThreadCpu = ReadonlyMap<string, number>

/**
 * @param wanted chooses threads by name; all if absent
 * @returns what could be read; threads that have ended are not in it
 */
export function threadCpu(pids: readonly number[], wanted: (name: string) => boolean = () => true): ThreadCpu {
  const seconds = new Map<string, number>()
  for (const pid of pids) {
    for (const thread of entries(`/proc/${pid}/task`)) {
      const directory = `/proc/${pid}/task/${thread}`
      try {
        if (!wanted(readFileSync(`${directory}/comm`, 'utf8').trim())) continue
        seconds.set(thread, Number(readFileSync(`${directory}/schedstat`, 'utf8').split(' ')[0]) / 1e9)
      } catch {
        // It ended meanwhile.
      }
    }
  }
  return seconds
}

/** CPU seconds between two readings. A thread that began meanwhile counts from its start, one that ended is not counted. */
export function spentSeconds(before: ThreadCpu, after: ThreadCpu): number {
  let total = 0
  for (const [thread, seconds] of after) total += seconds - (before.get(thread) ?? 0)
  return total
}

/** Resident memory of a process in MiB. @throws if it is gone */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kib === undefined) throw new Error(`process ${pid} has no memory`)
  return Number(kib) / 1024
}

/** Processes of this program that live in the same process namespace as `witness`. */
export function pidsBeside(witness: number, program: string): number[] {
  const world = namespaceOf(String(witness))
  return entries('/proc')
    .filter((entry) => /^\d+$/.test(entry) && programOf(entry) === program && namespaceOf(entry) === world)
    .map(Number)
}

function namespaceOf(pid: string): string {
  return orNothing(() => readlinkSync(`/proc/${pid}/ns/pid`))
}

function programOf(pid: string): string {
  return orNothing(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '')
}

function orNothing(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

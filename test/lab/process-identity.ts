import { readdir, readFile } from 'node:fs/promises'

/** A process that cannot be taken for another one that got its number later. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot when it started. */
  readonly startTicks: string
}

/** Undefined if there is no such process, or only its corpse. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name before may contain anything.
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const startTicks = fields[18]
  return startTicks === undefined || state === 'Z' || state === 'X' ? undefined : { pid, startTicks }
}

export async function isAlive({ pid, startTicks }: ProcessIdentity): Promise<boolean> {
  return (await identify(pid))?.startTicks === startTicks
}

/** The process 1 of a namespace whose command line begins with these words after the shell's own. */
export async function findInit(...words: readonly string[]): Promise<ProcessIdentity | undefined> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    const [shell, ...rest] = command.split('\0')
    if (shell !== 'bash' || !words.every((word, index) => rest[index] === word)) continue
    const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '')
    if (/^NSpid:.*\t1$/m.test(status)) return identify(Number(entry))
  }
  return undefined
}

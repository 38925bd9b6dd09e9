/**
 * The verb table: every command that there is, once. Both sides check commands against it: the controller before it sends one, the agent before it
 * does anything. How a verb is done is a file of its own, `agent/commands/verbs/`.
 */

import {
  exactDuration,
  exactRate,
  exactSize,
  GiB,
  MiB,
  parseDurationMs,
  parseRateBytesPerSecond,
  parseSizeBytes,
} from './units.js'

/** States of a VM that a verb can start from, in the words of the hypervisor drivers. */
export type VerbState = 'running' | 'blocked' | 'paused' | 'shutting-down' | 'shutoff' | 'crashed' | 'suspended'

/** Who may ask for commands, each may what those before may. An owner: for VMs of their own. */
export const roles = ['viewer', 'owner', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** What the value of an argument has to be. Bounds are bytes, bytes a second, milliseconds or a count. */
export type ArgForm =
  | { readonly is: 'choice'; readonly of: readonly string[] }
  | { readonly is: keyof typeof quantities; readonly least: number; readonly most: number }
  /** A disk's name in the guest, such as vda. */
  | { readonly is: 'disk' }
  /** A name out of the agent's configuration. */
  | { readonly is: 'entry' }
  /** The name of a host. */
  | { readonly is: 'host' }
  /** One line of text. */
  | { readonly is: 'text'; readonly most: number }

export type VerbArg = ArgForm & {
  /** What it is, for people. */
  readonly says: string
  readonly isOptional?: true
  /** On the command line it is an option (`--for 30m`), not a word of its own. */
  readonly isOption?: true
  /** Nobody else gives it. */
  readonly isSetByController?: true
}

export interface Verb {
  /** What it does, for people. */
  readonly says: string
  /** Arguments by name. */
  readonly args: Readonly<Record<string, VerbArg>>
  /** Arguments of which at least one has to be there. */
  readonly anyOf?: readonly string[]
  /** States of the VM in which it can be begun. */
  readonly states: readonly VerbState[] | 'any'
  /** What it can cost: nothing, an interruption, or what the guest holds in memory. */
  readonly risk: 'safe' | 'disruptive' | 'destructive'
  /** The least role that may ask for it. */
  readonly role: Role
  /** How long it may take from its beginning, milliseconds. */
  readonly timeoutMs: number
  /** Whether it can be cancelled once it has begun. */
  readonly cancel: 'before-start' | 'while-running'
  /** A step of this verb: allowed with it, and asked for by the controller alone. */
  readonly stepOf?: 'migrate'
  /** Done by the controller through steps: no agent is sent it. */
  readonly isOnlySteps?: true
  /** The VM may not be on that host yet, or not any more; its name comes as `name` then. */
  readonly mayBeAbsent?: true
  /** It begins a run of the VM: not on a host in maintenance, nor beside another copy that may run. */
  readonly beginsRun?: true
  /** It lets a halted run go on: not beside another copy that may run. */
  readonly goesOn?: true
  /** What it takes a place of besides its VM, where only so many may run at once. */
  readonly slot: 'none' | 'host' | 'array'
}

/** Names of programs that an agent's configuration lists. */
export const entryName = /^[a-z][a-z0-9-]{0,31}$/

/** What can be told to a hypervisor as the name of another host. */
const hostNameForm = /^[A-Za-z0-9][\w.-]{0,127}$/

/** How values with a unit are read, and printed in what is said of them. */
const quantities = {
  size: { parse: parseSizeBytes, print: exactSize, example: '2GiB' },
  rate: { parse: parseRateBytesPerSecond, print: exactRate, example: '5MiB/s' },
  duration: { parse: parseDurationMs, print: exactDuration, example: '30m' },
  count: { parse: wholeNumber, print: String, example: '200' },
} as const

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

const running = ['running', 'blocked'] as const
const second = 1000
const day = 86_400 * second
const optional = { isOptional: true, isOption: true } as const
const rate = { is: 'rate', least: 16_384, most: 1e12, ...optional } as const
const word = { is: 'text', most: 256, isOptional: true, says: 'an argument' } as const
const moveId = { is: 'text', most: 64, says: 'the command that moves it' } as const
const requests = { is: 'count', least: 1, most: 1_000_000, ...optional } as const
const quick = { args: {}, timeoutMs: 60 * second, cancel: 'before-start', slot: 'host' } as const

export const verbTable = {
  start: { ...quick, says: 'starts it', states: ['shutoff', 'crashed'], risk: 'safe', role: 'owner', beginsRun: true },
  shutdown: {
    ...quick,
    says: 'asks the guest to shut down, again and again until it has',
    states: running,
    risk: 'disruptive',
    role: 'owner',
    timeoutMs: 300 * second,
    cancel: 'while-running',
  },
  reboot: { ...quick, says: 'asks the guest to reboot', states: running, risk: 'disruptive', role: 'owner' },
  reset: {
    ...quick,
    says: 'resets it, as the button does: the guest is not asked',
    states: [...running, 'paused', 'crashed'],
    risk: 'destructive',
    role: 'owner',
  },
  destroy: {
    ...quick,
    says: 'ends it at once, as pulling the plug does: the guest is not asked',
    states: [...running, 'paused', 'shutting-down', 'crashed', 'suspended'],
    risk: 'destructive',
    role: 'owner',
  },
  suspend: {
    ...quick,
    says: 'halts it; its memory stays',
    states: running,
    risk: 'disruptive',
    role: 'operator',
  },
  resume: {
    ...quick,
    says: 'lets a halted one go on',
    states: ['paused'],
    risk: 'safe',
    role: 'operator',
    goesOn: true,
  },
  autostart: {
    ...quick,
    says: 'has it started with its host, or not',
    args: { enabled: { is: 'choice', of: ['on', 'off'], says: 'whether it is' } },
    states: 'any',
    risk: 'safe',
    role: 'operator',
    slot: 'none',
  },
  limit: {
    ...quick,
    says: 'limits what it may read and write for a while, or on Xen its CPU time; the agent puts back what was in force before, and a limit is never looser than that',
    args: {
      read: { ...rate, says: 'bytes read a second, of each disk' },
      write: { ...rate, says: 'bytes written a second, of each disk' },
      readRequests: { ...requests, says: 'requests to read a second, of each disk' },
      writeRequests: { ...requests, says: 'requests to write a second, of each disk' },
      disk: { is: 'disk', ...optional, says: 'only this disk' },
      cpu: {
        is: 'count',
        least: 1,
        most: 65_535,
        ...optional,
        says: 'CPU time in percent of one CPU, on Xen, which cannot limit disks',
      },
      for: { is: 'duration', least: second, most: 30 * day, isOption: true, says: 'how long' },
    },
    anyOf: ['read', 'write', 'readRequests', 'writeRequests', 'cpu'],
    states: [...running, 'paused'],
    risk: 'disruptive',
    role: 'operator',
  },
  unlimit: {
    ...quick,
    says: 'ends a limit before its time',
    states: [...running, 'paused'],
    risk: 'safe',
    role: 'operator',
  },
  memory: {
    ...quick,
    says: 'sets the memory that it has, up to its maximum: now if it runs, and at its next start',
    args: { size: { is: 'size', least: 16 * MiB, most: 64 * 1024 * GiB, says: 'what it then has' } },
    states: [...running, 'shutoff', 'crashed'],
    risk: 'disruptive',
    role: 'operator',
  },
  vcpus: {
    ...quick,
    says: 'sets how many vCPUs it has: now as far as that can be, and at its next start',
    args: { count: { is: 'count', least: 1, most: 4096, says: 'how many it then has' } },
    states: [...running, 'shutoff', 'crashed'],
    risk: 'disruptive',
    role: 'operator',
  },
  'memory-statistics': {
    ...quick,
    says: 'sets how often its guest tells of its memory; 0s: never',
    args: { every: { is: 'duration', least: 0, most: 3600 * second, says: 'the time between' } },
    states: [...running, 'shutoff', 'crashed'],
    risk: 'safe',
    role: 'operator',
  },
  save: {
    ...quick,
    says: 'saves what it holds in memory, and ends it; restore goes on from there',
    states: [...running, 'paused'],
    risk: 'disruptive',
    role: 'operator',
    timeoutMs: 1800 * second,
    cancel: 'while-running',
  },
  restore: {
    ...quick,
    says: 'lets one that was saved go on',
    beginsRun: true,
    states: ['shutoff'],
    risk: 'safe',
    role: 'operator',
    timeoutMs: 600 * second,
  },
  undefine: {
    ...quick,
    says: 'has its host forget it, once its definition is kept on that host and by the controller; its disks stay',
    states: ['shutoff', 'crashed'],
    risk: 'destructive',
    role: 'operator',
    timeoutMs: 120 * second,
  },
  dumpxml: {
    ...quick,
    says: 'tells its definition, without secrets',
    states: 'any',
    risk: 'safe',
    role: 'operator',
    slot: 'none',
  },
  migrate: {
    ...quick,
    says: 'moves it to another host while it runs; it goes on there once it is off here',
    args: {
      to: { is: 'host', isOption: true, says: 'the other host' },
      bandwidth: { is: 'rate', least: MiB, most: 1e12, ...optional, says: 'the most that the move sends a second' },
      autoConverge: {
        is: 'choice',
        of: ['on', 'off'],
        ...optional,
        says: 'slow the guest down where it dirties memory faster than that is sent',
      },
      definition: { is: 'text', most: 64, ...optional, isSetByController: true, says: 'hash of what was archived' },
    },
    states: running,
    risk: 'disruptive',
    role: 'operator',
    timeoutMs: 7200 * second,
    cancel: 'while-running',
  },
  resolve: {
    ...quick,
    says: 'after a migration whose contact was lost: ends the copy on the other host, and lets the one on this host go on',
    args: { keep: { is: 'host', isOption: true, says: 'the host whose copy goes on' } },
    states: [...running, 'paused', 'shutoff'],
    risk: 'destructive',
    role: 'operator',
    isOnlySteps: true,
    timeoutMs: 600 * second,
  },
  offer: {
    ...quick,
    says: 'looks whether it can leave its host, and tells its definition, which is archived',
    args: { keep: { is: 'choice', of: ['yes', 'no'], says: 'whether it is archived' } },
    states: running,
    risk: 'safe',
    role: 'operator',
    stepOf: 'migrate',
    slot: 'none',
  },
  receive: {
    ...quick,
    says: 'looks whether it can come to a host, where its definition is archived',
    args: {
      name: { is: 'text', most: 256, says: 'its name' },
      keep: { is: 'choice', of: ['yes', 'no'], says: 'whether it is archived' },
      move: { ...moveId },
    },
    states: ['shutoff'],
    risk: 'safe',
    role: 'operator',
    stepOf: 'migrate',
    mayBeAbsent: true,
    slot: 'none',
  },
  arrive: {
    ...quick,
    says: 'lets one go on that has come by a migration, or was halted by one',
    args: {
      autostart: { is: 'choice', of: ['on', 'off'], isOptional: true, says: 'whether it is to start with its host' },
      move: { ...moveId },
    },
    // One that runs has arrived: told twice, it is no mistake.
    states: [...running, 'paused'],
    risk: 'safe',
    role: 'operator',
    stepOf: 'migrate',
    slot: 'none',
  },
  discard: {
    ...quick,
    says: 'removes the halted or ended copy that a migration has left; its definition is archived, its disks stay',
    args: { name: { is: 'text', most: 256, isOptional: true, says: 'its name' }, move: { ...moveId } },
    states: ['paused', 'shutoff', 'crashed'],
    risk: 'destructive',
    role: 'operator',
    stepOf: 'migrate',
    mayBeAbsent: true,
    slot: 'none',
  },
  exec: {
    ...quick,
    says: "runs a program of the agent's own list for it",
    args: {
      entry: { is: 'entry', says: 'which of them' },
      arg1: word,
      arg2: word,
      arg3: word,
      arg4: word,
      rate: {
        ...rate,
        isSetByController: true,
        says: 'bytes a second that it is to keep to, of one that reads or writes much',
      },
    },
    states: 'any',
    risk: 'destructive',
    role: 'operator',
    timeoutMs: day,
    cancel: 'while-running',
  },
  console: {
    ...quick,
    says: 'tells the end of the log of its console',
    states: 'any',
    risk: 'safe',
    role: 'operator',
    slot: 'none',
  },
} as const satisfies Record<string, Verb>

export type VerbName = keyof typeof verbTable

export const verbNames: readonly VerbName[] = Object.keys(verbTable).filter(isVerb)

/** Verbs that somebody may ask for. */
export const askableVerbs: readonly VerbName[] = verbNames.filter((name) => verbOf(name).stepOf === undefined)

/** The verb by whose name the agent's configuration allows it. */
export function allowedAs(name: VerbName): VerbName {
  const { stepOf, isOnlySteps } = verbOf(name)
  return stepOf ?? (isOnlySteps === true ? 'migrate' : name)
}

export function isVerb(name: string): name is VerbName {
  return Object.hasOwn(verbTable, name)
}

/** A row of the table. */
export function verbOf(name: VerbName): Verb {
  return verbTable[name]
}

/** What is wrong with the arguments of a verb; undefined if nothing. */
export function wrongArgs(name: VerbName, args: Readonly<Record<string, string>>): string | undefined {
  const { args: expected, anyOf } = verbOf(name)
  for (const [key, arg] of Object.entries(expected)) {
    const got = Object.hasOwn(args, key) ? args[key] : undefined
    if (got === undefined && arg.isOptional === true) continue
    if (got === undefined) return `${name} needs ${key}: ${formText(arg)}`
    if (!isOfForm(arg, got)) return `${key} of ${name} is ${formText(arg)}, not ${JSON.stringify(got.slice(0, 40))}`
  }
  const unknown = Object.keys(args).find((key) => !Object.hasOwn(expected, key))
  if (unknown !== undefined) return `${name} has no argument ${JSON.stringify(unknown.slice(0, 40))}`
  const isShort = anyOf !== undefined && !anyOf.some((key) => Object.hasOwn(args, key))
  return isShort ? `${name} needs at least one of ${anyOf.join(', ')}` : undefined
}

/** What a value has to be, for people. */
export function formText(form: ArgForm): string {
  switch (form.is) {
    case 'choice':
      return form.of.join(' or ')
    case 'disk':
      return 'the name of a disk in the guest, such as vda'
    case 'entry':
      return 'a name of small letters, digits and dashes'
    case 'host':
      return 'the name of a host'
    case 'text':
      return `one line of at most ${form.most} characters`
    case 'size':
    case 'rate':
    case 'duration':
    case 'count': {
      const { print, example } = quantities[form.is]
      return `a ${form.is} from ${print(form.least)} to ${print(form.most)}, such as ${example}`
    }
  }
}

function isOfForm(form: ArgForm, text: string): boolean {
  switch (form.is) {
    case 'choice':
      return form.of.includes(text)
    case 'disk':
      return /^[a-z][a-z0-9]{1,15}$/.test(text)
    case 'entry':
      return entryName.test(text)
    case 'host':
      return hostNameForm.test(text)
    case 'text':
      return text.length <= form.most && !/\p{Cc}/u.test(text)
    case 'size':
    case 'rate':
    case 'duration':
    case 'count': {
      const value = quantities[form.is].parse(text)
      return value !== undefined && value >= form.least && value <= form.most
    }
  }
}

/** The quantity that an argument says: bytes, bytes a second, milliseconds or a count. Undefined: it is not there, or no quantity. */
export function quantityOf(name: VerbName, args: Readonly<Record<string, string>>, key: string): number | undefined {
  const form = verbOf(name).args[key]
  const text = Object.hasOwn(args, key) ? args[key] : undefined
  return form === undefined || text === undefined || !('least' in form) ? undefined : quantities[form.is].parse(text)
}

/** Why a VM in this state is nothing for the verb; undefined if it is. */
export function wrongState(name: VerbName, state: string): string | undefined {
  const { states } = verbOf(name)
  if (states === 'any' || states.some((one) => one === state)) return undefined
  return `the VM is ${state}; ${name} needs one that is ${states.join(', ')}`
}

/** A check that a command goes through before anything is done, and what it said. */
export interface Verdict {
  readonly check: string
  readonly ok: boolean
  /** Why not; or what was found. */
  readonly says: string
}

/** Where a command is in its life. Those after `running` are ends. */
export const commandStates = [
  'pending-approval',
  'queued',
  'sent',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'refused',
  'unknown',
] as const
export type CommandState = (typeof commandStates)[number]

export function isEnd(state: CommandState): boolean {
  return !(['pending-approval', 'queued', 'sent', 'running'] satisfies CommandState[]).some((one) => one === state)
}

/**
 * The verb table: every command that there is, once. Both sides check commands against it: the controller before it sends one, the agent before it
 * does anything. How a verb is done is a file of its own, `agent/commands/verbs/`.
 */

/** States of a VM that a verb can start from, in the words of the hypervisor drivers. */
export type VerbState = 'running' | 'blocked' | 'paused' | 'shutting-down' | 'shutoff' | 'crashed' | 'suspended'

/** Who may ask for commands, each may what those before may. An owner: for VMs of their own. */
export const roles = ['viewer', 'owner', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export interface Verb {
  /** What it does, for people. */
  readonly says: string
  /** Arguments, all of which have to be there, with the values that each may have. */
  readonly args: Readonly<Record<string, readonly string[]>>
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
  /** It begins a run of the VM. */
  readonly beginsRun?: true
  /** What it takes a place of besides its VM, where only so many may run at once. */
  readonly slot: 'none' | 'host' | 'array'
}

const running = ['running', 'blocked'] as const
const second = 1000
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
  resume: { ...quick, says: 'lets a halted one go on', states: ['paused'], risk: 'safe', role: 'operator' },
  autostart: {
    ...quick,
    says: 'has it started with its host, or not',
    args: { enabled: ['on', 'off'] },
    states: 'any',
    risk: 'safe',
    role: 'operator',
    slot: 'none',
  },
} as const satisfies Record<string, Verb>

export type VerbName = keyof typeof verbTable

export const verbNames: readonly VerbName[] = Object.keys(verbTable).filter(isVerb)

export function isVerb(name: string): name is VerbName {
  return Object.hasOwn(verbTable, name)
}

/** A row of the table. */
export function verbOf(name: VerbName): Verb {
  return verbTable[name]
}

/** What is wrong with the arguments of a verb; undefined if nothing. */
export function wrongArgs(name: VerbName, args: Readonly<Record<string, string>>): string | undefined {
  const expected = verbOf(name).args
  for (const [key, values] of Object.entries(expected)) {
    const got = Object.hasOwn(args, key) ? args[key] : undefined
    if (got === undefined) return `${name} needs ${key}: ${values.join(' or ')}`
    if (!values.includes(got))
      return `${key} of ${name} is ${values.join(' or ')}, not ${JSON.stringify(got.slice(0, 40))}`
  }
  const unknown = Object.keys(args).find((key) => !Object.hasOwn(expected, key))
  return unknown === undefined ? undefined : `${name} has no argument ${JSON.stringify(unknown.slice(0, 40))}`
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

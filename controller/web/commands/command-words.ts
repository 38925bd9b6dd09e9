import { isVerb, type CommandState, type Role, type VerbName } from '../../../common/verbs.js'
import type { CommandView } from '../../api/views.js'
import type { StateLook } from '../vms/vm-state.js'

/** Words and looks of commands. Pure. */

/** What stands on the button of a verb. */
export const verbLabels: Readonly<Record<VerbName, string>> = {
  start: 'Start',
  shutdown: 'Shut down',
  reboot: 'Reboot',
  reset: 'Reset',
  destroy: 'End at once',
  suspend: 'Halt',
  resume: 'Go on',
  autostart: 'Start with its host',
  limit: 'Limit disks',
  unlimit: 'End the limit',
  memory: 'Set memory',
  vcpus: 'Set vCPUs',
  'memory-statistics': 'Memory statistics',
  save: 'Save',
  restore: 'Restore',
  undefine: 'Undefine',
  dumpxml: 'Show definition',
  migrate: 'Migrate',
  resolve: 'Resolve a migration',
  offer: 'Offer',
  receive: 'Receive',
  arrive: 'Arrive',
  discard: 'Discard',
  exec: 'Run a program',
  console: 'Console log',
}

/** Of a verb that a newer controller may know and this page not: its name. */
export function labelOf(verb: string): string {
  return isVerb(verb) ? verbLabels[verb] : verb
}

/** What people do most stands first and open. */
export const usualVerbs: readonly VerbName[] = ['start', 'shutdown', 'reboot']

export const commandLooks: Readonly<Record<CommandState, StateLook>> = {
  'pending-approval': { word: 'waits for approval', sign: '◔', tone: 'idle' },
  queued: { word: 'queued', sign: '◌', tone: 'idle' },
  sent: { word: 'sent', sign: '◌', tone: 'idle' },
  running: { word: 'running', sign: '◐', tone: 'idle' },
  succeeded: { word: 'succeeded', sign: '●', tone: 'good' },
  failed: { word: 'failed', sign: '✕', tone: 'bad' },
  cancelled: { word: 'cancelled', sign: '○', tone: 'off' },
  expired: { word: 'expired', sign: '○', tone: 'off' },
  refused: { word: 'refused', sign: '✕', tone: 'bad' },
  unknown: { word: 'outcome unknown', sign: '?', tone: 'bad' },
}

/** `write=5MiB/s, for=30m`; empty if there are none. */
export function argsWords(args: Readonly<Record<string, string>>): string {
  return Object.entries(args)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')
}

/** Share of what is done, 0 to 1; undefined if that is not known. */
export function doneShare({ progress }: Pick<CommandView, 'progress'>): number | undefined {
  if (progress === undefined || progress.totalBytes <= 0) return undefined
  return Math.min(1, progress.doneBytes / progress.totalBytes)
}

const roleOrder: readonly Role[] = ['viewer', 'owner', 'operator', 'admin']

/** Whether a role may what needs another. The controller decides; this only says what is worth showing. */
export function mayAs(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && roleOrder.indexOf(role) >= roleOrder.indexOf(needed)
}

/** What an entry of the audit log says, in one line: the event, who, about what, and the rest as it is. */
export function auditWords(what: Readonly<Record<string, unknown>>): {
  readonly event: string
  readonly actor: string
  readonly rest: string
} {
  const { event, actor, ...rest } = what
  const parts = Object.entries(rest)
    .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const)
    .filter(([key, text]) => text !== '' && text !== '{}' && !quietKeys.has(key))
    .map(([key, text]) => `${key} ${text}`)
  return {
    event: typeof event === 'string' ? event : '',
    actor: typeof actor === 'string' ? actor : '',
    rest: parts.join(', '),
  }
}

/** Told by another key beside them. */
const quietKeys: ReadonlySet<string> = new Set(['id', 'vmUuid', 'hostId'])

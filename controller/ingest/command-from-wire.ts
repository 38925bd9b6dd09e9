import { weekdays, type AllowRule } from '../../common/allow-rules.js'
import type { ChainMark } from '../../common/hash-chain.js'
import { isVerb, type CommandState as State } from '../../common/verbs.js'
import type { AllowRule as WireRule, AuditHead, AuditMark, Hello } from '../../proto/gen/headroom/v1/agent.js'
import {
  CommandState,
  type CommandProgress,
  type CommandUpdate as WireUpdate,
} from '../../proto/gen/headroom/v1/command.js'
import type { CommandUpdate, Progress } from '../commands/command.js'
import type { AgentRules } from '../commands/preflight.js'
import type { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'

/** States that an agent may tell of. */
const states: Readonly<Partial<Record<CommandState, State>>> = {
  [CommandState.COMMAND_STATE_QUEUED]: 'queued',
  [CommandState.COMMAND_STATE_RUNNING]: 'running',
  [CommandState.COMMAND_STATE_SUCCEEDED]: 'succeeded',
  [CommandState.COMMAND_STATE_FAILED]: 'failed',
  [CommandState.COMMAND_STATE_CANCELLED]: 'cancelled',
  [CommandState.COMMAND_STATE_EXPIRED]: 'expired',
  [CommandState.COMMAND_STATE_REFUSED]: 'refused',
  [CommandState.COMMAND_STATE_UNKNOWN]: 'unknown',
}

const mostRules = 64
const mostPatterns = 256
const mostVerbs = 64
const mostVerdicts = 64
const mostOutputBytes = 131_072
const minutesOfDay = 1440

/** @returns undefined if it is of no command, or in no state */
export function commandUpdateFromWire(wire: WireUpdate, check: FieldCheck): CommandUpdate | undefined {
  const id = check.id('command_update.id', wire.id)
  const state = states[wire.state] ?? check.refuse('command_update.state')
  const revision = check.count('command_update.revision', wire.revision)
  const outputOffset = check.count('command_update.output_offset', wire.outputOffset)
  if (id === undefined || state === undefined || revision === undefined || outputOffset === undefined) return undefined
  const output = wire.output.subarray(0, mostOutputBytes)
  if (output.length < wire.output.length) check.refuse('command_update.output')
  return {
    id,
    revision,
    state,
    reason: check.text('command_update.reason', wire.reason, 1024),
    verdicts: check.list('command_update.verdicts', wire.verdicts, mostVerdicts).map((verdict) => ({
      check: check.text('verdict.check', verdict.check, 64),
      ok: verdict.ok,
      says: check.text('verdict.says', verdict.says, 1024),
    })),
    // Shown to people through the same neutralising as everything else.
    output: Buffer.from(output).toString('utf8'),
    outputOffset,
    outputBytes: output.length,
    progress: wire.progress && progressFromWire(wire.progress, check),
  }
}

function progressFromWire(wire: CommandProgress, check: FieldCheck): Progress | undefined {
  const doneBytes = check.count('command_progress.done_bytes', wire.doneBytes)
  const totalBytes = check.count('command_progress.total_bytes', wire.totalBytes)
  return doneBytes === undefined || totalBytes === undefined ? undefined : { doneBytes, totalBytes }
}

/** As many as an agent's configuration may list. */
const mostPrograms = 200

/** What the agent of a hello would do. Rules that make no sense allow nothing. */
export function rulesFromWire(hello: Hello, check: FieldCheck): AgentRules {
  const hosts = check.list('hello.hosts', hello.hosts, wireLimits.maxHostsPerAgent)
  const offset = hello.utcOffsetMinutes
  return {
    allow: check.list('hello.allow_rules', hello.allowRules, mostRules).flatMap((rule) => ruleFromWire(rule, check)),
    utcOffsetMinutes: Math.abs(offset) <= minutesOfDay ? offset : 0,
    bulkPrograms: new Set(
      check
        .list('hello.bulk_programs', hello.bulkPrograms, mostPrograms)
        .map((name) => check.text('hello.bulk_programs', name, 32)),
    ),
    verbs: new Map(
      hosts.map(({ hostId, verbs, verbsReason }) => [
        hostId,
        {
          verbs: check.list('hello.verbs', verbs, mostVerbs),
          reason: check.text('hello.verbs_reason', verbsReason, 256),
        },
      ]),
    ),
  }
}

function ruleFromWire({ verbs, vms, window }: WireRule, check: FieldCheck): AllowRule[] {
  const known = check.list('allow_rule.verbs', verbs, mostVerbs).filter(isVerb)
  const patterns = check.list('allow_rule.vms', vms, mostPatterns).map((one) => check.text('allow_rule.vms', one))
  if (window === undefined) return [{ verbs: known, vms: patterns }]
  const { fromMinute, toMinute } = window
  if (fromMinute >= minutesOfDay || toMinute >= minutesOfDay) {
    check.refuse('allow_rule.window')
    return []
  }
  const days = weekdays.filter((day) => window.days.includes(day))
  return [{ verbs: known, vms: patterns, window: { days, fromMinute, toMinute } }]
}

export function auditMarksFromWire(
  { again, seen, ...head }: AuditHead,
  check: FieldCheck,
): {
  readonly head: ChainMark | undefined
  readonly again: ChainMark | undefined
  readonly seen: ChainMark | undefined
} {
  return {
    head: markFromWire(head, check),
    again: again && markFromWire(again, check),
    seen: seen && markFromWire(seen, check),
  }
}

function markFromWire({ logId, entries, hash }: AuditMark, check: FieldCheck): ChainMark | undefined {
  const count = check.count('audit_head.entries', entries)
  if (count === undefined || !/^[0-9a-f]{32}$/.test(logId) || ![16, 32].includes(hash.length))
    return check.refuse('audit_head')
  return { logId, entries: count, hash: Buffer.from(hash).toString('hex') }
}

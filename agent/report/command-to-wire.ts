import type { ChainMark } from '../../common/hash-chain.js'
import type { AuditMark, FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { CommandState, type CommandProgress } from '../../proto/gen/headroom/v1/command.js'
import type { CommandRecord, RecordState } from '../commands/command-record.js'
import { whole } from './to-wire.js'

const stateToWire = {
  queued: CommandState.COMMAND_STATE_QUEUED,
  running: CommandState.COMMAND_STATE_RUNNING,
  succeeded: CommandState.COMMAND_STATE_SUCCEEDED,
  failed: CommandState.COMMAND_STATE_FAILED,
  cancelled: CommandState.COMMAND_STATE_CANCELLED,
  expired: CommandState.COMMAND_STATE_EXPIRED,
  refused: CommandState.COMMAND_STATE_REFUSED,
  unknown: CommandState.COMMAND_STATE_UNKNOWN,
} as const satisfies Record<RecordState, CommandState>

/** A record, and from which byte of its output on it is to be told. */
export interface UpdateToTell {
  readonly record: CommandRecord
  readonly outputFrom: number
}

export interface HeadToTell {
  readonly head: ChainMark
  readonly again: ChainMark | undefined
  readonly seen: ChainMark | undefined
}

export function commandUpdateToWire({ record, outputFrom }: UpdateToTell): FromAgent {
  const { spec, revision, state, reason, atMs, verdicts, output, outputStart, progress } = record
  const from = Math.max(outputFrom, outputStart)
  return {
    message: {
      $case: 'commandUpdate',
      value: {
        id: spec.id,
        revision: whole(revision),
        state: stateToWire[state],
        progress: progress && progressToWire(progress),
        outputOffset: whole(from),
        output: Buffer.from(output).subarray(from - outputStart),
        reason,
        atMs: whole(atMs),
        verdicts: verdicts.map((verdict) => ({ ...verdict })),
      },
    },
  }
}

function progressToWire({ doneBytes, totalBytes }: NonNullable<CommandRecord['progress']>): CommandProgress {
  return {
    fraction: Math.min(1, doneBytes / totalBytes),
    doneBytes: whole(doneBytes),
    totalBytes: whole(totalBytes),
    rateBytesPerSecond: undefined,
    phase: '',
  }
}

export function auditHeadToWire({ head, again, seen }: HeadToTell): FromAgent {
  const { logId, entries, hash } = head
  return {
    message: {
      $case: 'auditHead',
      value: {
        logId,
        entries: whole(entries),
        hash: Buffer.from(hash, 'hex'),
        again: again && markToWire(again),
        seen: seen && markToWire(seen),
      },
    },
  }
}

function markToWire({ logId, entries, hash }: ChainMark): AuditMark {
  return { logId, entries: whole(entries), hash: Buffer.from(hash, 'hex') }
}

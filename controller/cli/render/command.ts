import { formatBytes } from '../../../common/units.js'
import type { CommandState } from '../../../common/verbs.js'
import type { CommandView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { line, span, type Look, type Tone } from './look.js'
import { renderTable, type Column } from './table.js'

/** What became of a command, in a line. */
export function renderCommandEnd(command: CommandView, look: Look): string[] {
  const { number, verb, vm, state, reason, output } = command
  const why = state === 'pending-approval' ? approvalWords(command) : reason === '' ? '' : `: ${reason}`
  const said =
    output === ''
      ? []
      : output
          .trimEnd()
          .split('\n')
          .map((text) => line([span(`  ${text}`, 'dim')], look))
  return [...said, line([span(`${verb} ${vm}: `), span(state, tones[state]), span(`${why} (command ${number})`)], look)]
}

function approvalWords({ number, approval }: CommandView): string {
  const who = approval === undefined ? '' : ` by another ${approval.role}`
  return `${who}: headroom command approve ${number}`
}

/** What each check said, and then what became of it. */
export function renderVerdicts(command: CommandView, look: Look): string[] {
  const rows = renderTable(command.verdicts, verdictColumns, look)
  const { state, dryRun } = command
  if (!dryRun || state !== 'succeeded') return [...rows, ...renderCommandEnd(command, look)]
  return [...rows, line([span(`${command.verb} ${command.vm} would be done; nothing was`)], look)]
}

export function renderCommandList(commands: readonly CommandView[], look: Look): string[] {
  if (commands.length === 0) return ['no commands']
  return renderTable(commands, columns(look), look)
}

export function renderCommandDetail(command: CommandView, look: Look): string[] {
  const { number, verb, vm, host, actor, createdAt, cancelledBy, args, progress } = command
  const given = Object.entries(args).map(([key, value]) => ` ${key}=${value}`)
  const facts = [
    `command ${number}: ${verb} ${vm}${given.join('')} on ${host}${command.dryRun ? ', a dry run' : ''}`,
    `asked for by ${actor} at ${clockTime(createdAt, look.timeZone)}`,
    ...(command.note === undefined ? [] : [`because: ${command.note}`]),
    ...(command.approval?.by === undefined ? [] : [`approved or rejected by ${command.approval.by}`]),
    ...(cancelledBy === undefined ? [] : [`cancelled by ${cancelledBy}`]),
    ...(progress === undefined
      ? []
      : [`${formatBytes(progress.doneBytes)} of ${formatBytes(progress.totalBytes)} done`]),
  ]
  const verdicts = command.verdicts.length === 0 ? [] : ['', ...renderTable(command.verdicts, verdictColumns, look)]
  return [...facts.map((text) => line([span(text)], look)), ...verdicts, '', ...renderCommandEnd(command, look)]
}

const tones = {
  'pending-approval': 'warning',
  queued: 'plain',
  sent: 'plain',
  running: 'plain',
  succeeded: 'good',
  failed: 'critical',
  cancelled: 'warning',
  expired: 'warning',
  refused: 'warning',
  unknown: 'critical',
} as const satisfies Record<CommandState, Tone>

const verdictColumns: readonly Column<CommandView['verdicts'][number]>[] = [
  { head: 'CHECK', drop: 0, cell: ({ check }) => check },
  { head: '', drop: 0, cell: ({ ok }) => (ok ? span('ok', 'good') : span('no', 'critical')) },
  { head: 'SAYS', drop: 0, shrinkTo: 20, wrap: true, cell: ({ says }) => says },
]

function columns({ timeZone }: Look): readonly Column<CommandView>[] {
  return [
    { head: 'NUMBER', align: 'right', drop: 0, cell: ({ number }) => String(number) },
    { head: 'AT', drop: 2, cell: ({ createdAt }) => clockTime(createdAt, timeZone) },
    { head: 'VERB', drop: 0, cell: ({ verb, dryRun }) => (dryRun ? `${verb} (dry run)` : verb) },
    { head: 'VM', drop: 0, shrinkTo: 8, cell: ({ vm }) => vm },
    { head: 'HOST', drop: 3, shrinkTo: 8, cell: ({ host }) => host },
    { head: 'BY', drop: 3, shrinkTo: 8, cell: ({ actor }) => actor },
    { head: 'STATE', drop: 0, cell: ({ state }) => span(state, tones[state]) },
    { head: 'WHY', drop: 1, shrinkTo: 12, wrap: true, cell: ({ reason }) => reason },
  ]
}

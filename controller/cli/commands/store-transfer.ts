import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

import { Option, type Command } from 'commander'

import { entityKinds, fieldNames } from '../../store/measurements.js'
import { historyFormats, timePrecisions, type HistoryFormat, type TimePrecision } from '../../store/transfer/format.js'
import { historyParts } from '../../store/transfer/history.js'
import type { Imported } from '../../store/transfer/import-history.js'
import type { OfflineStore } from '../../store/transfer/open-offline.js'
import type { Selection } from '../../store/transfer/read-history.js'
import { listArgument, momentArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { Cli, CommandContext } from '../context.js'
import { offline, seriesFile } from '../offline.js'
import { progressLine } from '../progress.js'
import { stdoutStream } from '../shell.js'

const mostShownBadLines = 20
const partNames = historyParts.filter((part) => part !== 'marks')
const allFields = [...new Set(entityKinds.flatMap((kind) => fieldNames(kind)))]

interface ExportOptions {
  readonly format?: HistoryFormat
  readonly gzip?: boolean
  readonly config?: string
  readonly from?: string
  readonly since?: number
  readonly until?: number
  readonly parts?: readonly (typeof partNames)[number][]
  readonly kinds?: readonly (typeof entityKinds)[number][]
  readonly fields?: readonly string[]
  readonly host?: readonly string[]
  readonly vm?: readonly string[]
}

interface ImportOptions {
  readonly format?: HistoryFormat
  readonly precision: TimePrecision
  readonly config?: string
  readonly check?: boolean
}

/** A history as text: out of the store of a controller that does not run, or of a backup, and into one. */
export function addTransferCommands(store: Command, cli: Cli): void {
  store
    .command('export')
    .argument(
      '<target>',
      'a new file; a name that ends in / is a new directory with a file for each measurement; - is stdout',
    )
    .description("a stopped controller's history, or a backup's, as CSV or InfluxDB's line protocol (docs/export.md)")
    .addOption(
      new Option('--format <format>', 'by the name of the file (.csv, .lp), or else csv').choices(historyFormats),
    )
    .option('--gzip', 'pack it; so does a name that ends in .gz')
    .option('--config <file>', 'the configuration of the controller, if its history is on a server')
    .option('--from <file>', "a backup or another store in a file; the controller's own if absent (--data)")
    .addOption(
      new Option('--since <time>', 'from this time on: 2026-03-01, 2026-03-01T09:50:00Z, or 7d ago').argParser(
        momentArgument(cli.now),
      ),
    )
    .addOption(new Option('--until <time>', 'before this time').argParser(momentArgument(cli.now)))
    .option('--parts <list>', `only these: ${partNames.join(',')}`, listArgument(partNames))
    .option('--kinds <list>', `only of these: ${entityKinds.join(',')}`, listArgument(entityKinds))
    .option('--fields <list>', 'only these fields (docs/metrics.md)', listArgument(allFields))
    .option('--host <names...>', 'only these hosts with their arrays and file systems, by name or id')
    .option('--vm <names...>', 'only these VMs with their disks and interfaces, by name or UUID')
    .action(async (target: string, options: ExportOptions, command: Command) => {
      await exportTo(cli.contextOf(command), target, options)
    })
  store
    .command('import')
    .argument('<files...>', 'what export wrote: files, directories, - for stdin; packed or not')
    .description(
      "put a history into a stopped controller's store; what is imported twice is there once (docs/export.md)",
    )
    .addOption(new Option('--format <format>', 'by the first line, if absent').choices(historyFormats))
    .addOption(new Option('--precision <unit>', 'of the times in line protocol').choices(timePrecisions).default('ns'))
    .option('--config <file>', 'the configuration of the controller, if its history is on a server')
    .option('--check', 'only read: say what would be imported, and what is wrong')
    .action(async (files: string[], options: ImportOptions, command: Command) => {
      const context = cli.contextOf(command)
      if (!(await importFrom(context, files, options))) cli.finish('error')
    })
}

async function exportTo(context: CommandContext, target: string, options: ExportOptions): Promise<void> {
  const { shell } = context
  const isDirectory = target.endsWith('/')
  const path = resolve(target)
  if (target !== '-' && existsSync(path)) throw new CliError('error', `${path} exists; an export is a new file`)
  if (options.config !== undefined && options.from !== undefined)
    throw new CliError('usage', '--config and --from exclude each other')
  const format = options.format ?? (/\.lp(\.gz)?$/.test(target) ? 'influx' : 'csv')
  const gzip = options.gzip ?? target.endsWith('.gz')
  const to = isDirectory ? { directory: path } : target === '-' ? { stream: stdoutStream(shell) } : { file: path }
  const { exportStore } = await import('../../store/transfer/export-store.js')
  const progress = progressLine(shell)
  const { name, counts } = await offline(progress, () =>
    withStore(context, options, async (store) => {
      const { signal } = new AbortController()
      await store.ready((problem) => progress.show(`waiting for the server (${problem})`), signal)
      const selection = await selectionOf(store, options)
      const read = { now: () => shell.now(), show: progress.show, signal }
      return { name: store.name, counts: await exportStore(store.source, { ...read, selection, format, gzip, to }) }
    }),
  )
  const { points, rollUps, events } = counts
  const said = `${points} points, ${rollUps} rows of roll-ups and ${events} events of ${name}`
  if (target === '-') shell.stderr.write(`headroom: ${said}\n`)
  else if (context.json) context.printJson({ target: path, from: name, ...counts })
  else context.print([`${path}: ${said}`])
}

/** What the store itself says becomes an error without a stack. */
async function withStore<Result>(
  context: CommandContext,
  order: { readonly config?: string; readonly from?: string; readonly create?: boolean },
  work: (store: OfflineStore) => Promise<Result>,
): Promise<Result> {
  const store = await openFor(context, order)
  try {
    return await work(store)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'Error' || 'path' in error) throw error
    throw new CliError('error', `${store.name}: ${error.message}`, '', { cause: error })
  } finally {
    await store.close()
  }
}

async function openFor(
  context: CommandContext,
  { config, from, create = false }: { readonly config?: string; readonly from?: string; readonly create?: boolean },
): Promise<OfflineStore> {
  const { openOffline, openOfflineFile } = await import('../../store/transfer/open-offline.js')
  const now = (): number => context.shell.now()
  if (config !== undefined) return openOffline(config, { now, create })
  if (from !== undefined) return openOfflineFile(resolve(from), { now })
  const path = seriesFile(context)
  return openOfflineFile(path, { now, create, directory: resolve(path, '..') })
}

async function selectionOf(store: OfflineStore, options: ExportOptions): Promise<Selection> {
  const { since, until, parts, kinds, fields, host, vm } = options
  const isAll = [since, until, parts, kinds, fields, host, vm].every((one) => one === undefined)
  const base = {
    // Who gets the marks must have all that they cover.
    parts: new Set(isAll ? historyParts : (parts ?? partNames)),
    fromMs: since ?? 0,
    toMs: until ?? Number.MAX_SAFE_INTEGER,
    kinds: new Set(kinds ?? entityKinds),
    ...(fields === undefined ? {} : { fields: new Set(fields) }),
  }
  if (host === undefined && vm === undefined) return base
  const { idsOf, knownNames } = await import('../known-names.js')
  const names = await knownNames(store.directory, store.source)
  const ids = async (kind: 'host' | 'vm'): Promise<Set<string>> =>
    new Set((await store.source.series({ kind })).map(({ entity }) => entity.id))
  const only = {
    hosts: idsOf(host ?? [], 'host', await ids('host'), names.hosts),
    vms: idsOf(vm ?? [], 'VM', await ids('vm'), names.vms),
  }
  return { ...base, only }
}

/** Whether every line was as it should be. */
async function importFrom(context: CommandContext, files: readonly string[], options: ImportOptions): Promise<boolean> {
  const { shell } = context
  const { importHistory, ImportStopped } = await import('../../store/transfer/import-history.js')
  const { historyInputs } = await import('../../store/transfer/history-inputs.js')
  const { CheckingTarget } = await import('../../store/transfer/checking-target.js')
  const progress = progressLine(shell)
  let bad = 0
  const run = async (store: OfflineStore | undefined) => {
    let at: readonly [what: string, share: number | undefined] = ['reading', undefined]
    const signal = new AbortController().signal
    const tell = (problem: string): void => progress.show(problem === '' ? at[0] : `${at[0]} (${problem})`, at[1])
    return importHistory({
      inputs: historyInputs(files, { ...options, nowMs: shell.now() }),
      target: store?.target(tell, signal) ?? new CheckingTarget(),
      bad: (input, line, message) => {
        bad += 1
        progress.end()
        if (bad <= mostShownBadLines) shell.stderr.write(`headroom: ${input}:${line}: ${message}\n`)
      },
      show: (what, share) => {
        at = [what, share]
        progress.show(what, share)
      },
      signal,
    })
  }
  const { name, done } = await offline(progress, async () => {
    if (options.check === true) return { name: '', done: await run(undefined) }
    return withStore(context, { ...options, create: true }, async (store) => {
      try {
        return { name: store.name, done: await run(store) }
      } catch (error) {
        if (!(error instanceof ImportStopped)) throw error
        const hint = 'what came before is stored; it may be imported again'
        throw new CliError('error', error.message, hint, { cause: error })
      }
    })
  })
  const { counts, badLines, tooLate } = done
  if (context.json) context.printJson({ into: name === '' ? undefined : name, ...counts, badLines, tooLate })
  else context.print(saidOf(name, done))
  return badLines === 0
}

function saidOf(name: string, { counts, badLines, tooLate }: Imported): string[] {
  const { points, rollUps, events } = counts
  const lines = [
    `${name === '' ? 'nothing was stored' : name}: ${points} points, ${rollUps} rows of roll-ups and ${events} events were read`,
  ]
  if (tooLate.points > 0)
    lines.push(`${tooLate.points} points were not taken: their time is over there, roll-ups stand for them`)
  if (tooLate.rollUps > 0)
    lines.push(
      `${tooLate.rollUps} rows of roll-ups were not taken: the store has their hours, from points of its own or from before`,
    )
  if (badLines > 0) lines.push(`${badLines} lines were not as they should be and were left out; marks were not stored`)
  return lines
}

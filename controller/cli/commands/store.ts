import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { Command } from 'commander'

import { formatBytes } from '../../../common/units.js'
import type { BackupView } from '../../api/views.js'
import { CliError } from '../cli-error.js'
import type { Cli, CommandContext } from '../context.js'
import { offline, seriesFile } from '../offline.js'
import { progressLine } from '../progress.js'
import { renderCheck, renderRepair } from '../render/store.js'
import { addTransferCommands } from './store-transfer.js'

const pollMs = 500

/** Backup of a running controller's time series; restore and check of files that no program has open. */
export function addStoreCommands(program: Command, cli: Cli): void {
  const store = program.command('store').description('the time series: backup, restore, check, export, import, migrate')
  store
    .command('backup')
    .argument('<file>', 'a new file')
    .description('everything that is stored into one file, while the controller goes on')
    .action(async (file: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await backUp(context, resolve(file))
    })
  store
    .command('restore')
    .argument('<file>', 'a backup')
    .description(
      "put a backup in the place of a stopped controller's time series (--data); what was there is kept beside it",
    )
    .action(async (file: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      const { restoreStore } = await import('../../store/embedded/offline/restore-store.js')
      const progress = progressLine(context.shell)
      const target = seriesFile(context)
      const { report, formerPath } = await offline(progress, () =>
        restoreStore(resolve(file), target, tagOf(context), (rows) => progress.show(`checked ${rows} rows`)),
      )
      if (context.json) context.printJson({ restored: target, formerPath, points: report.points })
      else {
        const kept = formerPath === undefined ? '' : `; what was there is ${formerPath} now`
        context.print([`restored ${report.points} points to ${target}${kept}`])
      }
    })
  store
    .command('check')
    .argument('[file]', "a backup or another store; the controller's own if absent (--data)")
    .option(
      '--repair',
      'make a new file of all that can be read, if something is wrong; the damaged one is kept beside it',
    )
    .description('read all of a file that no program has open, and compare it with its checksums and with itself')
    .action(async (file: string | undefined, { repair = false }: { repair?: boolean }, command: Command) => {
      const context = cli.contextOf(command)
      if (!(await check(context, file === undefined ? seriesFile(context) : resolve(file), repair)))
        cli.finish('findings')
    })
  addTransferCommands(store, cli)
  store
    .command('migrate')
    .requiredOption('--config <file>', 'the configuration of the stopped controller, whose store is a server now')
    .option('--from <file>', "the embedded store; the controller's own if absent")
    .description(
      'take everything from the embedded store to the server that the configuration names; what is interrupted goes on at the next call',
    )
    .action(async ({ config, from }: { config: string; from?: string }, command: Command) => {
      const context = cli.contextOf(command)
      const progress = progressLine(context.shell)
      const { migrateToServer } = await import('../../store/migrate-to-server.js')
      const { path, done } = await offline(progress, () =>
        migrateToServer({
          configFile: config,
          from,
          now: () => context.shell.now(),
          show: ({ what, share, problem }) => progress.show(problem === '' ? what : `${what} (${problem})`, share),
          signal: new AbortController().signal,
        }),
      )
      if (context.json) context.printJson({ from: path, ...done })
      else {
        const { points, events, rollUps } = done
        context.print([
          `${path}: ${points} points, ${events} events and ${rollUps} rows of roll-ups are on the server; the file is not used any more`,
        ])
      }
    })
}

async function backUp({ client, shell, json, print, printJson }: CommandContext, file: string): Promise<void> {
  if (existsSync(file)) throw new CliError('error', `${file} exists; a backup is a new file`)
  const { signal } = new AbortController()
  const progress = progressLine(shell)
  try {
    let view: BackupView = await client.startBackup(signal)
    while (view.state === 'running') {
      const { rows = 0, ofRows = 0 } = view
      progress.show('copying', ofRows === 0 ? 0 : rows / ofRows)
      await delay(pollMs)
      view = await client.backup(signal)
    }
    if (view.state !== 'ready')
      throw new CliError('error', `the controller made no backup: ${view.reason ?? view.state}`)
    const bytes = await client.fetchBackup(file, (done, of) => progress.show('fetching', done / of))
    await client.removeBackup(signal)
    progress.end()
    if (json) printJson({ file, bytes })
    else print([`${file}: ${formatBytes(bytes)}`])
  } finally {
    progress.end()
  }
}

/** Whether all is well in the end. */
async function check(context: CommandContext, path: string, repair: boolean): Promise<boolean> {
  const { json, look, print, printJson, shell } = context
  const { checkStore } = await import('../../store/embedded/offline/check-store.js')
  const progress = progressLine(shell)
  const report = await offline(progress, () => {
    const steps = checkStore(path)
    for (;;) {
      const { done, value } = steps.next()
      if (done === true) return value
      progress.show(`checked ${value} rows`)
    }
  })
  const isWell = report.problems.length === 0
  if (isWell || !repair) {
    if (json) printJson(report)
    else print(renderCheck(report, look()))
    return isWell
  }
  const { repairStore } = await import('../../store/embedded/offline/repair-store.js')
  const repaired = await offline(progress, () => repairStore(path, tagOf(context)))
  if (json) printJson({ ...report, repaired })
  else print([...renderCheck(report, look()), ...renderRepair(path, repaired, look())])
  return false
}

/** Names what is put aside by the time. */
function tagOf({ shell }: CommandContext): string {
  return new Date(shell.now()).toISOString().replaceAll(/[:.]/g, '-')
}

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { Option, type Command } from 'commander'

import { readVersion } from '../../../common/version.js'
import type { ControllerConfig } from '../../config.js'
import type { Role } from '../../leave/installation.js'
import type { LeaveExportOrder, Manifest } from '../../leave/leave-export.js'
import { historyFormats, type HistoryFormat } from '../../store/transfer/format.js'
import type { HistoryCounts } from '../../store/transfer/history.js'
import type { OfflineStore } from '../../store/transfer/open-offline.js'
import { CliError } from '../cli-error.js'
import { confirmed } from '../confirmed.js'
import { defaultDataDirectory } from '../connection.js'
import type { Cli, CommandContext } from '../context.js'
import { offline } from '../offline.js'
import { progressLine } from '../progress.js'

interface Options {
  readonly format: HistoryFormat
  readonly gzip: boolean
  readonly export: boolean
  readonly config?: string
  readonly controller?: boolean
  readonly agent?: boolean
  readonly prefix?: string
  readonly deleteData?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** For who wants to be rid of headroom: takes everything out, then removes what was installed on this machine. */
export function addLeaveCommand(program: Command, cli: Cli): void {
  program
    .command('leave')
    .argument('[target]', 'a directory for the export, or a file that ends in .tar or .tar.gz', 'headroom-export')
    .description(
      'export everything that headroom knows, then uninstall it from this machine, and say what is left elsewhere',
    )
    .addOption(
      new Option('--format <format>', 'of the history: CSV, or line protocol').choices(historyFormats).default('csv'),
    )
    .option('--no-gzip', 'do not pack the files of the history')
    .option('--no-export', 'export nothing')
    .option('--config <file>', "the controller's configuration; /etc/headroom/controller.yaml if it is there")
    .option('--controller', 'only the controller')
    .option('--agent', 'only the agent of this machine; nothing is exported')
    .option('--prefix <dir>', 'where the programs are, if the services do not say')
    .option('--delete-data', 'history, certificates, edited configuration and users go as well')
    .option('--dry-run', 'only show each step')
    .option('--yes', 'do not ask')
    .action(async (target: string, options: Options, command: Command) => {
      await leave(cli.contextOf(command), target, options)
    })
}

/** What is there, and what is to be done with it. */
interface Plan {
  /** Undefined if no configuration was found: all defaults. */
  readonly config: ControllerConfig | undefined
  readonly configFile: string | undefined
  /** The data directory; the controller's own files are below `controller`. */
  readonly data: string
  /** Named by the user; all if empty. */
  readonly roles: readonly Role[]
  readonly isControllerGone: boolean
  readonly hasState: boolean
  readonly hasHistory: boolean
  /** Where the export goes; undefined: nothing is exported. */
  readonly target: string | undefined
  /** Of an earlier run. */
  readonly earlier: Manifest | undefined
  /** The earlier export is all that there is. */
  readonly isExported: boolean
  readonly steps: readonly string[]
}

async function leave(context: CommandContext, target: string, options: Options): Promise<void> {
  const { shell, json } = context
  const progress = progressLine(shell)
  const plan = await offline(progress, () => planned(context, target, options))
  if (options.dryRun === true || !json) say(context, plan.steps)
  if (options.dryRun === true) return
  if (plan.steps.length > 0 && options.yes !== true && !(await confirmed(shell, 'Go on')))
    throw new CliError('error', 'nothing was changed')
  // All of the program, and what it has to say, before it goes.
  const { leftoverLines, leftovers } = await import('../../leave/leftovers.js')
  const { ownAgentId, remaining } = await import('../../leave/installation.js')
  const { readFleetList } = await import('../../leave/fleet-list.js')
  const fleet = await offline(progress, () => readFleetList(join(plan.data, 'controller')))
  const now = leftovers({ fleet, ownAgentId: ownAgentId(plan.data), store: plan.config?.store })
  // An earlier run may have removed what tells it.
  const elsewhere = plan.hasState ? now : (plan.earlier?.left ?? now)
  const order = { ...options, fleet, left: elsewhere, show: progress.show }
  const counts = await offline(progress, () => exported(context, plan, order))
  const removed = await removedBy(plan.roles, options, false)
  const left = [...remaining(plan.data), ...(plan.isControllerGone ? elsewhere : [])]
  if (json) {
    context.printJson({ export: plan.target, counts, removed, left })
    return
  }
  if (counts !== undefined) context.print([`${plan.target ?? ''}: ${counts.points} points, ${counts.events} events`])
  context.print([...removed, 'Left, with what removes it:', ...leftoverLines(left)])
}

function say({ json, print, printJson }: CommandContext, steps: readonly string[]): void {
  if (json) printJson({ steps })
  else if (steps.length === 0) print(['There is nothing of headroom here.'])
  else print(steps.map((step, index) => `${index + 1}. ${step}`))
}

async function planned(context: CommandContext, target: string, options: Options): Promise<Plan> {
  const { controllerConfigFile, installedRoles } = await import('../../leave/installation.js')
  const installed = installedRoles()
  const roles = (['controller', 'agent'] as const).filter((role) => options[role] === true)
  const isConfigured = installed.includes('controller') && existsSync(controllerConfigFile)
  const configFile = options.config ?? (isConfigured ? controllerConfigFile : undefined)
  const config = configFile === undefined ? undefined : await configIn(configFile)
  const data = resolve(config?.data ?? context.data ?? defaultDataDirectory)
  const directory = join(data, 'controller')
  const isControllerGone = roles.length === 0 || roles.includes('controller')
  const hasState = existsSync(join(directory, 'state.db'))
  const hasHistory = ['series.db', 'queue.db'].some((name) => existsSync(join(directory, name)))
  const path = options.export && isControllerGone && hasState ? await exportPath(target, data, options) : undefined
  const { hasAll, manifestOf } = await import('../../leave/leave-export.js')
  const earlier = options.export ? await manifestOf(resolve(target)) : undefined
  const isExported = path !== undefined && earlier !== undefined && hasAll(earlier, directory)
  const steps: string[] = []
  if (isExported) steps.push(`keep the export in ${path}, of ${earlier.at}: it has all`)
  else if (path !== undefined) {
    if (installed.includes('controller')) steps.push('stop headroom-controller, if it runs')
    steps.push(`write all that the controller in ${data} knows to ${path} (history as ${options.format})`)
  } else if (hasState && isControllerGone) steps.push('export nothing')
  steps.push(...(await removedBy(roles, options, true)))
  const facts = { config, configFile, data, hasState, hasHistory, earlier, isExported }
  return { ...facts, roles, isControllerGone, target: path, steps }
}

async function configIn(file: string): Promise<ControllerConfig> {
  const { loadConfig } = await import('../../../common/config.js')
  const { controllerConfigSchema } = await import('../../config.js')
  return loadConfig(file, controllerConfigSchema, { required: true })
}

/** @throws CliError if it would be overwritten or removed */
async function exportPath(target: string, data: string, { deleteData = false }: Options): Promise<string> {
  const path = resolve(target)
  const { manifestOf } = await import('../../leave/leave-export.js')
  const hint = 'name another place for the export'
  if (existsSync(path) && (await manifestOf(path)) === undefined)
    throw new CliError('error', `${path} exists and is no export of headroom`, hint)
  if (deleteData && `${path}/`.startsWith(`${data}/`))
    throw new CliError('error', `${path} would be deleted with ${data}`, hint)
  return path
}

/** Undefined if there was nothing to do. */
async function exported(
  { shell }: CommandContext,
  { config, configFile, data, hasHistory, target, isExported }: Plan,
  { format, gzip, fleet, left, show }: Pick<LeaveExportOrder, 'format' | 'gzip' | 'fleet' | 'left' | 'show'>,
): Promise<HistoryCounts | undefined> {
  if (target === undefined || isExported) return undefined
  const { configurationFiles, stopController } = await import('../../leave/installation.js')
  const { writeLeaveExport } = await import('../../leave/leave-export.js')
  const { openOffline, openOfflineFile } = await import('../../store/transfer/open-offline.js')
  const now = (): number => shell.now()
  const stateDirectory = join(data, 'controller')
  const openStore = (): Promise<OfflineStore> =>
    configFile === undefined
      ? openOfflineFile(join(stateDirectory, 'series.db'), { now, directory: stateDirectory })
      : openOffline(configFile, { now })
  const startAgain = await stopController()
  try {
    return await writeLeaveExport({
      target,
      version: readVersion(),
      format,
      gzip,
      fleet,
      left,
      configuration: configurationFiles([configFile, config?.policyFile].filter((file) => file !== undefined)),
      stateDirectory,
      openStore: hasHistory ? openStore : undefined,
      now,
      show,
      signal: new AbortController().signal,
    })
  } catch (error) {
    await startAgain?.()
    throw error
  }
}

/** What the script that uninstalls has done, or would do. */
async function removedBy(
  roles: readonly Role[],
  { prefix, deleteData = false }: Options,
  dryRun: boolean,
): Promise<readonly string[]> {
  const { isInstalled, uninstall, UninstallError } = await import('../../leave/installation.js')
  if (!isInstalled(prefix)) return []
  try {
    return await uninstall({ roles, prefix, purge: deleteData, dryRun })
  } catch (error) {
    if (!(error instanceof UninstallError)) throw error
    const hint = dryRun ? '' : `what is left goes by: sh ${error.script}${deleteData ? ' --purge' : ''}`
    throw new CliError('error', error.message, hint, { cause: error })
  }
}

import type { Command } from 'commander'

import { countArgument, durationArgument } from '../argument.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderAlertDetail } from '../render/alert-detail.js'
import { renderAlertHistory } from '../render/alert-history.js'
import { renderAlertList, wantsSomebody } from '../render/alert-list.js'
import { renderAlertRoutes, renderRouteTest } from '../render/alert-routes.js'
import { line, span } from '../render/look.js'
import { addRemedyCommand } from './remedy.js'
import { addSilenceCommands } from './silence.js'

const numberArgument = countArgument(999_999_999)
const mostLines = 1000

export function addAlertCommands(program: Command, cli: Cli): void {
  const alert = program.command('alert').description('what the checks find and wants somebody')
  addListCommand(alert, cli)
  addShowCommand(alert, cli)
  addAckCommand(alert, cli)
  addRemedyCommand(alert, cli)
  addSilenceCommands(alert, cli)
  addHistoryCommand(alert, cli)
  addRouteCommands(alert, cli)
}

interface ListOptions {
  readonly pending?: boolean
  readonly check?: boolean
}

function addListCommand(alert: Command, cli: Cli): void {
  alert
    .command('list')
    .description('alerts that fire, the most severe first; last what is silenced, acknowledged or explained')
    .option('--pending', 'those that pend too: they fire when they have held')
    .option('--check', 'exit with 3 if one fires that nobody has acknowledged or silenced')
    .action(async ({ pending, check }: ListOptions, command: Command) => {
      const context = cli.contextOf(command)
      const shown = await present(context, {
        fetch: (signal) => context.client.alerts(pending === true ? 'any' : 'firing', signal),
        json: (alerts) => ({ alerts }),
        render: (alerts, look) => renderAlertList(alerts, pending === true ? 'fires or pends' : 'fires', look),
      })
      if (check === true && shown?.some(wantsSomebody) === true) cli.finish('findings')
    })
}

function addShowCommand(alert: Command, cli: Cli): void {
  alert
    .command('show')
    .argument('<number>', 'of the alert', numberArgument)
    .description('one alert with its figures and its history, also when it is over')
    .action(async (number: number, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: async (signal) => {
          const detail = await context.client.alert(number, signal)
          const id = detail.alert?.silencedBy
          const silences = id === undefined ? [] : await context.client.silences(signal)
          return { ...detail, silence: silences.find((one) => one.id === id) }
        },
        json: ({ silence: _silence, ...detail }) => detail,
        render: (detail, look) => renderAlertDetail(number, detail, look),
      })
    })
}

function addAckCommand(alert: Command, cli: Cli): void {
  alert
    .command('ack')
    .argument('<number>', 'of the alert', numberArgument)
    .description('say that somebody looks after it: nobody is reminded of it until it is over')
    .option('--note <text>', 'what is being done')
    .action(async (number: number, { note = '' }: { readonly note?: string }, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const acknowledged = await client.acknowledgeAlert(number, note, new AbortController().signal)
      if (json) printJson(acknowledged)
      else print([line([span(`alert ${number} is acknowledged until it is over`)], look())])
    })
}

interface HistoryOptions {
  readonly alert?: number
  readonly subject?: string
  readonly check?: string
  readonly since?: string
  readonly count: number
}

function addHistoryCommand(alert: Command, cli: Cli): void {
  alert
    .command('history')
    .description('what happened to alerts, the newest last')
    .option('--alert <number>', 'only of this alert', numberArgument)
    .option('--subject <pattern>', 'only of these: host:xenhv0*, vm:panda')
    .option('--check <pattern>', 'only of these checks')
    .option('--since <time>', 'only of so long ago', durationArgument)
    .option('-n, --count <n>', `how many of the newest, at most ${mostLines}`, countArgument(mostLines), 50)
    .action(async ({ alert: number, subject, check, since, count }: HistoryOptions, command: Command) => {
      const context = cli.contextOf(command)
      const from = since === undefined ? undefined : `-${since}`
      const filter = { alert: number, subject, check, from, limit: count }
      await present(context, {
        fetch: (signal) => context.client.alertHistory(filter, signal),
        json: (history) => ({ history }),
        render: renderAlertHistory,
      })
    })
}

function addRouteCommands(alert: Command, cli: Cli): void {
  alert
    .command('route')
    .description('where alerts are sent, and how that goes')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.alertRoutes(signal),
        json: (routes) => ({ routes }),
        render: renderAlertRoutes,
      })
    })
  alert
    .command('test')
    .argument('<route>', 'name of a route of the policy')
    .description('send a test by each target of a route, and say what came of it')
    .option('--owner <name...>', 'for addresses that stand for owners')
    .action(async (route: string, { owner = [] }: { readonly owner?: readonly string[] }, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const results = await client.testAlertRoute(route, owner, new AbortController().signal)
      if (json) printJson({ results })
      else print(renderRouteTest(results, look()))
      if (results.some(({ ok }) => !ok)) cli.finish('error')
    })
}

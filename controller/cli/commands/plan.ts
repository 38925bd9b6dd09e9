import { type Command, Option } from 'commander'

import { vmClasses } from '../../model/policy.js'
import { countArgument, sizeArgument } from '../argument.js'
import type { Cli, CommandContext } from '../context.js'
import { offline } from '../offline.js'
import { present } from '../present.js'
import { renderKeptPlan, renderKeptPlans, renderPlanDigest } from '../render/kept-plan.js'
import { renderFailureCard, renderLivePlan } from '../render/live-plan.js'
import { fleetFormats, type FleetFormat } from '../fleet-input.js'
import { planFromFile } from '../plan-from-file.js'
import { renderPlan } from '../render/plan.js'
import { addPlanGrowCommand } from './plan-grow.js'

interface Options {
  readonly from?: string
  readonly format: FleetFormat
  readonly vcpusPerCore?: number
  readonly util?: string
  readonly ignoreDynu?: boolean
  readonly maxMoves?: number
  readonly withCold?: boolean
  readonly keep?: boolean
  readonly seed: number
  readonly effort: number
}

export function addPlanCommands(program: Command, cli: Cli): void {
  const plan = program.command('plan').description('where VMs should rather run, and how they get there')
  addRebalance(plan, cli)
  addOfHost(plan, cli, 'drain', 'moves that empty a host')
  addOfHost(plan, cli, 'return', 'back to a host the VMs that left it by moves of the last week')
  addPlace(plan, cli)
  addKeptPlans(plan, cli)
  addPlanGrowCommand(plan, cli)
  plan
    .command('card')
    .argument('<host>', 'name or id')
    .description('what happens if a host fails: who starts where, who is lost, how long it takes to copy them back')
    .action(async (host: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.failureCard(host, signal),
        json: (card) => card,
        render: renderFailureCard,
      })
    })
}

function addRebalance(plan: Command, cli: Cli): void {
  plan
    .command('rebalance')
    .description(
      'moves that make the hosts alike, of the fleet or of a file, in an order in which each is allowed at its time',
    )
    .option('--with-cold', 'with moves for which a VM has to be off, done by a person')
    .option('--keep', 'keep the plan, so that `plan apply` can do it')
    .option('--from <file>', 'a fleet in a file, in place of the one that runs')
    .addOption(new Option('--format <format>', 'how the file is written').choices(fleetFormats).default('fleet'))
    .addOption(
      new Option('--objective <name>', "what is made small: of a file of Ganeti's the score of its hbal").choices([
        'ganeti',
      ]),
    )
    .option(
      '--util <file>',
      'of a file, loads of the VMs, lines of: name cpu mem disk net; without it each VM counts as 1',
    )
    .addOption(
      new Option('--ignore-dynu', 'of a file, loads do not count: memory and virtual CPUs alone').conflicts('util'),
    )
    .option(
      '--vcpus-per-core <count>',
      'of a file, most virtual CPUs for each core, where it tells none',
      countArgument(1000),
    )
    .option('--max-moves <count>', 'at most so many moves', countArgument(1_000_000))
    .option('--seed <number>', 'the same plan for the same seed', countArgument(2 ** 32 - 1), 1)
    .option('--effort <times>', 'of a file, how long to search: 10 is ten times the usual', countArgument(100), 1)
    .action(async (options: Options, command: Command) => {
      const context = cli.contextOf(command)
      const { from, maxMoves, withCold, seed, keep } = options
      if (from === undefined && keep === true) {
        await keepPlan(context, { kind: 'rebalance', maxMoves, withCold })
        return
      }
      if (from === undefined) {
        await present(context, {
          fetch: (signal) => context.client.planRebalance({ maxMoves, withCold, seed }, signal),
          json: (made) => made,
          render: renderLivePlan,
        })
        return
      }
      const view = await offline({ end: () => undefined, show: () => undefined }, () =>
        planFromFile({ ...options, from }),
      )
      if (context.json) context.printJson(view)
      else context.print(renderPlan(view, context.look()))
    })
}

function addOfHost(plan: Command, cli: Cli, kind: 'drain' | 'return', says: string): void {
  plan
    .command(kind)
    .argument('<host>', 'name or id')
    .option('--keep', 'keep the plan, so that `plan apply` can do it')
    .description(says)
    .action(async (host: string, { keep }: { readonly keep?: boolean }, command: Command) => {
      const context = cli.contextOf(command)
      if (keep === true) {
        await keepPlan(context, { kind, host })
        return
      }
      const shown = await present(context, {
        fetch: (signal) => context.client.planOfHost(kind, host, signal),
        json: (made) => made,
        render: renderLivePlan,
      })
      if (shown?.complete === false) cli.finish('refused')
    })
}

function addPlace(plan: Command, cli: Cli): void {
  plan
    .command('place')
    .description('where a new VM should go')
    .requiredOption('--memory <size>', 'what it may grow to: 4GiB', sizeArgument)
    .option('--vcpus <count>', 'its virtual CPUs', countArgument(4096), 1)
    .addOption(new Option('--class <class>', 'as the policy has classes').choices(vmClasses))
    .option('--name <name>', 'by which the policy may know it')
    .action(
      async (
        asked: { readonly memory: string; readonly vcpus: number; readonly class?: string; readonly name?: string },
        command: Command,
      ) => {
        const context = cli.contextOf(command)
        const shown = await present(context, {
          fetch: (signal) => context.client.planPlace(asked, signal),
          json: (made) => made,
          render: renderLivePlan,
        })
        if (shown?.complete === false) cli.finish('refused')
      },
    )
}

async function keepPlan(
  { client, json, look, print, printJson }: CommandContext,
  asked: Parameters<CommandContext['client']['keepPlan']>[0],
): Promise<void> {
  const kept = await client.keepPlan(asked, new AbortController().signal)
  if (json) printJson(kept)
  else print(renderKeptPlan(kept, look()))
}

function addKeptPlans(plan: Command, cli: Cli): void {
  plan
    .command('list')
    .description('plans that are kept, the newest first')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.plans(signal),
        json: (plans) => ({ plans }),
        render: renderKeptPlans,
      })
    })
  plan
    .command('digest')
    .description('what plans would have moved, week by week, though nobody asked')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.planDigest(signal),
        json: (digest) => digest,
        render: renderPlanDigest,
      })
    })
  plan
    .command('show')
    .argument('<number>', 'as `plan list` shows it', countArgument(1_000_000_000))
    .description('one plan: its moves, how far it is, and what came of what was foretold')
    .action(async (number: number, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.keptPlan(number, signal),
        json: (kept) => kept,
        render: renderKeptPlan,
      })
    })
  for (const [change, says] of [
    ['apply', 'let a plan go on: each move is checked again and done as a command, until the first surprise'],
    ['stop', 'stop a plan after the move that is under way, or give up one that is not applied'],
  ] as const) {
    plan
      .command(change)
      .argument('<number>', 'as `plan list` shows it', countArgument(1_000_000_000))
      .description(says)
      .action(async (number: number, _options: object, command: Command) => {
        const { client, json, look, print, printJson } = cli.contextOf(command)
        const changed = await client.changePlan(number, change, new AbortController().signal)
        if (json) printJson(changed)
        else print(renderKeptPlan(changed, look()))
      })
  }
}

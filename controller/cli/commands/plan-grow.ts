import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

import { type Command, InvalidArgumentError } from 'commander'

import { addHostArgument, addMemoryArgument } from '../amounts-argument.js'
import { CliError } from '../cli-error.js'
import type { Cli } from '../context.js'
import { readFleet } from '../fleet-input.js'
import { offline } from '../offline.js'
import { type GrowView, renderGrow } from '../render/grow.js'
import type { GrowPlan, GrowStep } from '../../planner/grow/grow-step.js'
import type { AddedHost, WhatIf } from '../../planner/capacity/what-if.js'

interface Options {
  readonly from: string
  readonly addHost?: readonly AddedHost[]
  readonly addMemory?: WhatIf['addMemory']
  readonly role: string
  readonly plan?: string
  readonly done?: number
}

export function addPlanGrowCommand(plan: Command, cli: Cli): void {
  plan
    .command('grow')
    .description(
      'new hosts in, then the old ones emptied one at a time for more memory, then VMs to hosts of their role: in steps that are each allowed at their time',
    )
    .requiredOption('--from <file>', 'the fleet as it is now, in the form of deploy/fleets/elab.yaml')
    .option('--add-host <amounts>', 'a new host: memory=32GiB,cores=8,name=xenhv05; may be repeated', addHostArgument)
    .option(
      '--add-memory <host=size>',
      'memory that an old host gets: xenhv01=8GiB; may be repeated',
      addMemoryArgument,
    )
    .option('--role <role>', 'what new hosts are for', 'core')
    .option(
      '--plan <file>',
      'keeps the plan there: read again if it is there, each step that is left checked against the fleet as it is now',
    )
    .option('--done <count>', 'so many steps of the plan are done', doneArgument)
    .action(async (options: Options, command: Command) => {
      const context = cli.contextOf(command)
      const view = await offline({ end: () => undefined, show: () => undefined }, () => growView(options))
      if (context.json) context.printJson(view)
      else context.print(renderGrow(view, context.look()))
    })
}

function doneArgument(text: string): number {
  if (/^\d{1,6}$/u.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected how many steps are done: 0, 1, 2 and so on.')
}

/** @throws ConfigError · CliError: the plan is none, or what is left of it is not allowed as things are */
async function growView(options: Options): Promise<GrowView> {
  const { from, addHost = [], addMemory = [], role, plan: file, done } = options
  const [{ grow }, { GrowState }, { stepText }] = await Promise.all([
    import('../../planner/grow/grow.js'),
    import('../../planner/grow/grow-state.js'),
    import('../../planner/grow/grow-step.js'),
  ])
  const input = await readFleet(from, 'fleet')
  if (input.format !== 'fleet')
    throw new CliError('usage', `${from}: growing is planned for files of that form alone`, '')
  const kept = file === undefined ? undefined : await keptPlan(file)
  let steps: readonly GrowStep[]
  let left: GrowView['left'] = []
  if (kept === undefined) {
    if (addHost.length + addMemory.length === 0)
      throw new CliError('usage', 'say what is to come: --add-host or --add-memory', '')
    const planned = grow(input.spec, { addHosts: addHost.map((host) => ({ ...host, role })), addMemory })
    ;({ steps, left } = planned)
  } else if (addHost.length + addMemory.length > 0) {
    const what = `${file ?? 'the plan'} has a plan already, made for what was to come then`
    throw new CliError('usage', `${what}: --add-host and --add-memory would not count`, 'move it away and plan anew')
  } else ({ steps } = kept)
  const behind = done ?? kept?.done ?? 0
  if (behind > steps.length)
    throw new CliError('usage', `the plan has ${steps.length} steps: ${behind} cannot be done`, '')
  const state = new GrowState(input.spec).afterSteps(steps.slice(0, behind))
  for (const [index, step] of steps.entries()) {
    if (index < behind) continue
    const refusal = state.apply(step)
    if (refusal === undefined) continue
    const what = `step ${index + 1} (${stepText(step)}) is not allowed: ${refusal.reason} (${refusal.rule})`
    throw new CliError(
      'refused',
      what,
      `say with --done how far it is, or move ${file ?? 'the plan'} away and plan anew for the fleet as it is`,
    )
  }
  if (file !== undefined) keep(file, { version: 1, done: behind, steps: [...steps] })
  return {
    done: behind,
    steps: steps.map((step, index) => ({ number: index + 1, text: stepText(step), ...step })),
    left,
    hosts: state.hosts.map(({ name, memoryBytes, role }) => ({
      host: name,
      role,
      memoryBytes,
      leftBytes: state.leftBytes(name),
      vms: state.on(name).map((vm) => vm.name),
    })),
  }
}

async function keptPlan(file: string): Promise<GrowPlan | undefined> {
  if (!existsSync(file)) return undefined
  const { growPlanSchema } = await import('../../planner/grow/grow-step.js')
  try {
    return growPlanSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new CliError('error', `${file} is no plan of headroom plan grow`, '', { cause: error })
  }
}

/** Whole or not at all: a plan is not lost half-way. */
function keep(file: string, plan: GrowPlan): void {
  try {
    writeFileSync(`${file}.new`, `${JSON.stringify(plan, undefined, 1)}\n`)
    renameSync(`${file}.new`, file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('error', `${file} cannot be written: ${reason}`, '', { cause: error })
  }
}

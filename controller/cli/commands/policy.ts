import { utcDay } from '../../../common/utc-day.js'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { Command } from 'commander'

import { errorCode } from '../../../common/error-code.js'
import { ConfigError } from '../../../common/config-error.js'
import { writeDurably } from '../../../common/durable-file.js'
import type { PolicyCheckView } from '../../api/views.js'
import { versionArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { Cli, CommandContext } from '../context.js'
import { present } from '../present.js'
import { line, paragraph, span } from '../render/look.js'
import { renderPolicy, renderPolicyCheck, renderProblems, renderVmLabels } from '../render/policy.js'
import { renderPolicyDiff, renderPolicyHistory } from '../render/policy-history.js'

export function addPolicyCommands(program: Command, cli: Cli): void {
  const policy = program.command('policy').description("the fleet's rules: draft, check, show, history")
  addInit(policy, cli)
  addCheck(policy, cli)
  addShow(policy, cli)
  addHistory(policy, cli)
}

function addInit(policy: Command, cli: Cli): void {
  policy
    .command('init')
    .argument('[file]', 'a new file; - for standard output', 'policy.yaml')
    .option('--force', 'replace a file that is there')
    .description('draft a policy file from the fleet that the controller sees')
    .action(async (file: string, { force = false }: { force?: boolean }, command: Command) => {
      const context = cli.contextOf(command)
      const text = await draft(context)
      if (file === '-') {
        context.shell.stdout.write(text)
        return
      }
      const path = resolve(file)
      await writeDraft(path, text, force)
      if (context.json) context.printJson({ file: path, bytes: Buffer.byteLength(text) })
      else
        context.print(
          [
            `drafted ${path}`,
            'next: say in it which groups are core or personal, and what hosts are for',
            `then: headroom policy check ${file}`,
            'it counts when the controller is told of it: npm start -- --policy FILE, or policyFile in controller.yaml',
          ].flatMap((text) => paragraph(text, context.look())),
        )
    })
}

async function draft({ client, shell }: CommandContext): Promise<string> {
  const { signal } = new AbortController()
  const [hosts, vms, arrays] = await Promise.all([client.hosts(signal), client.vms(signal), client.arrays(signal)])
  if (hosts.length === 0)
    throw new CliError('error', 'there is no fleet to draft a policy for: no agent has reported yet')
  const { draftPolicy } = await import('../../policy/draft-policy.js')
  const seen = (vm: (typeof vms)[number], label: 'group' | 'service') =>
    vm[label] === undefined ? undefined : { name: vm[label], isOwn: vm.labelOrigins[label] === 'metadata' }
  return draftPolicy(
    {
      hosts,
      vms: vms.map((vm) => ({ name: vm.name, group: seen(vm, 'group'), service: seen(vm, 'service') })),
      arrays,
    },
    utcDay(shell.now()),
  )
}

async function writeDraft(path: string, text: string, force: boolean): Promise<void> {
  try {
    if (force) await writeDurably(path, text, 0o644)
    else await writeFile(path, text, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    const isThere = errorCode(error) === 'EEXIST'
    if (isThere) throw new CliError('error', `${path} exists`, 'give another name, or --force to replace it')
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('error', `${path} cannot be written: ${reason}`, '', { cause: error })
  }
}

function addCheck(policy: Command, cli: Cli): void {
  policy
    .command('check')
    .argument('<file>', 'a policy file')
    .option('--offline', 'only the file itself, without a controller')
    .description(
      'whether a file is a policy, what it would find now, and which rules are probably not meant so (exit 3 if there are any)',
    )
    .action(async (file: string, { offline = false }: { offline?: boolean }, command: Command) => {
      const context = cli.contextOf(command)
      const text = read(file)
      const here = await checkHere(text, file, context.shell.now())
      const check =
        here.problems.length > 0 || offline
          ? here
          : await context.client.checkPolicy(text, file, new AbortController().signal)
      if (context.json) context.printJson(check)
      else if (check.problems.length > 0) {
        context.shell.stderr.write(`${renderProblems(file, check.problems, context.look()).join('\n')}\n`)
      } else context.print(renderPolicyCheck(check, offline, context.look()))
      if (check.problems.length > 0) cli.finish('error')
      else if (check.notes.length > 0) cli.finish('findings')
    })
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      throw new CliError('error', `there is no file ${file}`, 'headroom policy init drafts one', { cause: error })
    }
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('error', `${file} cannot be read: ${reason}`, '', { cause: error })
  }
}

/** What can be said without a fleet. */
async function checkHere(text: string, file: string, now: number): Promise<PolicyCheckView> {
  const [{ parsePolicy }, { reviewPolicy }] = await Promise.all([
    import('../../policy/policy-file.js'),
    import('../../policy/review.js'),
  ])
  const nothing = { findings: [], ends: [], excepted: [] }
  // The controller takes none that is empty: a full disk leaves such files.
  if (text.trim() === '') {
    return { problems: [{ key: '', expected: 'a policy', got: 'an empty file' }], notes: [], ...nothing }
  }
  try {
    const notes = reviewPolicy(parsePolicy(text, file), now).map(({ line, ...note }) => ({
      ...note,
      ...(line !== undefined && { line }),
    }))
    return { problems: [], notes, ...nothing }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems.map(({ line, ...problem }) => ({ ...problem, ...(line !== undefined && { line }) }))
    return { problems, notes: [], ...nothing }
  }
}

function addShow(policy: Command, cli: Cli): void {
  policy
    .command('show')
    .option('--vms', 'instead, what it says of each VM: class, group, owner, service, and which rule said so')
    .description('the policy in force, defaults included, and what is wrong with its file')
    .action(async ({ vms = false }: { vms?: boolean }, command: Command) => {
      const context = cli.contextOf(command)
      if (vms) {
        await present(context, {
          fetch: (signal) => context.client.vms(signal),
          json: (rows) => ({
            vms: rows.map(({ uuid, name, class: vmClass, group, owner, service, labelOrigins }) => {
              return { uuid, name, class: vmClass, group, owner, service, labelOrigins }
            }),
          }),
          render: renderVmLabels,
        })
        return
      }
      await present(context, {
        fetch: (signal) => context.client.policy(signal),
        json: (view) => view,
        render: renderPolicy,
      })
    })
}

function addHistory(policy: Command, cli: Cli): void {
  policy
    .command('history')
    .argument('[version]', 'show what this version changed', versionArgument)
    .option('--against <version>', 'compare with this version, not with the one before', versionArgument)
    .option('--text', 'show all of the version instead')
    .description('the policies that were in force')
    .action(async (version: number | undefined, options: HistoryOptions, command: Command) => {
      const context = cli.contextOf(command)
      if (version !== undefined) await showVersion(context, version, options)
      else if (options.against !== undefined || options.text === true) {
        throw new CliError('usage', '--against and --text go with the number of a version')
      } else {
        await present(context, {
          fetch: (signal) => context.client.policyHistory(signal),
          json: (versions) => ({ versions }),
          render: renderPolicyHistory,
        })
      }
    })
}

interface HistoryOptions {
  readonly against?: number
  readonly text?: boolean
}

async function showVersion(
  context: CommandContext,
  number: number,
  { against, text = false }: HistoryOptions,
): Promise<void> {
  const { client, json, look, print, printJson, shell } = context
  const { signal } = new AbortController()
  const after = await client.policyVersion(number, signal)
  if (text) {
    if (json) printJson(after)
    // For a file as it was; for a terminal without what could control it.
    else if (!shell.stdout.isTTY) shell.stdout.write(after.text)
    else
      print(
        after.text
          .trimEnd()
          .split('\n')
          .map((row) => line([span(row)], { ...look(), width: undefined })),
      )
    return
  }
  const known = await client.policyHistory(signal)
  const other = against ?? known.findLast((one) => one.number < number)?.number
  const before = other === undefined ? undefined : await client.policyVersion(other, signal)
  if (json) printJson({ before, after })
  else print(renderPolicyDiff(before, after, look()))
}

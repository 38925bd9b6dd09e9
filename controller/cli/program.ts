import { Command, CommanderError, Option } from 'commander'

import { neutralise } from '../../common/neutralise.js'
import { readVersion } from '../../common/version.js'

import { secondsArgument, settleWatch } from './argument.js'
import { CliError } from './cli-error.js'
import { addAgentCommands } from './commands/agent.js'
import { addAlertCommands } from './commands/alert.js'
import { addArrayCommands } from './commands/array.js'
import { addAuthorityCommands } from './commands/authority.js'
import { addAuditCommands } from './commands/audit.js'
import { addCapacityCommand } from './commands/capacity.js'
import { addCommandCommands } from './commands/command.js'
import { addQueueCommands } from './commands/queue.js'
import { addEventsCommand } from './commands/events.js'
import { addHostCommands } from './commands/host.js'
import { addLeaveCommand } from './commands/leave.js'
import { addLoginCommand } from './commands/login.js'
import { addPlanCommands } from './commands/plan.js'
import { addSimulateCommand } from './commands/simulate.js'
import { addPolicyCommands } from './commands/policy.js'
import { addStatusCommand } from './commands/status.js'
import { addStoreCommands } from './commands/store.js'
import { addTokenCommands } from './commands/token.js'
import { addTopCommand } from './commands/top.js'
import { addUserCommands } from './commands/user.js'
import { addVmCommands } from './commands/vm.js'
import { addWhyCommand } from './commands/why.js'
import { defaultDataDirectory, defaultUrl } from './connection.js'
import { type Cli, createContext } from './context.js'
import { exitCodeHelp, exitCodes, type ExitReason } from './exit-codes.js'
import type { Shell } from './shell.js'

const defaultWatchSeconds = 2

/** Runs one command line, without the program's own name; gives the exit code. */
export async function runProgram(words: readonly string[], shell: Shell): Promise<number> {
  let reason: ExitReason = 'ok'
  const cli: Cli = {
    now: () => shell.now(),
    contextOf: (command) => createContext(command, shell),
    finish: (why) => {
      reason = why
    },
  }
  try {
    await createProgram(cli, shell).parseAsync(settleWatch(words, defaultWatchSeconds), { from: 'user' })
    return exitCodes[reason]
  } catch (error) {
    return exitCodes[report(error, shell)]
  }
}

function createProgram(cli: Cli, shell: Shell): Command {
  const program = new Command('headroom')
    .description('Watches fleets of hypervisors: memory, CPU and storage I/O per VM, and room for new ones.')
    .version(`headroom ${readVersion()}`, '-V, --version', 'print the version')
    .addOption(new Option('--json', 'print one JSON document and nothing else'))
    .addOption(
      new Option('--watch [seconds]', `show it again every few seconds (${defaultWatchSeconds}) until q or Ctrl-C`)
        .argParser(secondsArgument)
        .conflicts('json'),
    )
    .option('--url <url>', `the controller (HEADROOM_URL; ${defaultUrl})`)
    .option(
      '--token-file <file>',
      'file with an API token (HEADROOM_TOKEN_FILE, or the token itself in HEADROOM_TOKEN)',
    )
    .option(
      '--data <dir>',
      `the controller's data directory, which holds a token (HEADROOM_DATA; ${defaultDataDirectory})`,
    )
    .option('--no-color', 'no colours (NO_COLOR); there are none either where the output is no terminal')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', epilogue())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => shell.stdout.write(text),
      writeErr: (text) => shell.stderr.write(text),
    })
  for (const add of [
    addStatusCommand,
    addHostCommands,
    addVmCommands,
    addWhyCommand,
    addArrayCommands,
    addAgentCommands,
    addAuthorityCommands,
    addTopCommand,
    addCapacityCommand,
    addPlanCommands,
    addSimulateCommand,
    addPolicyCommands,
    addAlertCommands,
    addCommandCommands,
    addQueueCommands,
    addAuditCommands,
    addUserCommands,
    addTokenCommands,
    addEventsCommand,
    addStoreCommands,
    addLoginCommand,
    addLeaveCommand,
  ]) {
    add(program, cli)
  }
  return program
}

function epilogue(): string {
  const reasons = Object.entries(exitCodeHelp).map(([reason, help]) => {
    const code = Object.entries(exitCodes).find(([name]) => name === reason)?.[1]
    return `  ${code}  ${help}`
  })
  return `
Options may stand before or after the command.

Exit codes:
${reasons.join('\n')}

Examples:
  headroom top --by write
  headroom capacity --reserve 1GiB --vm-memory 2GiB
  headroom vm list --json | jq -r '.vms[] | select(.state == "running").name'
  headroom status --check || echo "somebody should look"`
}

/** Says on stderr what went wrong, in a line or two; gives the reason to end with. */
function report(error: unknown, { stderr }: Shell): ExitReason {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 'ok' : 'usage'
  if (error instanceof CliError) {
    const hint = error.hint === '' ? '' : `\n  ${neutralise(error.hint)}`
    stderr.write(`headroom: ${neutralise(error.message)}${hint}\n`)
    return error.reason
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  stderr.write(`headroom: a bug in headroom itself:\n${stack.split('\n').map(neutralise).join('\n')}\n`)
  return 'error'
}

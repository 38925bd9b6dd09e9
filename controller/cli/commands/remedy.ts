import type { Command } from 'commander'

import { countArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import { confirmed } from '../confirmed.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderCommandEnd, renderVerdicts } from '../render/command.js'
import { line, span } from '../render/look.js'
import { renderRemedies } from '../render/remedies.js'
import { exitOf, untilEnd } from './vm-verbs.js'

interface Options {
  readonly approve?: number
  readonly dryRun?: true
  readonly yes?: true
  readonly wait: boolean
}

const mostProposals = 99

/** `alert remedy 12`: what an alert proposes and what came of it; `--approve 1` carries the first of it out. */
export function addRemedyCommand(alert: Command, cli: Cli): void {
  alert
    .command('remedy')
    .argument('<number>', 'of the alert', countArgument(999_999_999))
    .description('what an alert proposes that headroom can carry out, and what came of it')
    .option('--approve <n>', 'carry out this one of them: a limit that ends by itself', countArgument(mostProposals))
    .option('--dry-run', 'with --approve: every check says what it finds; nothing is done')
    .option('--no-wait', 'with --approve: do not wait for its end')
    .option('--yes', 'do not ask first')
    .action(async (number: number, { approve, dryRun, yes, wait }: Options, self: Command) => {
      const context = cli.contextOf(self)
      if (approve === undefined) {
        await present(context, {
          fetch: async (signal) => {
            const { proposals, remedies } = await context.client.alert(number, signal)
            return { proposals, remedies }
          },
          json: (data) => data,
          render: (data, look) => renderRemedies(number, data, look),
        })
        return
      }
      const { client, json, look, print, printJson, shell } = context
      const { signal } = new AbortController()
      const { proposals } = await client.alert(number, signal)
      const chosen = proposals[approve - 1]
      if (chosen === undefined)
        throw new CliError('error', `alert ${number} proposes ${proposals.length} limits now, and no number ${approve}`)
      if (dryRun !== true && yes !== true && !(await confirmed(shell, chosen.text))) return
      const asked = await client.carryOutRemedy(number, { vm: chosen.vmUuid, dryRun: dryRun === true }, signal)
      const last = wait ? await untilEnd(client, asked, signal) : asked
      if (json) printJson(last)
      else if (dryRun === true || last.state === 'refused') print(renderVerdicts(last, look()))
      else {
        print(renderCommandEnd(last, look()))
        if (last.state === 'succeeded')
          print([line([span(`whether it helped is seen in 20 s: headroom alert remedy ${number}`, 'dim')], look())])
      }
      cli.finish(exitOf(last.state))
    })
}
